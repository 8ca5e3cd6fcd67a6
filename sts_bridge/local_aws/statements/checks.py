"""Whether verified claims are meant for us, from the provider that was named, and for this moment."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml import etree

from sts_bridge.local_aws.errors import access_denied, expired_statement, invalid_statement
from sts_bridge.local_aws.statements.claims import Claims, SubjectConfirmation, read_instant, text_of
from sts_bridge.local_aws.statements.grammar import SAML, SAMLP
from sts_bridge.local_aws.statements.verify import VerifiedStatement

ISSUER_MISMATCH: Final = "Issuer not present in specified provider"
NAME_ID_FORMATS: Final = frozenset(
    {
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:entity",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
    }
)

_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
_REDEEM_WITHIN = timedelta(minutes=5)
_LONGEST_LIFE = timedelta(minutes=10)
_ZERO = timedelta()


@dataclass(frozen=True, slots=True)
class Expectation:
    """For whom a statement must be, by whom, and at what moment; one tolerance holds for every instant."""

    entity_id: str
    audience: str
    sign_in_urls: Collection[str]
    skew: timedelta
    now: datetime


def check_response(statement: VerifiedStatement, expected: Expectation) -> None:
    """Hold the response around the assertion to what we expect; refuses another issuer, address or status."""
    response = statement.response
    _check_issuer(response.find(f"{{{SAML}}}Issuer"), expected)
    status = response.find(f"{{{SAMLP}}}Status/{{{SAMLP}}}StatusCode")
    if status is None or status.get("Value") != _SUCCESS:
        raise invalid_statement("saml.status.not_success")
    destination = response.get("Destination")
    # SAML Bindings 3.5.5.2: a signed message must carry the address it was made for.
    if destination not in expected.sign_in_urls and (destination is not None or statement.response_is_signed):
        raise invalid_statement("saml.destination")
    # AWS asks nobody, so nothing can be an answer.
    if response.get("InResponseTo") is not None:
        raise invalid_statement("saml.in_response_to")
    _check_issue_instant(read_instant(response, "IssueInstant"), expected)


def check_claims(claims: Claims, issuer: etree._Element | None, expected: Expectation) -> str:
    """Give the Recipient once everything about the assertion holds; refuses in AWS's words otherwise."""
    _check_issuer(issuer, expected)
    _check_issue_instant(claims.issued_at, expected)
    _check_conditions(claims, expected)
    if claims.name_id is None:
        raise access_denied("saml.name_id.missing")
    if claims.name_id_format not in NAME_ID_FORMATS or not claims.name_id:
        raise invalid_statement("saml.name_id.format")
    if claims.name_id != claims.name_id.strip():
        raise invalid_statement("saml.name_id.whitespace")
    _check_authentication(claims, expected)
    if len(claims.confirmations) != 1:
        raise invalid_statement("saml.confirmation.count")
    return _check_confirmation(claims.confirmations[0], claims.issued_at, expected)


def _check_issuer(issuer: etree._Element | None, expected: Expectation) -> None:
    if text_of(issuer) != expected.entity_id:
        raise invalid_statement("saml.issuer", ISSUER_MISMATCH)
    if issuer is not None and issuer.get("Format", _ENTITY) != _ENTITY:
        raise invalid_statement("saml.issuer.format")


def _check_issue_instant(issued_at: datetime | None, expected: Expectation) -> None:
    if issued_at is None or issued_at - expected.now > expected.skew:
        raise invalid_statement("saml.time.issued_in_future")
    if expected.now - issued_at >= _REDEEM_WITHIN + expected.skew:
        raise expired_statement(
            "saml.time.redeemed_late", "Token must be redeemed within 5 minutes of issuance"
        )


def _check_conditions(claims: Claims, expected: Expectation) -> None:
    if not claims.has_conditions or claims.not_before is None or claims.not_on_or_after is None:
        raise invalid_statement("saml.conditions.missing")
    if claims.not_before - expected.now > expected.skew:
        raise invalid_statement("saml.time.not_yet_valid")
    _check_end(claims.not_on_or_after, claims.not_before, expected)
    if not claims.audiences or any(expected.audience not in some for some in claims.audiences):
        raise invalid_statement("saml.audience", "Response does not contain the required audience.")


def _check_end(end: datetime, start: datetime, expected: Expectation) -> None:
    if expected.now - end >= expected.skew:
        raise expired_statement("saml.time.expired")
    if not _ZERO < end - start <= _LONGEST_LIFE:
        raise invalid_statement("saml.time.life")


def _check_authentication(claims: Claims, expected: Expectation) -> None:
    if len(claims.authenticated_at) != 1 or claims.authenticated_at[0] is None:
        raise invalid_statement("saml.authn_statement")
    if claims.authenticated_at[0] - expected.now > expected.skew:
        raise invalid_statement("saml.time.authenticated_in_future")
    # No tolerance: what begins now cannot have ended before.
    if claims.session_ends_at is not None and claims.session_ends_at <= expected.now:
        raise expired_statement("saml.time.session_over")


def _check_confirmation(
    confirmation: SubjectConfirmation, issued_at: datetime | None, expected: Expectation
) -> str:
    if confirmation.method != _BEARER:
        raise invalid_statement("saml.confirmation.method")
    if confirmation.not_before is not None or confirmation.not_on_or_after is None or issued_at is None:
        raise invalid_statement("saml.confirmation.window")
    _check_end(confirmation.not_on_or_after, issued_at, expected)
    if confirmation.in_response_to is not None:
        raise invalid_statement("saml.in_response_to")
    if confirmation.recipient is None or confirmation.recipient not in expected.sign_in_urls:
        raise invalid_statement("saml.recipient")
    return confirmation.recipient
