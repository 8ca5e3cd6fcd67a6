"""/metrics: who may read it, and that every worker's counts are in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, override_settings

from idp.api.metrics import inside
from idp.conf.access import metrics_config
from idp.models import EndingDue, RoleEnding, RoleRoom
from tests.http_browser import HttpBrowser
from tests.integration.idp.services.accesses import ROLE_ARN, a_person, an_access
from tests.servers.site import Site


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of a site with a token and a network."""
    with override_settings(
        DRAWBRIDGE_METRICS_TOKEN="a-long-word", DRAWBRIDGE_METRICS_NETWORKS=("10.20.0.0/16",)
    ):
        metrics_config.cache_clear()
        inside.cache_clear()
        yield Client(headers={"Host": "idp.example.test"})
    metrics_config.cache_clear()
    inside.cache_clear()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.20.3.4", {}, 200),
        ("10.21.3.4", {}, 404),
        ("203.0.113.9", {}, 404),
        ("203.0.113.9", {"Authorization": "Bearer a-long-word"}, 200),
        ("203.0.113.9", {"Authorization": "Bearer another"}, 404),
        ("203.0.113.9", {"Authorization": "a-long-word"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("10.20.3.4", {"X-Forwarded-For": "203.0.113.9"}, 404),
    ],
)
def test_who_may_read_the_counters(
    address: str, headers: dict[str, str], status: int, client: Client
) -> None:
    """This machine, the network, the token; a proxy that nobody trusts makes nobody an insider."""
    answer = client.get("/metrics", secure=True, REMOTE_ADDR=address, headers=headers)
    assert answer.status_code == status


def test_without_a_token_nobody_has_one() -> None:
    """An empty setting is no word that somebody could send."""
    metrics_config.cache_clear()
    client = Client(headers={"Host": "idp.example.test"})
    for word in ("Bearer ", "Bearer"):
        answer = client.get(
            "/metrics", secure=True, REMOTE_ADDR="203.0.113.9", headers={"Authorization": word}
        )
        assert answer.status_code == 404


def count(site: Site, line: str) -> float:
    """What this counter says."""
    text = HttpBrowser(site.url).ask("GET", "/metrics")
    found = [one for one in text.splitlines() if one.startswith(line)]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_every_worker_counts(site: Site) -> None:
    """Ten refusals, whichever of the two processes took each, are ten."""
    line = 'drawbridge_messages_refused_total{reason="saml.binding.message"}'
    before = count(site, line)
    for _ in range(10):
        HttpBrowser(site.url).ask("GET", "/saml/sso/redirect?nothing", expect=400)
    assert count(site, line) == before + 10
    admitted = 'drawbridge_events_total{event="person:sign-in:admitted"}'
    before = count(site, admitted)
    HttpBrowser(site.url).sign_in("jane", "demo-jane")
    assert count(site, admitted) == before + 1


@pytest.mark.django_db
def test_how_endings_stand_is_in_it(client: Client) -> None:
    """What waits and why, how long the longest, and how full roles are; what is done or over waits no more."""
    now = datetime.now(UTC)
    for name, state, code, until in (
        ("jane", "due", "aws-policy-full", 1),
        ("joe", "due", "", 1),
        ("ann", "denied", "", 1),
        ("bob", "due", "", -1),
    ):
        access = an_access(a_person(name, now=now), ends_at=now + timedelta(hours=1))
        EndingDue.objects.create(
            access=access,
            reason="x",
            due_since=now - timedelta(minutes=1),
            state=state,
            problem_code=code,
            until=now + timedelta(hours=until),
        )
    RoleEnding.objects.create(role_arn=ROLE_ARN, reason="x", due_since=now - timedelta(minutes=5))
    RoleRoom.objects.create(role_arn=ROLE_ARN, percent=83, of_ours_percent=20, seen_at=now)
    told = client.get("/metrics", secure=True, REMOTE_ADDR="127.0.0.1").content.decode()
    assert 'drawbridge_endings_waiting{problem="aws-policy-full"} 1.0' in told
    assert 'drawbridge_endings_waiting{problem="none"} 1.0' in told
    assert "drawbridge_endings_without_room 1.0" in told
    assert "drawbridge_role_endings_waiting 1.0" in told
    assert f'drawbridge_role_room_percent{{role="{ROLE_ARN}"}} 83.0' in told
    (wait,) = [
        line for line in told.splitlines() if line.startswith("drawbridge_endings_longest_wait_seconds")
    ]
    assert 300 <= float(wait.split()[1]) < 400
