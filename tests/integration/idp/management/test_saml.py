"""`manage.py saml decode`: what it prints, and what it finds wrong with a message that it does not believe."""

import base64
import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from idp.saml.responses import build_and_sign
from tests.providers import ACS, ENTITY_ID, a_row, certificate_text_of
from tests.service_provider import Request, instant, query
from tests.statements import a_plan, signing_key

pytestmark = pytest.mark.django_db

IDP = "https://idp.example.test"
REQUEST = Request(ENTITY_ID, f"{IDP}/saml/sso/redirect")


def run(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("saml", "decode", *words, stdout=out)
    return out.getvalue()


def problems(message: str) -> list[str]:
    """What the command finds wrong."""
    told: list[str] = json.loads(run(message, "--json"))["problems"]
    return [one for one in told if not one.startswith(("nothing here was verified", "no signature in it"))]


def test_the_command_prints_and_fails_plainly() -> None:
    """Text for people, JSON for programs, one sentence where it cannot."""
    a_row()
    told = run(REQUEST.xml())
    assert told.startswith("AuthnRequest, pasted as XML")
    assert "! nothing here was verified" in told
    assert json.loads(run(REQUEST.xml(), "--json"))["kind"] == "AuthnRequest"
    with pytest.raises(CommandError, match="no SAML message"):
        run("hello")


def test_an_ordinary_request_has_nothing_wrong() -> None:
    """As XML and as the address of a browser; each thing that is wrong with another one is told by its name."""
    a_row()
    assert problems(REQUEST.xml()) == []
    assert problems(f"{IDP}/saml/sso/redirect?{query(REQUEST.xml(), by=None)}") == []
    address, index = "AssertionConsumerServiceURL", "AssertionConsumerServiceIndex"
    assert problems(REQUEST.having(**{address: ACS}).xml()) == []
    assert problems(REQUEST.having(**{index: "0"}).xml()) == []
    old = instant(datetime.now(UTC) - timedelta(hours=2))
    for request, name in (
        (REQUEST.but(issuer="https://evil.example.test"), "Issuer"),
        (REQUEST.but(destination="https://evil.example.test/saml/sso/redirect"), "Destination"),
        (REQUEST.having(IssueInstant=old), "IssueInstant"),
        (REQUEST.having(IssueInstant="yesterday"), "IssueInstant"),
        (REQUEST.having(**{address: f"{ACS}/"}), address),
        (REQUEST.having(**{index: "9"}), index),
    ):
        found = [one for one in problems(request.xml()) if not one.startswith("our gate")]
        assert [one.partition(":")[0] for one in found] == [name]


def test_a_service_that_must_sign_is_told_of() -> None:
    """An unsigned request of it cannot be taken; another one's can."""
    a_row(signing_certificates=(certificate_text_of("wiki"),), want_signed_requests=True)
    assert problems(REQUEST.xml()) == [
        "Wiki must sign its requests: without a good signature this is refused"
    ]


def test_a_response_is_held_against_our_name_and_clock() -> None:
    """One that is over, and one of another issuer, beside one that could be taken."""
    now = datetime.now(UTC).replace(microsecond=0)
    kind = "no message that is sent to us: only its form is shown"
    good = base64.b64decode(build_and_sign(a_plan(now=now), signing_key()).base64_text).decode()
    assert problems(good) == [kind]
    over = build_and_sign(a_plan(now=now - timedelta(hours=1)), signing_key()).base64_text
    assert problems(over) == ["Conditions NotOnOrAfter: over by our clock", kind]
    entity_id = f"{IDP}/saml/metadata"
    assert problems(good.replace(entity_id, "https://evil.example.test")) == [
        f"Issuer: not ours, which is {entity_id}",
        kind,
    ]
