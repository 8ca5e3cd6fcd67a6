"""Tokens of OpenID Connect issuers, from characters to claims: their own keys verify, nothing else is believed.

`keys` asks the issuer, `tokens` reads strictly, `claims` says whether a token is meant for us and for now. Next door
`services/web_identity` finds the person; no page and no table is known here.
"""
