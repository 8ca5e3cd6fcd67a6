"""Speaks to AWS: the only room that imports boto3 and botocore; no type of theirs leaves it.

Verbs: `assume_role_with_saml`, `ask_sts`. Next door are `conf` below and `services` above.
"""
