"""A machine whose clock is not the database's serves nobody and throws nothing away, until its clock is right."""

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from idp import tasks
from idp.api import metrics, views
from idp.models import SignInCounter
from idp.services import health
from idp.services.clock import clock_apart, clock_gauge, clock_problem
from idp.services.health import LastLook
from sts_bridge import tasks as bridge_tasks
from sts_bridge.services.health import examine

pytestmark = [pytest.mark.django_db, pytest.mark.fault(15)]

GAUGE = "drawbridge_clock_apart_seconds "


def shifted(seconds: float) -> type[datetime]:
    """The clock of a machine that is so far ahead."""

    class Shifted(datetime):
        """As `datetime`, at another moment."""

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override] # returns a plain moment
            """This machine's moment."""
            assert tz is UTC
            return datetime.now(UTC) + timedelta(seconds=seconds)

    return Shifted


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("seconds", "cause"),
    [
        (45, "this machine's clock is 45 s ahead of the database's: set both clocks by NTP"),
        (-45, "this machine's clock is 45 s behind the database's: set both clocks by NTP"),
        (600, "this machine's clock is 600 s ahead of the database's: set both clocks by NTP"),
        (20, ""),
        (-20, ""),
    ],
)
def test_a_machine_with_a_wrong_clock_is_not_ready(
    seconds: int, cause: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """More than thirty seconds either way: 503 with cause and remedy, an alarm and a figure; less than that: well."""
    for room in (views, metrics):
        monkeypatch.setattr(room, "datetime", shifted(seconds))
    client = Client(headers={"Host": "idp.example.test"})
    with caplog.at_level(logging.ERROR, "drawbridge.services"):
        answer = client.get("/health/ready", secure=True)
    assert answer.json()["parts"]["clock"] == ({"ok": False, "cause": cause} if cause else {"ok": True})
    assert answer.json()["parts"]["database"] == {"ok": True}
    if cause:
        assert answer.status_code == 503
    assert ("clock.apart" in caplog.text) is bool(cause)
    told = client.get("/metrics", secure=True).content.decode()
    (figure,) = [line for line in told.splitlines() if line.startswith(GAUGE)]
    assert float(figure.removeprefix(GAUGE)) == pytest.approx(seconds, abs=5)


@pytest.mark.postgresql
def test_what_a_wrong_clock_would_throw_away_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker ten minutes ahead clears no counter and no denial; one whose clock is right clears both."""
    SignInCounter.objects.create(
        key="name:x", since=timezone.now(), expires_at=timezone.now() + timedelta(minutes=5)
    )
    cleared: list[datetime] = []

    def clear(*, now: datetime) -> int:
        cleared.append(now)
        return 0

    monkeypatch.setattr(bridge_tasks, "clear_past_denials", clear)
    with monkeypatch.context() as ahead:
        ahead.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(minutes=10))
        tasks.clear_marks()
        bridge_tasks.clear_denials()
    assert (SignInCounter.objects.count(), cleared) == (1, [])
    SignInCounter.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    tasks.clear_marks()
    bridge_tasks.clear_denials()
    assert (SignInCounter.objects.count(), len(cleared)) == (0, 1)


@pytest.mark.postgresql
def test_a_slow_answer_is_no_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database may have looked at its clock at any moment of the round trip: within that nothing is apart."""
    now, moments = datetime.now(UTC), iter([0.0, 0.0, 90.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    assert clock_apart(now=now - timedelta(seconds=45)) == timedelta()


@pytest.mark.postgresql
def test_who_waited_for_their_look_is_not_told_to_have_a_slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment goes on while another looks: what is compared is the clock as it is then."""
    moments = iter([0.0, 40.0])
    looked_at: list[datetime] = []
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(health, "look", lambda *, now: looked_at.append(now))
    now = datetime.now(UTC)
    LastLook().shared(now)
    assert looked_at == [now + timedelta(seconds=40)]


def test_the_doctor_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of its own, with what to do; ill only where the clock is."""
    monkeypatch.setattr("sts_bridge.services.health.aws_findings", lambda **_: ())

    def finding(seconds: int) -> tuple[bool, str]:
        findings = examine(now=datetime.now(UTC) + timedelta(seconds=seconds))
        (found,) = [one for one in findings if one.part == "clock of the database"]
        return found.is_well, found.advice

    on_sqlite = connection.vendor == "sqlite"
    assert finding(0) == (True, "Set both clocks by NTP.")
    assert finding(60) == (on_sqlite, "Set both clocks by NTP.")


def test_where_there_is_no_second_clock_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has this machine's clock: nothing is compared. A database that is gone is told as that, and only so."""
    now = datetime.now(UTC) + timedelta(hours=1)
    with monkeypatch.context() as other:
        other.setattr(connection, "vendor", "sqlite")
        assert clock_problem(now=now) == ""

    def gone() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(connection, "cursor", gone)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert health.clock_health(now=now).is_well
    database, clock = health.database_health(now=now)
    assert (database.is_well, clock.is_well) == (False, True)
    assert clock_gauge(now=now) == b""
