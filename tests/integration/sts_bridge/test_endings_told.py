"""What is shown as ended is ended: workers that overtake each other, two policies of a role, roles that are none."""

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from idp.domain.aws.arn import RoleArn
from idp.domain.events import AuditEvent
from idp.models import AccessSession, AuditRecord, EndingDue, RoleEnding, RoleLease
from idp.services.ending_gauges import ending_gauges
from idp.services.ending_work import LEASED_FOR, roles_to_clear, roles_with_work, work_of
from idp.services.endings import demand_endings, end_role_sessions
from sts_bridge.aws.iam import Iam
from sts_bridge.domain.denials import WHOLE_ROLE
from sts_bridge.services.end_sessions import end_due_sessions
from sts_bridge.services.keep_denials import clear_past_denials
from tests.integration.sts_bridge.broker_world import ENDER, FAR, HOME, NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, take
from tests.integration.sts_bridge.test_end_sessions import (
    DIRECT,
    HOUR,
    administrator,
    opens_anything,
    posted_statement,
    right_now,
    works,
)
from tests.servers.aws_world import allow
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

LOOKERS = f"arn:aws:iam::{HOME}:role/Lookers"


@pytest.fixture(autouse=True)
def may_end(settings: Any) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER


@pytest.mark.fault(13)
def test_a_worker_that_was_overtaken_writes_nothing_over_what_the_next_has_denied(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ends while AWS is slow, another denies more: what stands then is not shrunk by the first."""
    broker.leave(f"BRK-{NEAR}-Direct")
    theirs = take(broker.stranger, NEAR, "Direct")
    broker.leave(f"BRK-{NEAR}-Direct", "nils")
    mine = take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    reading = Iam.role_policy

    def slow(iam: Iam, role: RoleArn, name: str) -> Any:
        stands = reading(iam, role, name)
        monkeypatch.setattr(Iam, "role_policy", reading)
        demand_endings(broker.stranger, reason="y", now=right_now())
        assert end_due_sessions(now=right_now() + LEASED_FOR + HOUR / 60) == 1
        assert not works(theirs, broker)
        return stands

    monkeypatch.setattr(Iam, "role_policy", slow)
    assert end_due_sessions(now=right_now()) == 0
    assert not works(theirs, broker), "shown as denied, and denied"
    assert not works(mine, broker)
    assert set(EndingDue.objects.values_list("state", "problem")) == {("denied", "")}


@pytest.mark.fault(13)
def test_the_lease_of_each_role_is_taken_when_its_turn_comes(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two roles, AWS slow with the first: the second one's lease is not half over when it begins."""
    for account, role in ((NEAR, "Direct"), (FAR, "Chained")):
        take(broker.person, account, role)
    demand_endings(broker.person, reason="x", now=right_now())
    now = right_now()
    until: list[datetime] = []
    reading = Iam.role_policy

    def slow(iam: Iam, role: RoleArn, name: str) -> Any:
        until.extend(RoleLease.objects.values_list("leased_until", flat=True))
        threading.Event().wait(1.0)
        return reading(iam, role, name)

    monkeypatch.setattr(Iam, "role_policy", slow)
    assert end_due_sessions(now=now) == 2
    assert until[0] >= now + LEASED_FOR
    assert until[-1] >= now + LEASED_FOR + timedelta(seconds=1)
    assert not RoleLease.objects.exists()


def test_what_keeps_the_whole_role_from_ending_keeps_no_person_from_it(broker: Broker) -> None:
    """A policy of AWS's name that says something else is nobody's to change; a person's sessions end all the same."""
    mine = take(broker.person, NEAR, "Direct")
    administrator(broker).put_role_policy(
        RoleName="Direct", PolicyName=WHOLE_ROLE, PolicyDocument=json.dumps(allow("s3:ListBucket"))
    )
    end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria")
    demand_endings(broker.person, reason="x", now=right_now())
    end_due_sessions(now=right_now())
    assert RoleEnding.objects.get().state == "impossible"
    assert EndingDue.objects.get().state == "denied"
    assert not works(mine, broker)


def test_what_was_given_up_is_tried_again_for_whoever_asks_anew(broker: Broker) -> None:
    """Something foreign stood under our name; when it is gone an administrator asks again, and no sweep does."""
    mine = take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    EndingDue.objects.update(state="impossible", problem="full")
    assert demand_endings(broker.person, reason="x", now=right_now()) == 0
    assert end_due_sessions(now=right_now()) == 0
    assert demand_endings(broker.person, reason="administrator", now=right_now(), asked_by="maria") == 1
    assert end_due_sessions(now=right_now()) == 1
    assert (EndingDue.objects.get().state, EndingDue.objects.get().problem) == ("denied", "")
    assert not works(mine, broker)
    assert demand_endings(broker.person, reason="administrator", now=right_now(), asked_by="maria") == 0


def test_a_role_that_is_gone_from_aws_is_not_tried_for_ever(broker: Broker) -> None:
    """AWS has said so four times, over a minute: given up, nothing waits on the gauges; who asks anew is heard."""
    mine = take(broker.person, NEAR, "Direct")
    gone = f"arn:aws:iam::{NEAR}:role/Gone"
    demand_endings(broker.person, reason="x", now=right_now())
    EndingDue.objects.update(role_arn=gone)
    end_role_sessions(gone, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    now = asked_at = right_now()
    for state in ("due", "due", "due", "impossible"):
        assert roles_with_work(now=now, limit=5) == [gone]
        assert end_due_sessions(now=now) == 0
        for ending in (EndingDue.objects.get(), RoleEnding.objects.get()):
            assert (ending.state, ending.problem_code) == (state, "aws-nothing-there")
            assert ending.problem.startswith("AWS has no such role.")
            assert ending.next_try_at is not None
            now = max(now, ending.next_try_at)
    assert now > asked_at + HOUR / 60
    assert roles_with_work(now=right_now() + HOUR / 2, limit=5) == []
    told = ending_gauges(now=right_now()).decode()
    assert "drawbridge_role_endings_waiting 0.0" in told
    assert "drawbridge_endings_longest_wait_seconds 0.0" in told
    assert AuditRecord.objects.get(event=AuditEvent.ENDING_IMPOSSIBLE).person == broker.person.username
    end_role_sessions(gone, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    assert roles_with_work(now=right_now(), limit=5) == [gone]
    # The role of the access is there.
    assert demand_endings(broker.person, reason="administrator", now=right_now(), asked_by="maria") == 1
    assert end_due_sessions(now=right_now()) == 1
    assert not works(mine, broker)


def test_a_role_by_federation_token_is_not_told_to_have_ended(broker: Broker) -> None:
    """A role of that name that happens to be in the account is left alone; what is held lives on, on record."""
    take(broker.person, HOME, "Lookers")
    end_role_sessions(LOOKERS, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    assert roles_with_work(now=right_now(), limit=5) == []
    assert end_due_sessions(now=right_now()) == 0
    ending = RoleEnding.objects.get()
    assert (ending.state, ending.denied_at) == ("impossible", None)
    assert "does not end federation tokens" in ending.problem
    assert AccessSession.objects.get().ends_at > right_now() + HOUR
    end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    assert roles_with_work(now=right_now(), limit=5) == [DIRECT]


def test_what_began_after_the_role_was_to_end_is_not_told_to_have_ended(broker: Broker) -> None:
    """A statement posted past the moment that is denied lives on; what was held before the wish is over."""
    before = take(broker.person, NEAR, "Posted")
    arn = f"arn:aws:iam::{NEAR}:role/Posted"
    end_role_sessions(arn, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    RoleEnding.objects.update(denied_before=right_now())
    assert posted_statement(broker)
    assert end_due_sessions(now=right_now()) == 1
    assert AccessSession.objects.get(kind="console").ends_at > right_now() + HOUR
    assert AccessSession.objects.get(kind="credentials").ends_at <= right_now()
    assert not works(before, broker)


def test_a_role_that_is_gone_from_aws_keeps_no_other_from_being_cleared(broker: Broker) -> None:
    """Its denials went with it; where AWS cannot be asked about one role, the next has its turn."""
    for account, role in ((NEAR, "Direct"), (FAR, "Chained")):
        take(broker.person, account, role)
    demand_endings(broker.person, reason="x", now=right_now())
    assert end_due_sessions(now=right_now()) == 2
    past = right_now() + 24 * HOUR
    gone = f"arn:aws:iam::{NEAR}:role/Gone"
    EndingDue.objects.filter(role_arn=DIRECT).update(role_arn=gone)
    assert clear_past_denials(now=past) == 2
    take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    assert end_due_sessions(now=right_now()) == 1
    EndingDue.objects.filter(role_arn=gone).update(
        state="denied", role_arn="arn:aws:iam::000000000000:role/Far"
    )
    assert clear_past_denials(now=past, limit=1) == 0
    assert clear_past_denials(now=past, limit=1) == 1
    assert roles_to_clear(now=past, limit=5) == []
    assert roles_to_clear(now=past + 2 * HOUR, limit=5) == ["arn:aws:iam::000000000000:role/Far"]


def test_a_statement_that_was_being_signed_when_the_role_was_to_end_ends_too(broker: Broker) -> None:
    """Its record came after the wish, its moment before it: the role's moment is late enough for what it opens."""
    arn = f"arn:aws:iam::{NEAR}:role/Posted"
    asked_at = right_now()
    end_role_sessions(arn, reason="administrator", now=asked_at, asked_by="maria", origin=ORIGIN)
    soon = work_of(arn, now=asked_at).whole_role_before
    assert soon == asked_at + timedelta(seconds=30)
    # It was decided by what was known before.
    RoleEnding.objects.update(denied_before=asked_at)
    statement = posted_statement(broker)
    RoleEnding.objects.update(denied_before=soon)
    assert work_of(arn, now=asked_at).whole_role_before == soon, (
        "posted after the wish: nobody wished it to end"
    )
    AccessSession.objects.update(started_at=asked_at - timedelta(seconds=1))
    assert work_of(arn, now=asked_at).whole_role_before == asked_at + timedelta(minutes=6, seconds=-1)
    assert end_due_sessions(now=right_now()) == 1
    row = AccessSession.objects.get()
    assert row.ends_at <= right_now()
    assert not opens_anything(statement, broker), "what it opens is denied, used ever so late"
