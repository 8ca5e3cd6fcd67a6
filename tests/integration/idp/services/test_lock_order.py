"""Whoever changes several accesses at once locks them in one order: no two wait for each other for ever."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from idp.models import AccessSession, User
from idp.services.access_sessions import warn_of_ends
from idp.services.ending_work import RoleWork, note_denied, note_role_denied, work_of
from idp.services.endings import demand_endings, end_role_sessions

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.fault(13),
    pytest.mark.django_db(transaction=True),
]

ROLE = "arn:aws:iam::111122223333:role/ReadOnly"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FIRST, LAST = UUID(int=1), UUID(int=2)


def person_with_two_accesses() -> User:
    """The one that comes last by its number was written first, and is found first."""
    person = User.objects.create(
        account_key="directory:1", directory="directory", username="jane", persistent_id="1", created_at=NOW
    )
    for number in (LAST, FIRST):
        AccessSession.objects.create(
            pk=number,
            user=person,
            kind="credentials",
            state="active",
            role_arn=ROLE,
            session_name="jane",
            rule_number=1,
            access_key_id=str(number),
            reference="x",
            started_at=NOW - timedelta(minutes=50),
            ends_at=NOW + timedelta(minutes=4),
        )
    return person


def note_persons() -> int:
    work = work_of(ROLE, now=NOW)
    return note_denied(work, [one.access for one in work.denials], now=NOW)


def note_role() -> int:
    return note_role_denied(RoleWork(ROLE, (), NOW + timedelta(minutes=1)), now=NOW)


def wait_until_there_wait(number: int) -> None:
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= number:
                return
        threading.Event().wait(0.02)
    raise AssertionError("nobody waits")


def aside(work: Callable[[], int], failures: list[Exception]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Exception as failure:  # noqa: BLE001 - the test looks at it
            failures.append(failure)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("change", [note_persons, note_role])
def test_a_wish_and_another_change_of_the_same_accesses_are_both_done(change: Callable[[], int]) -> None:
    """Both meet the same two accesses at the same moment: one after the other, and nobody is thrown out."""
    person, failures = person_with_two_accesses(), list[Exception]()
    if change is note_persons:
        assert demand_endings(person, reason="x", now=NOW) == 2
    else:
        end_role_sessions(ROLE, reason="x", now=NOW, asked_by="root")
    with transaction.atomic():
        AccessSession.objects.select_for_update().get(pk=FIRST)
        threads = [aside(lambda: demand_endings(person, reason="y", now=NOW), failures)]
        wait_until_there_wait(1)
        threads.append(aside(change, failures))
        wait_until_there_wait(2)
    for thread in threads:
        thread.join()
    assert failures == []
    assert not AccessSession.objects.filter(ends_at__gt=NOW).exists()


def test_a_warning_waits_for_nobody() -> None:
    """Of two accesses one is held by somebody else: the other is told of now, and that one the next time."""
    person, failures = person_with_two_accesses(), list[Exception]()
    with transaction.atomic():
        AccessSession.objects.select_for_update().get(pk=FIRST)
        wishing = aside(lambda: demand_endings(person, reason="y", now=NOW), failures)
        wait_until_there_wait(1)
        warning = aside(lambda: warn_of_ends(now=NOW), failures)
        warning.join(30)
        assert not warning.is_alive()
        assert AccessSession.objects.get(warned_at=NOW).pk == LAST
    wishing.join()
    assert failures == []
    assert warn_of_ends(now=NOW) == 1
