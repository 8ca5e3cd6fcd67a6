"""What a verified assertion says, read from the signed element only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from sts_bridge.local_aws.errors import invalid_statement
from sts_bridge.local_aws.statements.grammar import SAML

UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

# Ten or more fractional digits name no instant that a clock could show.
_INSTANT = re.compile(
    r"(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SubjectConfirmation:
    """How the bearer of the assertion shows to be its subject."""

    method: str
    recipient: str | None
    not_before: datetime | None
    not_on_or_after: datetime | None
    in_response_to: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """The whole content of an assertion, before anybody asked whether it is meant for us."""

    assertion_id: str
    issuer: str
    issued_at: datetime | None
    name_id: str | None
    name_id_format: str
    confirmations: tuple[SubjectConfirmation, ...]
    has_conditions: bool
    not_before: datetime | None
    not_on_or_after: datetime | None
    audiences: tuple[frozenset[str], ...]
    one_time_use: bool
    authenticated_at: tuple[datetime | None, ...]
    session_ends_at: datetime | None
    attributes: Mapping[str, tuple[str, ...]]


def read_claims(assertion: etree._Element) -> Claims:
    """Give what a signed assertion says; refuses an unreadable instant and an attribute that comes twice."""
    name_id = assertion.find(f"{{{SAML}}}Subject/{{{SAML}}}NameID")
    conditions = assertion.find(f"{{{SAML}}}Conditions")
    statements = assertion.findall(f"{{{SAML}}}AuthnStatement")
    ends = [read_instant(statement, "SessionNotOnOrAfter") for statement in statements]
    return Claims(
        assertion_id=assertion.get("ID", ""),
        issuer=text_of(assertion.find(f"{{{SAML}}}Issuer")),
        issued_at=read_instant(assertion, "IssueInstant"),
        name_id=None if name_id is None else text_of(name_id),
        name_id_format=UNSPECIFIED if name_id is None else name_id.get("Format", UNSPECIFIED),
        confirmations=tuple(map(_read_confirmation, assertion.iter(f"{{{SAML}}}SubjectConfirmation"))),
        has_conditions=conditions is not None,
        not_before=read_instant(conditions, "NotBefore"),
        not_on_or_after=read_instant(conditions, "NotOnOrAfter"),
        audiences=tuple(
            frozenset(map(text_of, restriction))
            for restriction in assertion.iter(f"{{{SAML}}}AudienceRestriction")
        ),
        one_time_use=assertion.find(f"{{{SAML}}}Conditions/{{{SAML}}}OneTimeUse") is not None,
        authenticated_at=tuple(read_instant(statement, "AuthnInstant") for statement in statements),
        session_ends_at=min((end for end in ends if end), default=None),
        attributes=_read_attributes(assertion),
    )


def text_of(element: etree._Element | None) -> str:
    """Give the text of an element that holds nothing but text; refuses one that holds elements."""
    if element is None:
        return ""
    if len(element):
        raise invalid_statement("saml.structure.nested_element")
    return element.text or ""


def read_instant(element: etree._Element | None, attribute: str) -> datetime | None:
    """Give an instant in UTC, or nothing where none is written; refuses all but `...Z` of a real second."""
    text = None if element is None else element.get(attribute)
    if text is None:
        return None
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise invalid_statement("saml.time.unreadable")
    try:
        second = datetime.fromisoformat(found["second"])
    except ValueError:
        raise invalid_statement("saml.time.unreadable") from None
    microsecond = int(f"{found['fraction'] or 0:0<6}"[:6])
    return second.replace(microsecond=microsecond, tzinfo=UTC)


def _read_confirmation(element: etree._Element) -> SubjectConfirmation:
    data = element.find(f"{{{SAML}}}SubjectConfirmationData")
    return SubjectConfirmation(
        method=element.get("Method", ""),
        recipient=None if data is None else data.get("Recipient"),
        not_before=read_instant(data, "NotBefore"),
        not_on_or_after=read_instant(data, "NotOnOrAfter"),
        in_response_to=None if data is None else data.get("InResponseTo"),
    )


def _read_attributes(assertion: etree._Element) -> dict[str, tuple[str, ...]]:
    attributes: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.iter(f"{{{SAML}}}Attribute"):
        name = attribute.get("Name", "")
        # Two readers may each believe another one of the two.
        if name in attributes:
            raise invalid_statement("saml.attribute.duplicate")
        attributes[name] = tuple(map(text_of, attribute))
    return attributes
