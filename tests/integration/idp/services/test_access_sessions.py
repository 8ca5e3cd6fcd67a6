"""Accesses are recorded, listed, and marked as over once, whoever marks them and however late."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, connections, transaction

from idp.conf.access import access_config
from idp.domain.access_session import WARNED_BEFORE, AccessState
from idp.domain.errors import NotFound
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import AccessSession, AuditRecord, SignInCounter, SiteSession
from idp.services.access_sessions import (
    activate_access,
    clear_old_marks,
    list_accesses,
    mark_ended,
    warn_of_ends,
    withdraw_access,
)
from tests.integration.idp.services.accesses import a_person, an_access, many_ended

ORIGIN = Origin(address="192.0.2.7", reference="ABCDEFGHIJKL")
NOW = datetime(2026, 3, 2, 9, 30, 0, 123_456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ended_events() -> list[str]:
    return [row.details["access"] for row in AuditRecord.objects.filter(event=AuditEvent.ACCESS_ENDED)]


@pytest.mark.django_db
def test_an_offer_is_taken_up_once() -> None:
    """The access gets STS's end and its audit row in one; a second time, or once withdrawn, it is refused."""
    person = a_person(now=NOW)
    row = an_access(person, ends_at=NOW + 65 * MINUTE, state=AccessState.OFFERED)
    end = NOW + 60 * MINUTE
    activate_access(
        row.pk, ends_at=end, access_key_id="ASIAMADEUP", issued_at=NOW + MINUTE, origin=ORIGIN, now=NOW
    )
    row.refresh_from_db()
    assert (row.state, row.ends_at, row.access_key_id) == ("active", end, "ASIAMADEUP")
    assert row.issued_at == NOW + MINUTE, "as AWS's clock says, whatever ours does"
    (event,) = AuditRecord.objects.all()
    assert (event.event, event.account_key, event.reference, event.address) == (
        "person:credentials:issued", person.account_key, ORIGIN.reference, ORIGIN.address,
    )  # fmt: skip
    assert event.details["access_key_id"] == "ASIAMADEUP"
    for again in (row.pk, uuid4()):
        with pytest.raises(NotFound), transaction.atomic():
            activate_access(
                again, ends_at=end, access_key_id="ASIAOTHER", issued_at=NOW, origin=ORIGIN, now=NOW
            )
        with pytest.raises(NotFound), transaction.atomic():
            withdraw_access(again, reason="x", cause="y", origin=ORIGIN, now=NOW)
    assert AuditRecord.objects.count() == 1


@pytest.mark.django_db
def test_a_withdrawn_offer_is_over_and_says_why() -> None:
    """What AWS refused is over at once, and the audit has the reason."""
    row = an_access(a_person(now=NOW), ends_at=NOW + 65 * MINUTE, state=AccessState.OFFERED)
    withdraw_access(row.pk, reason="aws-role-refused", cause="AWS 403 AccessDenied", origin=ORIGIN, now=NOW)
    row.refresh_from_db()
    assert (row.state, row.ends_at, row.ended_at) == ("ended", NOW, NOW)
    (event,) = AuditRecord.objects.all()
    assert (event.event, event.reason) == ("person:credentials:refused", "aws-role-refused")
    assert event.details["cause"] == "AWS 403 AccessDenied"
    assert mark_ended(now=NOW + MINUTE, limit=10) == 0


@pytest.mark.django_db
def test_the_list_tells_the_truth_before_anybody_marks_it() -> None:
    """An access is over at its end, not when a worker says so; others' accesses and old ones are not listed."""
    person, other = a_person(now=NOW), a_person("joe", now=NOW)
    later = an_access(person, ends_at=NOW + 20 * MINUTE)
    sooner = an_access(person, ends_at=NOW + 5 * MINUTE)
    just_over = an_access(person, ends_at=NOW)
    an_access(person, ends_at=NOW - timedelta(hours=24))
    an_access(other, ends_at=NOW + 5 * MINUTE)
    views = list_accesses(person, now=NOW)
    assert [view.number for view in views] == [str(sooner.pk), str(later.pk), str(just_over.pk)]
    assert [view.state for view in views] == [AccessState.ACTIVE, AccessState.ACTIVE, AccessState.ENDED]
    assert [view.is_over(NOW) for view in views] == [False, False, True]
    assert list_accesses(person, now=NOW - timedelta(microseconds=1))[0].number == str(just_over.pk)


@pytest.mark.django_db
def test_what_is_over_is_marked_once_with_its_true_end() -> None:
    """Only what is due is marked, hours late with the end it had, and each end is audited once."""
    person = a_person(now=NOW)
    due = [an_access(person, ends_at=NOW - timedelta(hours=hours)) for hours in (0, 1, 7)]
    open_one = an_access(person, ends_at=NOW + timedelta(microseconds=1))
    assert mark_ended(now=NOW, limit=2) == 2
    assert mark_ended(now=NOW, limit=2) == 1
    assert mark_ended(now=NOW, limit=2) == 0
    for row in due:
        row.refresh_from_db()
        assert (row.state, row.ended_at) == ("ended", row.ends_at)
    open_one.refresh_from_db()
    assert (open_one.state, open_one.ended_at) == ("active", None)
    assert sorted(ended_events()) == sorted(str(row.pk) for row in due)
    ends = {row.details["access"]: row.details["ended_at"] for row in AuditRecord.objects.all()}
    assert ends == {str(row.pk): row.ends_at.isoformat() for row in due}


@pytest.mark.postgresql
@pytest.mark.fault(13)
@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_share_the_work_and_double_none() -> None:
    """Six workers at once, in portions: every access is marked once and audited once."""
    person = a_person(now=NOW)
    due = [an_access(person, ends_at=NOW - MINUTE) for _ in range(60)]
    start = threading.Barrier(6)
    marked: list[int] = []

    def work() -> None:
        start.wait()
        try:
            while portion := mark_ended(now=NOW, limit=7):
                marked.append(portion)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(marked) == len(due)
    assert sorted(ended_events()) == sorted(str(row.pk) for row in due)
    assert not AccessSession.objects.exclude(state="ended").exists()


@pytest.mark.postgresql
@pytest.mark.fault(13)
@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_worker_holds_is_left_to_it() -> None:
    """A held row makes nobody wait: the others are marked now, the held one when it is free."""
    person = a_person(now=NOW)
    held, free = an_access(person, ends_at=NOW - 2 * MINUTE), an_access(person, ends_at=NOW - MINUTE)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                AccessSession.objects.select_for_update().get(pk=held.pk)
                locked.set()
                done.wait(20)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(20)
        assert mark_ended(now=NOW, limit=10) == 1
        free.refresh_from_db()
        assert free.state == "ended"
    finally:
        done.set()
        holder.join()
    assert mark_ended(now=NOW, limit=10) == 1
    assert sorted(ended_events()) == sorted([str(held.pk), str(free.pk)])


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_mark_and_its_audit_are_one() -> None:
    """Where the audit cannot be written nothing is marked; where it can, both are."""
    row = an_access(a_person(now=NOW), ends_at=NOW - MINUTE)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE idp_auditrecord ADD CONSTRAINT nothing_fits CHECK (event = 'nothing') NOT VALID"
        )
    try:
        with pytest.raises(DatabaseError):
            mark_ended(now=NOW, limit=10)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE idp_auditrecord DROP CONSTRAINT nothing_fits")
    row.refresh_from_db()
    assert row.state == "active"
    assert mark_ended(now=NOW, limit=10) == 1
    assert ended_events() == [str(row.pk)]


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_cost_grows_with_what_is_due_and_not_with_what_exists() -> None:
    """With 1,000 and with 100,000 ended accesses the index of what is not marked finds the 20 that are due."""
    person = a_person(now=NOW)
    pattern = an_access(person, ends_at=NOW - timedelta(days=1), state=AccessState.ENDED)
    for number in range(20):
        an_access(person, ends_at=NOW - number * MINUTE)
    touched: dict[int, int] = {}
    existing = 0
    for size in (1_000, 100_000):
        many_ended(pattern, count=size - existing)
        existing = size
        due = AccessSession.objects.due_to_end(NOW).select_related("user")
        lines = due.select_for_update(of=("self",), skip_locked=True)[:200].explain(
            analyze=True, buffers=True
        )
        print(f"--- {size} ended accesses, 20 due\n{lines}")
        assert "access_not_marked" in lines
        assert "Seq Scan on idp_accesssession" not in lines
        top = lines.splitlines()[1]
        touched[size] = sum(
            int(part.split("=")[1]) for part in top.split() if part.startswith(("hit=", "read="))
        )
        warned = AccessSession.objects.due_to_warn(NOW).explain()
        assert "access_not_marked" in warned
    print(touched)
    assert touched[100_000] <= touched[1_000] + 20
    assert mark_ended(now=NOW, limit=200) == 20


@pytest.mark.django_db
def test_everyone_is_told_once_ten_minutes_before_the_end() -> None:
    """From ten minutes before the end the access is marked as told, once; earlier, later and ended ones are not."""
    person = a_person(now=NOW)
    soon = an_access(person, ends_at=NOW + WARNED_BEFORE)
    later = an_access(person, ends_at=NOW + WARNED_BEFORE + timedelta(microseconds=1))
    over = an_access(person, ends_at=NOW)
    ended = an_access(person, ends_at=NOW + MINUTE, state=AccessState.ENDED)
    assert warn_of_ends(now=NOW) == 1
    assert warn_of_ends(now=NOW + MINUTE) == 1
    assert warn_of_ends(now=NOW + MINUTE) == 0
    told = {row.pk: row.warned_at for row in AccessSession.objects.all()}
    assert told == {soon.pk: NOW, later.pk: NOW + MINUTE, over.pk: None, ended.pk: None}
    (view,) = (view for view in list_accesses(person, now=NOW) if view.number == str(soon.pk))
    assert view.ends_soon(NOW)
    assert not view.ends_soon(NOW + WARNED_BEFORE)


@pytest.mark.django_db
def test_old_marks_are_cleared_and_those_that_count_stay() -> None:
    """A counter at its end and a session past its idle limit go; those with a moment left stay."""
    idle = access_config().idle_for
    moment = timedelta(microseconds=1)
    for number, (counter_end, seen_at) in enumerate([(NOW, NOW - idle), (NOW + moment, NOW - idle + moment)]):
        SignInCounter.objects.create(key=f"name:{number}", since=NOW, expires_at=counter_end)
        SiteSession.objects.create(key_hash=f"{number:064}", created_at=NOW - idle, seen_at=seen_at)
    assert clear_old_marks(now=NOW) == 2
    assert [row.key for row in SignInCounter.objects.all()] == ["name:1"]
    assert [row.key_hash for row in SiteSession.objects.all()] == [f"{1:064}"]
    assert clear_old_marks(now=NOW) == 0


@pytest.mark.fault(15)
@pytest.mark.django_db
def test_a_clock_that_jumps_extends_and_loses_nothing() -> None:
    """A worker ten minutes ahead marks early with the true end; one that goes back marks nothing twice."""
    person = a_person(now=NOW)
    row = an_access(person, ends_at=NOW + 5 * MINUTE)
    assert mark_ended(now=NOW + 10 * MINUTE, limit=10) == 1
    row.refresh_from_db()
    assert (row.state, row.ends_at, row.ended_at) == ("ended", NOW + 5 * MINUTE, NOW + 5 * MINUTE)
    (held,) = list_accesses(person, now=NOW)
    assert not held.is_over(NOW)
    assert held.is_over(NOW + 5 * MINUTE)
    for jump in (-10, 0, 10):
        assert mark_ended(now=NOW + jump * MINUTE, limit=10) == 0
    assert ended_events() == [str(row.pk)]
