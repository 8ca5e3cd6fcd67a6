"""A web identity token, from characters to a person: the issuer's own keys verify it, and nothing else is believed.

`keys` asks the issuer, `tokens` reads strictly, `claims` says whether it is meant for us; next door `sts` opens
the session.
"""
