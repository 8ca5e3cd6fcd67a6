"""A posted statement on its way from characters to claims: decode, gate, verify, check.

`gate` looks at the shape before any signature code runs, `verify` returns only what was signed, `checks` asks
whether it is meant for us and for now, `attributes` reads what AWS reads. Next door: `role_session` decides.
"""
