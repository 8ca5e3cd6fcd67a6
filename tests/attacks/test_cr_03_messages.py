"""Whoever can write to the broker must not become whoever runs code in the worker."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from idp.models import AccessSession
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


class Exploit:
    """Makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """What the one who unpickles is made to do."""
        return os.mkdir, (str(self.canary),)


@pytest.mark.attack("CR-03")
@pytest.mark.parametrize("serializer", ["pickle", "yaml"])
def test_a_message_that_is_not_json_is_thrown_away_unread(
    timetable: Timetable, tmp_path: Path, serializer: str
) -> None:
    """A pickle runs nothing, a YAML message calls nothing, and the worker goes on; the same in JSON is done."""
    row = an_access(a_person(now=datetime.now(UTC)), ends_at=datetime.now(UTC) - timedelta(minutes=1))
    canary = tmp_path / "canary"
    args = (Exploit(canary),) if serializer == "pickle" else ()
    worker = timetable.start_worker()
    child = child_of(worker)
    timetable.send(MARK, serializer=serializer, args=args)
    wait_for(lambda: "ContentDisallowed" in worker.text())
    wait_for(lambda: timetable.waiting() == [])
    assert not canary.exists()
    row.refresh_from_db()
    assert row.state == "active"
    assert child_of(worker) == child
    timetable.send(MARK)
    wait_for(lambda: AccessSession.objects.get(pk=row.pk).state == "ended")
    assert not canary.exists()


@pytest.mark.attack("CR-03")
def test_a_task_that_we_do_not_have_is_thrown_away(timetable: Timetable) -> None:
    """A message that names another function of Python calls nothing; the worker goes on."""
    row = an_access(a_person(now=datetime.now(UTC)), ends_at=datetime.now(UTC) - timedelta(minutes=1))
    worker = timetable.start_worker()
    child_of(worker)
    for name in ("os.system", "celery.backend_cleanup", "idp.services.access_sessions.mark_ended"):
        timetable.send(name)
    timetable.send(MARK)
    wait_for(lambda: AccessSession.objects.get(pk=row.pk).state == "ended")
    assert timetable.waiting() == []


@pytest.mark.attack("CR-03")
def test_no_task_of_ours_takes_anything_but_identifiers(timetable: Timetable) -> None:
    """Tasks take nothing at all: a message with an argument is refused, the one without is done."""
    row = an_access(a_person(now=datetime.now(UTC)), ends_at=datetime.now(UTC) - timedelta(minutes=1))
    worker = timetable.start_worker()
    child_of(worker)
    timetable.send(MARK, args=("a-canary-of-a-secret",))
    wait_for(lambda: "TypeError" in worker.text())
    row.refresh_from_db()
    assert row.state == "active"
    assert "a-canary-of-a-secret" not in worker.text()
    timetable.send(MARK)
    wait_for(lambda: AccessSession.objects.get(pk=row.pk).state == "ended")
