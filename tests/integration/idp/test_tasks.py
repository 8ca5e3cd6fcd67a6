"""The timetable with real workers: whoever is killed, doubled or late, every end is marked once and truly."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from django.db import connection, connections, transaction

from idp.domain.events import AuditEvent
from idp.models import AccessSession, AuditRecord
from tests.integration.idp.services.accesses import a_person, an_access
from tests.servers.timetable import Timetable, child_of, running_on_redis, wait_for

MARK = "idp.mark_ended_accesses"


@pytest.fixture
def timetable(
    tmp_path: Path,
    transactional_db: None,  # noqa: ARG001 - rows must be committed for other processes to see them
) -> Iterator[Timetable]:
    with running_on_redis(tmp_path) as programs:
        yield programs


def right_now() -> datetime:
    return datetime.now(UTC)


def unmarked() -> int:
    return AccessSession.objects.exclude(state="ended").count()


def assert_each_ended_once_and_truly(rows: list[AccessSession]) -> None:
    for row in rows:
        before = row.ends_at
        row.refresh_from_db()
        assert (row.state, row.ends_at, row.ended_at) == ("ended", before, before)
    audited = [event.details["access"] for event in AuditRecord.objects.filter(event=AuditEvent.ACCESS_ENDED)]
    assert sorted(audited) == sorted(str(row.pk) for row in rows)


class HeldAudit:
    """Nobody can write to the audit while this is held: a worker that marks is caught in the middle."""

    def __enter__(self) -> Self:
        self.held, self.release = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._hold)
        self.thread.start()
        assert self.held.wait(20)
        return self

    def _hold(self) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE idp_auditrecord IN SHARE MODE")
                self.held.set()
                self.release.wait(60)
        finally:
            connections.close_all()

    def wait_until_somebody_is_stuck(self) -> None:
        """A worker has marked its rows in an open transaction and waits to write the audit."""

        def stuck() -> int:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO \"idp_auditrecord\"%'"
                )
                return int(cursor.fetchone()[0])

        wait_for(stuck)

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.thread.join()


@pytest.mark.fault(12)
def test_work_whose_worker_was_killed_in_the_middle_is_done_by_the_next(timetable: Timetable) -> None:
    """One message, its worker killed while the rows are half done: nothing half is left, and another does it all."""
    rows = [an_access(a_person(now=right_now()), ends_at=right_now() - timedelta(hours=3)) for _ in range(5)]
    worker = timetable.start_worker()
    first_child = child_of(worker)
    with HeldAudit() as audit:
        timetable.send(MARK)
        audit.wait_until_somebody_is_stuck()
        os.kill(first_child, signal.SIGKILL)
    wait_for(lambda: child_of(worker) != first_child)
    wait_for(lambda: unmarked() == 0)
    assert_each_ended_once_and_truly(rows)
    assert "WorkerLostError" in worker.text()
    assert timetable.waiting() == []


@pytest.mark.fault(12)
def test_a_killed_worker_with_all_its_processes_leaves_nothing_half_done(timetable: Timetable) -> None:
    """Worker and child killed at once: nothing is marked; a new worker and the next tick do it, once."""
    rows = [an_access(a_person(now=right_now()), ends_at=right_now() - timedelta(hours=3)) for _ in range(5)]
    worker = timetable.start_worker()
    child_of(worker)
    with HeldAudit() as audit:
        timetable.send(MARK)
        audit.wait_until_somebody_is_stuck()
        worker.kill(signal.SIGKILL)
        assert unmarked() == len(rows)
    assert AuditRecord.objects.count() == 0
    timetable.start_worker("second worker")
    timetable.start_timetable()
    wait_for(lambda: unmarked() == 0)
    assert_each_ended_once_and_truly(rows)


@pytest.mark.fault(13)
def test_two_timetables_and_two_workers_mark_and_tell_once(timetable: Timetable) -> None:
    """With everything doubled, each end is marked and told once, within seconds of the end."""
    now = right_now()
    person = a_person(now=now)
    due = [an_access(person, ends_at=now + timedelta(seconds=seconds)) for seconds in (-7_200, 1, 3)]
    soon = an_access(person, ends_at=now + timedelta(minutes=9))
    later = an_access(person, ends_at=now + timedelta(minutes=30))
    for name in ("first", "second"):
        timetable.start_worker(f"{name} worker")
        timetable.start_timetable(f"{name} beat")
    wait_for(lambda: unmarked() == 2, seconds=40)
    late_by = right_now() - due[-1].ends_at
    assert timedelta(0) < late_by < timedelta(seconds=15)
    assert_each_ended_once_and_truly(due)
    wait_for(lambda: AccessSession.objects.filter(warned_at__isnull=False).count() == 1)
    told_at = AccessSession.objects.get(pk=soon.pk).warned_at
    timetable.send("idp.warn_of_ending_accesses")
    timetable.send(MARK)
    wait_for(lambda: timetable.waiting() == [])
    assert AccessSession.objects.get(pk=soon.pk).warned_at == told_at
    assert AccessSession.objects.get(pk=later.pk).warned_at is None
    assert_each_ended_once_and_truly(due)


def test_after_standing_still_the_true_ends_are_caught_up(timetable: Timetable) -> None:
    """No worker for a while, messages piling up: the first worker marks everything with the ends it truly had."""
    person = a_person(now=right_now())
    rows = [an_access(person, ends_at=right_now() - timedelta(hours=hours)) for hours in range(30)]
    rows.append(an_access(person, ends_at=right_now() + timedelta(seconds=1)))
    timetable.start_timetable()
    wait_for(lambda: len(timetable.waiting()) >= 2)
    assert unmarked() == len(rows)
    timetable.start_worker()
    wait_for(lambda: unmarked() == 0)
    assert_each_ended_once_and_truly(rows)
    wait_for(lambda: timetable.waiting() == [])


def test_messages_of_the_timetable_are_json_and_empty(timetable: Timetable) -> None:
    """What lies in Redis names a task and says nothing more; a message that is too late to matter expires."""
    timetable.start_timetable()
    wait_for(lambda: len(timetable.waiting()) >= 2)
    for message in timetable.waiting():
        envelope = json.loads(message)
        assert envelope["content-type"] == "application/json"
        assert envelope["headers"]["task"].startswith(("idp.", "sts_bridge."))
        assert envelope["headers"]["argsrepr"] == "()"
        assert envelope["headers"]["kwargsrepr"] == "{}"
        assert envelope["headers"]["expires"] is not None
        assert envelope["headers"]["ignore_result"] is True


def test_programs_are_quiet_and_log_in_our_lines(timetable: Timetable) -> None:
    """Each line that worker and timetable write is one of ours, in JSON; doing nothing is not worth a line."""
    an_access(a_person(now=right_now()), ends_at=right_now())
    worker, beat = timetable.start_worker(), timetable.start_timetable()
    wait_for(lambda: unmarked() == 0)
    wait_for(lambda: "access.marked_ended" in worker.text())
    lines = [json.loads(line) for line in (worker.text() + beat.text()).splitlines()]
    assert [line["accesses"] for line in lines if line["event"] == "access.marked_ended"] == [1]
    assert len(lines) <= 3
