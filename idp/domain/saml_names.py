"""Names that SAML and XML Signature fixed and that administrators choose among: bindings, formats, algorithms."""

from enum import StrEnum


class Binding(StrEnum):
    """How a message travels (SAML Bindings 3.4 and 3.5); artifacts and SOAP are not spoken here."""

    HTTP_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


class NameIdFormat(StrEnum):
    """What a name identifier is (SAML Core 8.3)."""

    PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"


class NameFormat(StrEnum):
    """How an attribute's name is to be read (SAML Core 8.2)."""

    URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
    BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
    UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"


class SignatureAlgorithm(StrEnum):
    """The algorithms that may sign, for us and for others; every other one is refused (V8)."""

    RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    RSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
    RSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
    ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    ECDSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"

    @property
    def is_rsa(self) -> bool:
        """Whether an RSA key makes it; the others need a key on a curve, P-256 or P-384."""
        return self in {
            SignatureAlgorithm.RSA_SHA256,
            SignatureAlgorithm.RSA_SHA384,
            SignatureAlgorithm.RSA_SHA512,
        }
