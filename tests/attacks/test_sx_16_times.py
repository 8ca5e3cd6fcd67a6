"""SX-16: statements of another moment. One tolerance of a minute holds for every instant."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.attacks import forge
from tests.attacks.forge import instant
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-16")

EXPIRED = ("ExpiredTokenException", "Response has expired")
LATE = ("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
INVALID = ("InvalidIdentityToken", "Your request included an invalid SAML response.")

# Each row changes one instant, by seconds from now; the second statement is its twin, a little nearer.
ROWS = {
    "conditions-ended": ("not_on_or_after", -61, -55, EXPIRED),
    "conditions-begin": ("not_before", 65, 55, INVALID),
    "confirmation-ended": ("confirm_not_on_or_after", -61, -55, EXPIRED),
    "assertion-in-future": ("issued", 65, 55, INVALID),
    "response-in-future": ("response_issued", 65, 55, INVALID),
    "response-late": ("response_issued", -361, -350, LATE),
    "response-two-hours-late": ("response_issued", -7200, -350, LATE),
    "authenticated-in-future": ("authenticated", 65, 55, INVALID),
    "session-over": ("session_ends", -1, 30, EXPIRED),
}


def changed(statement: forge.Statement, name: str, value: str | None) -> forge.Statement:
    """The statement with one part of it changed."""
    change: dict[str, Any] = {name: value}
    return replace(statement, **change)


def aged() -> forge.Statement:
    """A statement of two minutes ago whose windows leave room to move each end by itself."""
    now = datetime.now(UTC)
    return forge.Statement(
        now=now,
        issued=instant(now, -120),
        response_issued=instant(now, -120),
        not_before=instant(now, -180),
        not_on_or_after=instant(now, 180),
        confirm_not_on_or_after=instant(now, 180),
    )


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_instant_beyond_the_tolerance_is_refused(
    row: tuple[str, int, int, tuple[str, str]], mode: str, stand: Stand
) -> None:
    """A minute of difference between clocks is forgiven and not more, for each instant by itself."""
    name, wrong, lawful, (code, message) = row
    base = aged()
    beyond = changed(base, name, instant(base.now, wrong))
    if name == "issued":
        beyond = replace(
            beyond, response_issued=instant(base.now), confirm_not_on_or_after=instant(base.now, 300)
        )
    refusal = stand.refused(forge.signed(beyond, mode))
    assert (refusal.code, refusal.message) == (code, message)
    assert refusal.reason.startswith("saml.time.")
    twin = changed(beyond, name, instant(base.now, lawful))
    stand.accepted(forge.signed(twin, mode))


def test_the_five_minutes_are_counted_from_the_assertion(mode: str, stand: Stand) -> None:
    """A statement is redeemed within five minutes and the tolerance, though it says to live longer."""
    now = datetime.now(UTC)
    for age, taken in ((361, False), (350, True), (7200, False)):
        statement = forge.Statement(
            now=now,
            issued=instant(now, -age),
            response_issued=instant(now, -300),
            not_before=instant(now, -300),
            confirm_not_on_or_after=instant(now, min(100, 600 - age)),
        )
        document = forge.signed(statement, mode)
        if taken:
            stand.accepted(document)
        else:
            refusal = stand.refused(document)
            assert (refusal.code, refusal.message, refusal.reason) == (*LATE, "saml.time.redeemed_late")


@pytest.mark.parametrize("name", ["not_before", "not_on_or_after", "confirm_not_on_or_after"])
def test_a_missing_instant_is_refused(name: str, mode: str, stand: Stand) -> None:
    """Windows have both ends."""
    missing = changed(forge.Statement(), name, None)
    assert stand.refused(forge.signed(missing, mode)).reason in {
        "saml.conditions.missing",
        "saml.confirmation.window",
    }
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_missing_issue_instants_and_statements_are_refused(mode: str, stand: Stand) -> None:
    """Both issue instants, the conditions and one authentication are there."""
    text = forge.Statement().xml()
    for place in ("<samlp:Response ", "<saml:Assertion "):
        start = text.index("IssueInstant", text.index(place))
        cut = text[:start] + text[text.index('" ', start) + 2 :] if place != "<saml:Assertion " else None
        if cut is None:
            cut = text[:start].rstrip() + text[text.index(">", start) :]
        assert stand.refused(forge.signed(cut, mode)).reason == "saml.structure.attributes"
    no_authentication = forge.Statement(authenticated=None)
    assert stand.refused(forge.signed(no_authentication, mode)).reason == "saml.authn_statement"
    start, end = text.index("<saml:AuthnStatement"), text.index("</saml:AuthnStatement>") + 22
    twice = text[:end] + text[start:end] + text[end:]
    assert stand.refused(forge.signed(twice, mode)).reason == "saml.authn_statement"
    start, end = text.index("<saml:Conditions"), text.index("</saml:Conditions>") + 18
    assert stand.refused(forge.signed(text[:start] + text[end:], mode)).reason == "saml.conditions.missing"
    stand.accepted(forge.signed(text, mode))


@pytest.mark.parametrize(
    "spelling",
    [
        "", "now", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "{second}", "{second}+00:00", "{second}+02:00",
        "{second}z", " {second}Z", "{second}Z ", "{second}.Z", "{second}.000000000000000000000000000000Z",
        "{second},5Z", "2016-12-31T23:59:60Z", "{day}T24:00:00Z", "{day}", "{day} 10:00:00Z", "0000-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z", "\u0662026-01-01T00:00:00Z",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "name", ["not_on_or_after", "not_before", "confirm_not_on_or_after", "issued", "authenticated"]
)
def test_an_instant_that_is_not_utc_to_the_second_is_refused(name: str, spelling: str, stand: Stand) -> None:
    """Instants are written `...Z`; no zone, another zone, leap seconds and thirty digits are refused."""
    statement = forge.Statement()
    text = spelling.format(second=instant(statement.now, 100)[:-1], day=instant(statement.now)[:10])
    attribute = {
        "not_on_or_after": "NotOnOrAfter", "not_before": "NotBefore", "confirm_not_on_or_after": "NotOnOrAfter",
        "issued": "IssueInstant", "authenticated": "AuthnInstant",
    }[name]  # fmt: skip
    mark = {"issued": "<saml:Assertion ", "authenticated": "<saml:AuthnStatement "}.get(
        name, "<saml:SubjectConfirmationData" if name.startswith("confirm") else "<saml:Conditions"
    )
    xml = statement.xml()
    at = xml.index(f'{attribute}="', xml.index(mark)) + len(attribute) + 2
    odd = xml[:at] + text + xml[xml.index('"', at) :]
    assert stand.refused(forge.signed(odd, "both")).reason == "saml.time.unreadable"
    stand.accepted(forge.signed(xml, "both"))


def test_fractions_of_a_second_are_accepted(mode: str, stand: Stand) -> None:
    """One to nine fractional digits are lawful, as other identity providers write them."""
    now = datetime.now(UTC)
    for fraction in ("5", "123", "1234567", "999999999"):
        issued = f"{instant(now, -2)[:-1]}.{fraction}Z"
        stand.accepted(forge.signed(forge.Statement(now=now, issued=issued), mode))


@pytest.mark.parametrize("name", ["not_on_or_after", "confirm_not_on_or_after"])
@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "long"])
def test_a_life_of_more_than_ten_minutes_is_refused(name: str, end: str, mode: str, stand: Stand) -> None:
    """A statement lives ten minutes at most, also one that never wants to end."""
    statement = forge.Statement()
    # Conditions begin a minute before the statement is issued, so their ten minutes end earlier.
    longest = 540 if name == "not_on_or_after" else 600
    far = instant(statement.now, longest + 5) if end == "long" else end
    wrong = changed(statement, name, far)
    assert stand.refused(forge.signed(wrong, mode)).reason == "saml.time.life"
    stand.accepted(forge.signed(changed(statement, name, instant(statement.now, longest)), mode))


def test_a_confirmation_with_a_beginning_is_refused(mode: str, stand: Stand) -> None:
    """A bearer's confirmation has no NotBefore, lawful or not (SAML Profiles 4.1.4.2)."""
    statement = forge.Statement()
    wrong = replace(statement, confirm_not_before=instant(statement.now, -60))
    assert stand.refused(forge.signed(wrong, mode)).reason == "saml.confirmation.window"
    stand.accepted(forge.signed(statement, mode))
