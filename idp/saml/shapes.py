"""What service providers may send: for each element its attributes, its content in order, and nothing else.

SAML Core 3.4.1, 3.7.1 and 3.7.2, narrowed to what we answer. Nothing encrypted is read, and no reference is followed.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from idp.saml.constants import DS, EXCLUSIVE_C14N, SAML, SAMLP


class MessageKind(StrEnum):
    """The messages that we read."""

    AUTHN_REQUEST = "AuthnRequest"
    LOGOUT_REQUEST = "LogoutRequest"
    LOGOUT_RESPONSE = "LogoutResponse"


@dataclass(frozen=True, slots=True)
class Slot:
    """One kind of child at its place, and how often it may stand there."""

    tag: str
    least: int = 0
    most: int = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """One element: children in order where `slots` are given, text alone otherwise; foreign content is not read."""

    allowed: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    slots: tuple[Slot, ...] | None = None
    foreign: bool = False


def samlp(name: str) -> str:
    """The tag of an element of the protocol."""
    return f"{{{SAMLP}}}{name}"


def saml(name: str) -> str:
    """The tag of an element of assertions."""
    return f"{{{SAML}}}{name}"


def ds(name: str) -> str:
    """The tag of an element of XML Signature."""
    return f"{{{DS}}}{name}"


SIGNATURE: Final = ds("Signature")
EXTENSIONS: Final = samlp("Extensions")
# The one extension that is read (SAML V2.0 Asynchronous Single Logout Protocol Extension 1.0).
ASYNCHRONOUS: Final = "{urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo}Asynchronous"
PREFIX_LIST: Final = f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"
ROOTS: Final = {samlp(kind): kind for kind in MessageKind}

_MANY = 64
_MESSAGE = frozenset({"ID", "Version", "IssueInstant"})
_ANY_MESSAGE = _MESSAGE | {"Destination", "Consent"}
_NAME_ID = frozenset({"Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"})
_ALGORITHM = frozenset({"Algorithm"})
_HEAD = (Slot(saml("Issuer"), 1), Slot(SIGNATURE), Slot(EXTENSIONS))
_TEXT = Shape()


def _one(*tags: str) -> tuple[Slot, ...]:
    return tuple(Slot(tag, 1) for tag in tags)


def _algorithm(*slots: Slot) -> Shape:
    return Shape(_ALGORITHM, _ALGORITHM, slots)


SHAPES: Final = {
    samlp("AuthnRequest"): Shape(
        _ANY_MESSAGE
        | {
            "ForceAuthn",
            "IsPassive",
            "ProtocolBinding",
            "AssertionConsumerServiceIndex",
            "AssertionConsumerServiceURL",
            "AttributeConsumingServiceIndex",
            "ProviderName",
        },
        _MESSAGE,
        (
            *_HEAD,
            Slot(saml("Subject")),
            Slot(samlp("NameIDPolicy")),
            Slot(saml("Conditions")),
            Slot(samlp("RequestedAuthnContext")),
            Slot(samlp("Scoping")),
        ),
    ),
    samlp("LogoutRequest"): Shape(
        _ANY_MESSAGE | {"NotOnOrAfter", "Reason"},
        _MESSAGE,
        (*_HEAD, Slot(saml("NameID"), 1), Slot(samlp("SessionIndex"), 0, _MANY)),
    ),
    samlp("LogoutResponse"): Shape(
        _ANY_MESSAGE | {"InResponseTo"}, _MESSAGE, (*_HEAD, Slot(samlp("Status"), 1))
    ),
    EXTENSIONS: Shape(foreign=True),
    saml("Issuer"): Shape(_NAME_ID),
    saml("NameID"): Shape(_NAME_ID),
    samlp("SessionIndex"): _TEXT,
    saml("Subject"): Shape(slots=_one(saml("NameID"))),
    samlp("NameIDPolicy"): Shape(frozenset({"Format", "SPNameQualifier", "AllowCreate"}), slots=()),
    saml("Conditions"): Shape(
        frozenset({"NotBefore", "NotOnOrAfter"}), slots=(Slot(saml("AudienceRestriction"), 0, _MANY),)
    ),
    saml("AudienceRestriction"): Shape(slots=(Slot(saml("Audience"), 1, _MANY),)),
    saml("Audience"): _TEXT,
    samlp("RequestedAuthnContext"): Shape(
        frozenset({"Comparison"}),
        slots=(
            Slot(saml("AuthnContextClassRef"), 0, _MANY),
            Slot(saml("AuthnContextDeclRef"), 0, _MANY),
        ),
    ),
    saml("AuthnContextClassRef"): _TEXT,
    saml("AuthnContextDeclRef"): _TEXT,
    samlp("Scoping"): Shape(
        frozenset({"ProxyCount"}), slots=(Slot(samlp("IDPList")), Slot(samlp("RequesterID"), 0, _MANY))
    ),
    samlp("IDPList"): Shape(slots=(Slot(samlp("IDPEntry"), 1, _MANY), Slot(samlp("GetComplete")))),
    samlp("IDPEntry"): Shape(frozenset({"ProviderID", "Name", "Loc"}), frozenset({"ProviderID"}), slots=()),
    samlp("GetComplete"): _TEXT,
    samlp("RequesterID"): _TEXT,
    samlp("Status"): Shape(slots=(Slot(samlp("StatusCode"), 1), Slot(samlp("StatusMessage")))),
    samlp("StatusCode"): Shape(
        frozenset({"Value"}), frozenset({"Value"}), slots=(Slot(samlp("StatusCode")),)
    ),
    samlp("StatusMessage"): _TEXT,
    SIGNATURE: Shape(slots=(*_one(ds("SignedInfo"), ds("SignatureValue")), Slot(ds("KeyInfo")))),
    ds("SignedInfo"): Shape(slots=_one(ds("CanonicalizationMethod"), ds("SignatureMethod"), ds("Reference"))),
    ds("CanonicalizationMethod"): _algorithm(Slot(PREFIX_LIST)),
    ds("SignatureMethod"): _algorithm(),
    ds("Reference"): Shape(
        frozenset({"URI"}),
        frozenset({"URI"}),
        _one(ds("Transforms"), ds("DigestMethod"), ds("DigestValue")),
    ),
    ds("Transforms"): Shape(slots=(Slot(ds("Transform"), 2, 2),)),
    ds("Transform"): _algorithm(Slot(PREFIX_LIST)),
    PREFIX_LIST: Shape(frozenset({"PrefixList"}), frozenset({"PrefixList"}), ()),
    ds("DigestMethod"): _algorithm(),
    ds("DigestValue"): _TEXT,
    ds("SignatureValue"): _TEXT,
    # What it says about keys is never believed; this much of it is let stand, unread: what OpenSAML writes there.
    ds("KeyInfo"): Shape(slots=(Slot(ds("KeyName"), 0, 8), Slot(ds("X509Data"), 1))),
    ds("KeyName"): _TEXT,
    ds("X509Data"): Shape(slots=(Slot(ds("X509SubjectName")), Slot(ds("X509Certificate"), 1, 4))),
    ds("X509SubjectName"): _TEXT,
    ds("X509Certificate"): _TEXT,
}
