"""SAML on the wire: a plan in, a signed document out; octets in, a checked request out; our metadata and keys.

Verbs: `build_and_sign` (responses), `sign_statement` and `sign_refusal` (answers), `read_query` and `read_form`
(bindings), `gated` and what follows it (requests), `build_metadata` (metadata), `signing_keys` (keys), and making and
promoting keys (key_making). The only room that knows lxml, pysaml2 and the files of keys; none of their types
leaves it. Called by `idp.services`; next door are `idp.directory` and `idp.models`, which it does not know.
"""
