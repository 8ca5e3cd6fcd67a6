"""Less than the whole role: what the page tells before the click, and what STS is then asked for."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from idp.models import AccessSession, AuditRecord
from tests.integration.sts_bridge.test_credentials_page import Visitor
from tests.integration.sts_bridge.world import ACCOUNT, Bridge
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

NARROW = f"/go/{ACCOUNT}/ReadOnly/narrow"
limits_grammar = re.compile(r'<tr( class="wins")?><th scope="row">([^<]+?)(?: <span|</th>)')


@pytest.fixture(autouse=True)
def static_files_in_place(settings: Settings) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")


def test_the_page_tells_every_limit_and_the_one_that_wins(bridge: Bridge) -> None:
    """The role's two hours decide; with a wish of 30 minutes the wish does, and the policy is shown with its size."""
    client = Visitor(bridge.person).client
    page = client.get(NARROW, secure=True).content.decode()
    assert "The whole role." in page
    told = limits_grammar.findall(page)
    assert [name for wins, name in told if wins] == ["the role&#x27;s longest session"] * 2
    page = client.get(f"{NARROW}?minutes=30&region=eu-central-1&read_only=on", secure=True).content.decode()
    assert [name for wins, name in limits_grammar.findall(page) if wins] == ["what you chose"] * 2
    assert "The role, reading only, in eu-central-1 only, 30 min at most." in page
    assert "aws:RequestedRegion" in page
    assert re.search(r"[1-9][0-9]* % of what AWS takes", page)
    assert "arn:aws:iam::aws:policy/ReadOnlyAccess" in page
    assert not AccessSession.objects.exists()


def test_the_form_may_lead_on_to_aws_and_nowhere_else(bridge: Bridge) -> None:
    """Chromium applies form-action to redirects: our own pages and the sign-in hosts stand in it."""
    answer = Visitor(bridge.person).client.get(NARROW, secure=True)
    (directive,) = (
        part for part in answer["Content-Security-Policy"].split("; ") if part.startswith("form-action")
    )
    assert directive == f"form-action 'self' {bridge.aws.url}"


def test_narrowed_credentials_are_asked_for_with_a_policy_and_recorded_so(bridge: Bridge) -> None:
    """STS packs a policy; the access has the shorter end, and record and audit name what was given up."""
    visitor = Visitor(bridge.person)
    form = {
        "csrfmiddlewaretoken": visitor.csrf,
        "minutes": "30",
        "region": "eu-central-1",
        "address": "192.0.2.7",
    }
    answer = visitor.client.post(f"/roles/{ACCOUNT}/ReadOnly/credentials", form, secure=True)
    assert answer.status_code == 200
    row = AccessSession.objects.get()
    assert row.narrowing == "minutes=30&region=eu-central-1&address=192.0.2.7%2F32"
    assert timedelta(minutes=29) < row.ends_at - datetime.now(UTC) <= timedelta(minutes=30)
    assert (row.road, row.address) == ("saml", "127.0.0.1")
    event = AuditRecord.objects.get(event="person:credentials:issued")
    assert event.details["narrowing"] == row.narrowing
    assert event.details["access_key_id"] == row.access_key_id
    page = visitor.client.get("/sessions/", secure=True).content.decode()
    assert "in eu-central-1 only, from 192.0.2.7/32 only, 30 min at most" in page


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"minutes": "5"}, "unlawful-narrowing"),
        ({"region": "us-gov-west-1"}, "unlawful-narrowing"),
        ({"address": "0.0.0.0/0"}, "unlawful-narrowing"),
        ({"minutes": ["30", "60"]}, "asked-twice"),
    ],
)
def test_what_cannot_be_narrowed_gives_nothing(bridge: Bridge, fields: dict[str, str], code: str) -> None:
    """A wish that would be ignored or misread is refused: nobody believes in a narrowing that is none."""
    visitor = Visitor(bridge.person)
    for path in (f"/roles/{ACCOUNT}/ReadOnly/credentials", f"/roles/{ACCOUNT}/ReadOnly/broker"):
        answer = visitor.client.post(path, {"csrfmiddlewaretoken": visitor.csrf, **fields}, secure=True)
        assert answer.status_code == 400
        assert code in answer.content.decode()
    assert not AccessSession.objects.exists()
    assert visitor.take("ReadOnly").status_code == 200


def test_each_of_the_two_roads_refuses_the_other_s_roles(bridge: Bridge) -> None:
    """A role of the statement's road is not opened by the broker unless it is narrowed; a stranger hears only no."""
    visitor = Visitor(bridge.person)
    form = {"csrfmiddlewaretoken": visitor.csrf}
    answer = visitor.client.post(f"/roles/{ACCOUNT}/ReadOnly/broker", form, secure=True)
    assert (answer.status_code, "another-road" in answer.content.decode()) == (403, True)
    stranger = Visitor(bridge.stranger)
    form = {"csrfmiddlewaretoken": stranger.csrf}
    answer = stranger.client.post(f"/roles/{ACCOUNT}/ReadOnly/broker", form, secure=True)
    assert (answer.status_code, "role-not-granted" in answer.content.decode()) == (403, True)
    assert stranger.client.get(NARROW, secure=True).status_code == 403
    assert not AccessSession.objects.exists()
    assert (
        visitor.client.post(
            f"/roles/{ACCOUNT}/ReadOnly/console", {"csrfmiddlewaretoken": visitor.csrf}, secure=True
        ).status_code
        == 200
    )


def test_a_bookmark_and_a_missing_token_open_nothing(bridge: Bridge) -> None:
    """GET leads to the page with the button; without our form's token nothing is opened."""
    visitor = Visitor(bridge.person)
    path = f"/roles/{ACCOUNT}/ReadOnly/broker"
    answer = visitor.client.get(path, secure=True)
    assert (answer.status_code, answer["Location"]) == (302, f"/go/{ACCOUNT}/ReadOnly")
    assert visitor.client.post(path, {"minutes": "30"}, secure=True).status_code == 403
    assert not AccessSession.objects.exists()
