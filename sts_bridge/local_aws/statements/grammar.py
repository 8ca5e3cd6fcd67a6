"""What a statement may look like: for each element its content, its attributes, and nothing else.

The allow-list follows the schemas of SAML Core and XML Signature, narrowed to what AWS reads. What is not
written here does not exist: extensions, advice, encryption, other conditions, every other namespace.
"""

import re
from dataclasses import dataclass
from typing import Final

SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

_NAMESPACES = {"samlp": SAMLP, "saml": SAML, "ds": DS, "ec": EXCLUSIVE_C14N}
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


@dataclass(frozen=True, slots=True)
class Shape:
    """The content of one element: a pattern over the names of its children, or text alone."""

    children: re.Pattern[str] | None
    required: frozenset[str]
    allowed: frozenset[str]


def _elements(content: str = "", *, required: str = "", optional: str = "") -> Shape:
    names = frozenset(required.split())
    return Shape(re.compile(content), names, names | frozenset(optional.split()))


def _text(*, optional: str = "") -> Shape:
    return Shape(None, frozenset(), frozenset(optional.split()))


SHAPES: Final[dict[str, Shape]] = {
    "samlp:Response": _elements(
        "saml:Issuer (?:ds:Signature )?samlp:Status saml:Assertion ",
        required="ID Version IssueInstant",
        optional="Destination InResponseTo Consent",
    ),
    "samlp:Status": _elements("samlp:StatusCode (?:samlp:StatusMessage )?"),
    "samlp:StatusCode": _elements("(?:samlp:StatusCode )?", required="Value"),
    "samlp:StatusMessage": _text(),
    "saml:Assertion": _elements(
        # Subject and Conditions may be missing here, because AWS has a message of its own for that.
        "saml:Issuer (?:ds:Signature )?(?:saml:Subject )?(?:saml:Conditions )?"
        "(?:saml:AuthnStatement |saml:AttributeStatement )*",
        required="ID Version IssueInstant",
    ),
    "saml:Issuer": _text(optional="Format"),
    "saml:Subject": _elements("(?:saml:NameID )?(?:saml:SubjectConfirmation )*"),
    "saml:NameID": _text(optional="Format NameQualifier SPNameQualifier SPProvidedID"),
    "saml:SubjectConfirmation": _elements("(?:saml:SubjectConfirmationData )?", required="Method"),
    "saml:SubjectConfirmationData": _elements(
        optional="NotBefore NotOnOrAfter Recipient InResponseTo Address"
    ),
    "saml:Conditions": _elements(
        "(?:saml:AudienceRestriction |saml:OneTimeUse )*", optional="NotBefore NotOnOrAfter"
    ),
    "saml:AudienceRestriction": _elements("(?:saml:Audience )+"),
    "saml:Audience": _text(),
    "saml:OneTimeUse": _elements(),
    "saml:AuthnStatement": _elements(
        "(?:saml:SubjectLocality )?saml:AuthnContext ",
        required="AuthnInstant",
        optional="SessionIndex SessionNotOnOrAfter",
    ),
    "saml:SubjectLocality": _elements(optional="Address DNSName"),
    "saml:AuthnContext": _elements(
        "(?:saml:AuthnContextClassRef )?(?:saml:AuthnContextDeclRef )?(?:saml:AuthenticatingAuthority )*"
    ),
    "saml:AuthnContextClassRef": _text(),
    "saml:AuthnContextDeclRef": _text(),
    "saml:AuthenticatingAuthority": _text(),
    "saml:AttributeStatement": _elements("(?:saml:Attribute )+"),
    "saml:Attribute": _elements(
        "(?:saml:AttributeValue )*", required="Name", optional="NameFormat FriendlyName"
    ),
    "saml:AttributeValue": _text(optional=_XSI_TYPE),
    "ds:Signature": _elements("ds:SignedInfo ds:SignatureValue (?:ds:KeyInfo )?"),
    "ds:SignedInfo": _elements("ds:CanonicalizationMethod ds:SignatureMethod ds:Reference "),
    "ds:CanonicalizationMethod": _elements("(?:ec:InclusiveNamespaces )?", required="Algorithm"),
    "ds:SignatureMethod": _elements(required="Algorithm"),
    "ds:Reference": _elements("ds:Transforms ds:DigestMethod ds:DigestValue ", required="URI"),
    "ds:Transforms": _elements("ds:Transform ds:Transform "),
    "ds:Transform": _elements("(?:ec:InclusiveNamespaces )?", required="Algorithm"),
    "ec:InclusiveNamespaces": _elements(required="PrefixList"),
    "ds:DigestMethod": _elements(required="Algorithm"),
    "ds:DigestValue": _text(),
    "ds:SignatureValue": _text(),
    "ds:KeyInfo": _elements("ds:X509Data "),
    "ds:X509Data": _elements("ds:X509Certificate "),
    "ds:X509Certificate": _text(),
}

_NAMES: Final = {
    f"{{{_NAMESPACES[prefix]}}}{local_name}": f"{prefix}:{local_name}"
    for prefix, _, local_name in (name.partition(":") for name in SHAPES)
}


def short_name(tag: object) -> str:
    """Give `prefix:Name` for an element that has a shape here, and `?` for everything else."""
    return _NAMES.get(tag, "?") if isinstance(tag, str) else "?"
