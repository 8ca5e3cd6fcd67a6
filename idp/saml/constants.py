"""Names that SAML, XML Signature and their profiles fixed; there is no fallback algorithm among them."""

from typing import Final

SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"

EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED_SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA384: Final = "http://www.w3.org/2001/04/xmldsig-more#sha384"
SHA512: Final = "http://www.w3.org/2001/04/xmlenc#sha512"
DEFLATE: Final = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"

STATUS_SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ATTRIBUTE_NAME_URI: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"

HTTP_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
HTTP_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

# These addresses are promises: whoever has our metadata has these.
SIGN_ON_REDIRECT_PATH: Final = "/saml/sso/redirect"
SIGN_ON_POST_PATH: Final = "/saml/sso/post"
LOGOUT_REDIRECT_PATH: Final = "/saml/slo/redirect"
LOGOUT_POST_PATH: Final = "/saml/slo/post"

# STS API Reference, AssumeRoleWithSAML: it takes 4 to 100,000 characters of base64.
LONGEST_STATEMENT: Final = 100_000
