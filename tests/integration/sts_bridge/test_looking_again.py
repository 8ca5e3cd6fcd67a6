"""Whether denials still stand is asked role by role: whoever waits longest first, and nobody stands in the way."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pytest_django import Settings

from idp.models import AccessSession, EndingDue, RoleRoom, User
from idp.services.ending_room import roles_to_look_at
from sts_bridge.conf import bridge_config
from sts_bridge.services.end_sessions import look_at_denials_again

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def denied_in(name: str, *, seen_at: datetime | None = None) -> str:
    """Two accesses of this role were denied long ago and would live on."""
    role = f"arn:aws:iam::111122223333:role/{name}"
    for number in range(2):
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
