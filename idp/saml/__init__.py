"""SAML on the wire: an `AssertionPlan` in, a signed document out; our metadata; the keys that sign.

Verbs: `build_and_sign` (responses), `build_metadata` (metadata), `signing_keys` (keys), and making and promoting
keys (key_making). The only room that knows lxml, pysaml2 and the files of keys; none of their types leaves it.
Called by `idp.services`; next door are `idp.directory` and `idp.models`, which it does not know.
"""
