"""Ending and discovery where AWS fails, stalls, throttles, forgets: retried, shown, bounded, never taken for done."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from deploy.demo.slapd import Slapd
from idp.domain.events import AuditEvent
from idp.models import AuditRecord, EndingDue, RoleFinding, RoleLease
from idp.services.endings import demand_endings
from sts_bridge.aws.clients import GIVEN_UP_AFTER
from sts_bridge.domain.denials import OURS
from sts_bridge.services import ending_turn
from sts_bridge.services.check_roles import check_roles
from sts_bridge.services.end_sessions import end_due_sessions
from tests.integration.sts_bridge.broker_world import ENDER, FAR, NEAR, READER, Broker, broker_at
from tests.integration.sts_bridge.test_broker_roads import take
from tests.integration.sts_bridge.test_check_roles import NEVER_USED
from tests.integration.sts_bridge.test_end_sessions import policies, works
from tests.integration.sts_bridge.world import forget_everything
from tests.servers.aws_in_between import FAILING, LOST, STALLED, SWALLOWED, AwsInBetween

pytestmark = pytest.mark.django_db

# What a test's machine may add to a promised bound while it does other things.
SLACK = timedelta(seconds=7)


@pytest.fixture
def between(broker: Broker, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsInBetween]:
    """The site reaches AWS through this, and waits a second for each answer."""
    settings.DRAWBRIDGE_ENDER_ROLE, settings.DRAWBRIDGE_READER_ROLE = ENDER, READER
    settings.DRAWBRIDGE_STS_CONNECT_SECONDS = settings.DRAWBRIDGE_STS_READ_SECONDS = 1
    with AwsInBetween(broker.aws.url) as passing:
        monkeypatch.setenv("AWS_ENDPOINT_URL", passing.url)
        forget_everything()
        yield passing


def right_now() -> datetime:
    return datetime.now(UTC)


def due_again_at() -> datetime:
    at = EndingDue.objects.get(state="due").next_try_at
    assert at is not None
    return at


def told() -> int:
    return AuditRecord.objects.filter(event=AuditEvent.ENDING_DONE).count()


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("operation", "trouble"),
    [
        ("PutRolePolicy", LOST),
        ("PutRolePolicy", SWALLOWED),
        ("PutRolePolicy", FAILING),
        ("GetRolePolicy", FAILING),
        ("GetRolePolicy", LOST),
    ],
)
def test_what_was_not_read_back_is_not_done(
    broker: Broker, between: AwsInBetween, operation: str, trouble: str
) -> None:
    """Written and not heard, "done" and not there, not written, not read: due, with its problem, and done later."""
    mine = take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    between.trouble[operation] = trouble
    if operation == "GetRolePolicy":
        between.only_after[operation] = "PutRolePolicy"
    assert end_due_sessions(now=right_now()) == 0
    ending = EndingDue.objects.get()
    assert (ending.state, ending.tries, ending.denied_at) == ("due", 1, None)
    assert ending.problem
    assert told() == 0
    assert not RoleLease.objects.exists()
    between.heal()
    assert end_due_sessions(now=due_again_at()) == 1
    assert not works(mine, broker)
    assert told() == 1
    assert set(policies(broker)) == {OURS}
    ending.refresh_from_db()
    assert (ending.state, ending.problem) == ("denied", "")


@pytest.mark.fault(16)
def test_one_lost_answer_is_no_problem_at_all(broker: Broker, between: AwsInBetween) -> None:
    """The same is written again at once, and read back: the twin of losing them all."""
    mine = take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    between.trouble["PutRolePolicy"], between.times["PutRolePolicy"] = LOST, 1
    assert end_due_sessions(now=right_now()) == 1
    assert between.count("PutRolePolicy") == 2
    assert not works(mine, broker)
    assert told() == 1


@pytest.mark.fault(16)
@pytest.mark.fault(17)
def test_a_stalled_aws_is_waited_for_no_longer_than_promised(
    broker: Broker, between: AwsInBetween, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One role's call is given up in its time; with a turn that is over the next role waits for the next tick."""
    for account, role in ((NEAR, "Direct"), (FAR, "Chained")):
        take(broker.person, account, role)
    demand_endings(broker.person, reason="x", now=right_now())
    between.trouble["GetRolePolicy"] = STALLED
    monkeypatch.setattr(ending_turn, "ONE_TURN", timedelta(seconds=0.5))
    began_at = time.monotonic()
    assert end_due_sessions(now=right_now()) == 0
    assert time.monotonic() - began_at < (GIVEN_UP_AFTER + SLACK).total_seconds()
    assert sorted(EndingDue.objects.values_list("tries", flat=True)) == [0, 1]
    assert EndingDue.objects.get(tries=1).problem
    assert not RoleLease.objects.exists()
    between.heal()
    monkeypatch.setattr(ending_turn, "ONE_TURN", timedelta(seconds=20))
    assert end_due_sessions(now=due_again_at_all()) == 2
    assert told() == 2


def due_again_at_all() -> datetime:
    return max(at for at in EndingDue.objects.values_list("next_try_at", flat=True) if at is not None)


@pytest.mark.fault(16)
def test_a_throttling_aws_is_asked_again_until_each_is_denied_once(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two signed calls a second: some fail and are tried again, all is denied in the end, discovery tells no half."""
    with broker_at(company, settings, monkeypatch, str(tmp_path / "keys"), requests_per_second=2) as broker:
        settings.DRAWBRIDGE_ENDER_ROLE, settings.DRAWBRIDGE_READER_ROLE = ENDER, READER
        forget_everything()
        take(broker.person, NEAR, "Direct")
        take(broker.person, NEAR, "Direct")
        demand_endings(broker.person, reason="x", now=right_now())
        now = right_now()
        for _ in range(30):
            end_due_sessions(now=now)
            if not EndingDue.objects.filter(state="due").exists():
                break
            now = due_again_at_all()
        assert set(EndingDue.objects.values_list("state", flat=True)) == {"denied"}
        assert told() == 2
        refused = [line for line in broker.aws.new_log_lines() if "throttled" in str(line)]
        assert refused, "AWS has throttled nothing"
        seen = {
            (one.drift.value, one.role.rpartition("/")[2]) for one in check_roles(accounts=(NEAR,), now=now)
        }
        assert seen in ({("unused", "Posted")}, {("account-not-read", "")})


@pytest.mark.fault(16)
@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("operation", "trouble"),
    [("ListRoles", STALLED), ("ListRoles", LOST), ("GetRole", FAILING), ("AssumeRole", STALLED)],
)
def test_an_account_that_was_read_by_half_keeps_what_was_known(
    broker: Broker, between: AwsInBetween, operation: str, trouble: str
) -> None:
    """No role is called missing because AWS did not finish; that is told in time, and the next look is whole."""
    check_roles(accounts=(NEAR,), now=right_now())
    known = set(RoleFinding.objects.filter(account=NEAR).values_list("kind", "role_arn"))
    assert {(kind, arn.rpartition("/")[2]) for kind, arn in known} <= NEVER_USED
    between.trouble[operation] = trouble
    began_at = time.monotonic()
    (finding,) = check_roles(accounts=(NEAR,), now=right_now())
    assert time.monotonic() - began_at < (GIVEN_UP_AFTER + SLACK).total_seconds()
    assert (finding.drift.value, finding.account) == ("account-not-read", NEAR)
    rows = set(RoleFinding.objects.filter(account=NEAR).values_list("kind", "role_arn"))
    assert rows == known | {("account-not-read", "")}
    between.heal()
    check_roles(accounts=(NEAR,), now=right_now())
    assert set(RoleFinding.objects.filter(account=NEAR).values_list("kind", "role_arn")) == known
    del broker
