"""Ending by the timetable's real programs: whoever is killed, doubled, emptied or gone, each denial stands, once."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings
from redis import Redis

from idp.domain.events import AuditEvent
from idp.models import AccessSession, AuditRecord, EndingDue, RoleLease
from idp.services.endings import demand_endings
from sts_bridge.domain.denials import OURS
from tests.integration.sts_bridge.broker_world import ENDER, FAR, NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import take
from tests.integration.sts_bridge.test_end_sessions import policies, works
from tests.servers.aws_in_between import HELD, AwsInBetween
from tests.servers.aws_world import key_id, secret
from tests.servers.timetable import Timetable, child_of, running_on_redis, wait_for

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

END = "sts_bridge.end_due_sessions"


@pytest.fixture
def between(broker: Broker, settings: Settings) -> Iterator[AwsInBetween]:
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER
    with AwsInBetween(broker.aws.url) as passing:
        yield passing


@pytest.fixture
def timetable(between: AwsInBetween, tmp_path: Path) -> Iterator[Timetable]:
    """Programs that reach AWS through what stands in between."""
    with running_on_redis(tmp_path) as programs:
        programs.env |= {
            "AWS_ENDPOINT_URL": between.url,
            "DRAWBRIDGE_DEMO": "true",
            "DRAWBRIDGE_ENDER_ROLE": ENDER,
            "DRAWBRIDGE_STS_CONNECT_SECONDS": "1",
            "DRAWBRIDGE_STS_READ_SECONDS": "7",
            "DRAWBRIDGE_BROKER_ACCESS_KEY_ID": key_id("broker"),
            "DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY": secret("broker"),
        }
        yield programs


def right_now() -> datetime:
    return datetime.now(UTC)


def states() -> set[str]:
    return set(EndingDue.objects.values_list("state", flat=True))


def assert_each_is_told_once(count: int) -> None:
    told = [row.details["access"] for row in AuditRecord.objects.filter(event=AuditEvent.ENDING_DONE)]
    assert sorted(told) == sorted(str(number) for number in EndingDue.objects.values_list("pk", flat=True))
    assert len(told) == count
    assert not AccessSession.objects.open_at(right_now()).exists()


@pytest.mark.fault(12)
@pytest.mark.fault(13)
def test_a_worker_killed_after_it_wrote_leaves_nothing_done_and_the_next_denies_nothing_twice(
    broker: Broker, between: AwsInBetween, timetable: Timetable
) -> None:
    """AWS has the denial, the worker is dead before it heard: nothing is called done, and all is done once.

    The message comes again at once, and finds the role still leased; with the lease over, two timetables and two
    workers end what is due. The policy stood already and is not written again.
    """
    first, second = take(broker.person, NEAR, "Direct"), take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    between.trouble["PutRolePolicy"] = HELD
    worker = timetable.start_worker()
    child = child_of(worker)
    timetable.send(END)
    between.wait_until_caught()
    os.kill(child, signal.SIGKILL)
    between.heal()
    wait_for(lambda: child_of(worker) != child)
    timetable.send(END)
    wait_for(lambda: timetable.waiting() == [])
    assert "WorkerLostError" in worker.text()
    assert states() == {"due"}
    assert not AuditRecord.objects.filter(event=AuditEvent.ENDING_DONE).exists()
    assert RoleLease.objects.count() == 1, "whoever comes meanwhile leaves the role to the lease of the dead"
    # The lease's minute and a half go by.
    RoleLease.objects.update(leased_until=right_now())
    timetable.start_worker("second worker")
    for name in ("first", "second"):
        timetable.start_timetable(f"{name} beat")
    timetable.send(END)
    wait_for(lambda: states() == {"denied"})
    assert_each_is_told_once(2)
    assert between.count("PutRolePolicy") == 1
    assert not works(first, broker)
    assert not works(second, broker)
    assert set(policies(broker)) == {OURS}
    assert wait_for(lambda: not RoleLease.objects.exists())


@pytest.mark.fault(6)
@pytest.mark.fault(7)
@pytest.mark.fault(13)
def test_an_emptied_and_a_dead_redis_lose_no_ending(
    broker: Broker, between: AwsInBetween, timetable: Timetable
) -> None:
    """The table is the queue: with Redis emptied, and gone while somebody asks, all is denied by the next ticks."""
    direct, chained = take(broker.person, NEAR, "Direct"), take(broker.person, FAR, "Chained")
    demand_endings(broker.person, roles=[f"arn:aws:iam::{NEAR}:role/Direct"], reason="x", now=right_now())
    timetable.send(END)
    assert len(timetable.waiting()) == 1
    with Redis.from_url(timetable.redis.url) as client:
        client.flushall()
    assert timetable.waiting() == []
    worker = timetable.start_worker()
    timetable.start_worker("second worker")
    for name in ("first", "second"):
        timetable.start_timetable(f"{name} beat")
    wait_for(lambda: states() == {"denied"})
    assert not works(direct, broker)
    timetable.redis.stop()
    assert demand_endings(broker.person, reason="y", now=right_now()) == 1
    assert states() == {"denied", "due"}
    timetable.redis.start()
    wait_for(lambda: states() == {"denied"}, seconds=60)
    assert not works(chained, broker)
    assert_each_is_told_once(2)
    assert between.count("PutRolePolicy") == 2
    assert worker.process.poll() is None
