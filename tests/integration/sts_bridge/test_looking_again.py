"""Role by role denials are written and looked at again: the longest waiting first, and none in another's way."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pytest_django import Settings

from idp.domain.events import AuditEvent
from idp.models import AccessSession, AuditRecord, EndingDue, RoleEnding, RoleRoom, User
from idp.services.ending_room import roles_to_look_at
from idp.services.ending_work import roles_with_work
from idp.services.endings import end_role_sessions
from sts_bridge.conf import bridge_config
from sts_bridge.domain.denials import WHOLE_ROLE
from sts_bridge.services.end_sessions import end_due_sessions
from sts_bridge.services.keep_denials import look_at_denials_again
from tests.integration.sts_bridge.broker_world import ENDER, NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, take
from tests.integration.sts_bridge.test_end_sessions import administrator, policies, right_now, works

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def denied_in(name: str, *, seen_at: datetime | None = None, accesses: int = 2) -> str:
    """Some accesses of this role were denied long ago and would live on."""
    role = f"arn:aws:iam::111122223333:role/{name}"
    for number in range(accesses):
        person = User.objects.create(
            account_key=f"directory:{name}{number}",
            directory="directory",
            username=name,
            session_name=f"{name}{number}",
            persistent_id=f"{name}{number}",
            created_at=NOW,
        )
        access = AccessSession.objects.create(
            user=person,
            kind="credentials",
            state="active",
            role_arn=role,
            session_name=f"{name}{number}",
            rule_number=1,
            reference=uuid4().hex,
            started_at=NOW - 4 * HOUR,
            ends_at=NOW - 3 * HOUR,
        )
        EndingDue.objects.create(
            access=access,
            reason="x",
            due_since=NOW - 3 * HOUR,
            role_arn=role,
            session_name=access.session_name,
            state="denied",
            denied_before=NOW - 3 * HOUR,
            denied_at=NOW - 3 * HOUR,
            next_try_at=NOW - 3 * HOUR,
            until=NOW + 3 * HOUR,
        )
    if seen_at is not None:
        RoleRoom.objects.create(role_arn=role, percent=7, of_ours_percent=3, seen_at=seen_at)
    return role


def test_who_was_not_seen_for_longest_comes_first() -> None:
    """More roles than a turn has time for go round: each once, and none of them for ever last."""
    later = denied_in("a", seen_at=NOW - HOUR)
    longest = denied_in("b", seen_at=NOW - 2 * HOUR)
    never = denied_in("c")
    denied_in("d", seen_at=NOW - HOUR / 2)
    assert roles_to_look_at(now=NOW, limit=1) == [never]
    assert roles_to_look_at(now=NOW, limit=2) == [never, longest]
    assert roles_to_look_at(now=NOW, limit=9) == [never, longest, later]


def test_a_role_that_cannot_be_looked_at_stands_in_nobody_s_way(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """AWS cannot be asked: each role has its turn, and is asked about again in an hour; nothing is called seen."""
    settings.DRAWBRIDGE_ENDER_ROLE = ""
    bridge_config.cache_clear()
    roles = {denied_in("a"), denied_in("b"), denied_in("c", seen_at=NOW - 2 * HOUR)}
    for _ in range(4):
        assert look_at_denials_again(now=NOW, limit=1) == 0
    told = [record.facts["role"] for record in caplog.records if record.message == "denials.not_seen"]  # type: ignore[attr-defined] # what our log adds
    assert sorted(told) == sorted(roles)
    assert RoleRoom.objects.get().seen_at == NOW - 2 * HOUR
    assert set(roles_to_look_at(now=NOW + HOUR, limit=9)) == roles


def an_hour_later() -> None:
    """Nobody has looked for an hour and more."""
    long_ago = right_now() - 2 * HOUR
    RoleRoom.objects.update(seen_at=long_ago)
    RoleEnding.objects.update(denied_at=long_ago, next_try_at=long_ago)


@pytest.mark.parametrize("by_hand", ["removed", "moved back", "moved forward"])
def test_the_moment_of_a_whole_role_stands_again_whatever_somebody_does_to_it(
    by_hand: str, broker: Broker, settings: Settings
) -> None:
    """Removed or moved back while sessions from before it may live: written again, on record; later ones stay."""
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER
    bridge_config.cache_clear()
    mine, aws = take(broker.person, NEAR, "Direct"), administrator(broker)
    role = AccessSession.objects.get().role_arn
    end_role_sessions(role, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    assert end_due_sessions(now=right_now()) == 1
    stood = policies(broker)[WHOLE_ROLE]
    changed = json.loads(json.dumps(stood))
    if by_hand == "removed":
        aws.delete_role_policy(RoleName="Direct", PolicyName=WHOLE_ROLE)
    else:
        moment = "2020-01-01T00:00:00Z" if by_hand == "moved back" else "2999-01-01T00:00:00Z"
        changed["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"] = moment
        aws.put_role_policy(RoleName="Direct", PolicyName=WHOLE_ROLE, PolicyDocument=json.dumps(changed))
    is_undone = by_hand != "moved forward"
    assert works(mine, broker) is is_undone
    assert look_at_denials_again(now=right_now()) == 0, "denied a moment ago"
    an_hour_later()
    assert look_at_denials_again(now=right_now()) == 1
    assert not works(mine, broker)
    assert policies(broker)[WHOLE_ROLE] == (stood if is_undone else changed)
    told = AuditRecord.objects.filter(event=AuditEvent.DENIAL_REPAIRED, role_arn=role)
    assert told.count() == is_undone
    if by_hand == "moved back":
        assert json.loads(told.get().details["stood_there"]) == changed
    assert look_at_denials_again(now=right_now()) == 0, "seen a moment ago"
    an_hour_later()
    assert look_at_denials_again(now=right_now()) == 1
    assert told.count() == is_undone, "what stands is not told again"


def test_what_nobody_could_live_through_is_not_looked_at_again(broker: Broker, settings: Settings) -> None:
    """Twelve hours after the moment no session from before it lives: who removes the policy then may."""
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER
    bridge_config.cache_clear()
    take(broker.person, NEAR, "Direct")
    role = AccessSession.objects.get().role_arn
    end_role_sessions(role, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    end_due_sessions(now=right_now())
    an_hour_later()
    assert roles_to_look_at(now=right_now(), limit=9) == [role]
    RoleEnding.objects.update(denied_before=right_now() - 12 * HOUR)
    assert roles_to_look_at(now=right_now(), limit=9) == []


def test_many_endings_in_one_role_leave_others_their_turn() -> None:
    """What is due in a role counts once, however much it is; the longest due comes first, of persons and of roles."""
    crowded, later = denied_in("a", accesses=130), denied_in("b")
    EndingDue.objects.update(state="due")
    EndingDue.objects.filter(role_arn=later).update(next_try_at=NOW - HOUR)
    assert roles_with_work(now=NOW, limit=1) == [crowded]
    assert roles_with_work(now=NOW, limit=5) == [crowded, later]
    whole = f"{later}-whole"
    for _ in range(6):
        RoleEnding.objects.create(role_arn=whole, reason="x", due_since=NOW - HOUR, next_try_at=NOW - HOUR)
    assert roles_with_work(now=NOW, limit=5) == [whole, crowded, later]
    assert roles_with_work(now=NOW - 4 * HOUR, limit=5) == []
