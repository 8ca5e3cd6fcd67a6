"""How far the clock of this process is from the database's, which all processes share and compare themselves with."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from idp.services.gauges import as_text

# Half of the minute by which statements are dated back: two processes, each so far off, still agree on one.
TOLERATED = timedelta(seconds=30)

logger = logging.getLogger("drawbridge.services")


def clock_apart(*, now: datetime) -> timedelta:
    """By how much our clock is ahead of the database's, for certain; negative where it is behind.

    The database looked at its clock at some moment of the round trip, nobody knows which: within that nothing is
    apart. SQLite has no clock but this machine's.
    """
    if connection.vendor != "postgresql":
        return timedelta()
    asked_at = time.monotonic()
    with connection.cursor() as cursor:
        # The connection is there by now: making it is no part of the round trip.
        began_at = time.monotonic()
        cursor.execute("SELECT statement_timestamp()")
        theirs: datetime = cursor.fetchone()[0]
    earliest = now + timedelta(seconds=began_at - asked_at)
    latest = now + timedelta(seconds=time.monotonic() - asked_at)
    if theirs < earliest:
        return earliest - theirs
    return min(latest - theirs, timedelta())


def clock_problem(*, now: datetime) -> str:
    """Empty if our clock agrees with the database's; otherwise what is wrong and what to do, told in the log too."""
    apart = clock_apart(now=now)
    if abs(apart) <= TOLERATED:
        return ""
    seconds = round(apart.total_seconds())
    logger.error("clock.apart", extra={"facts": {"seconds": seconds}})
    which = "ahead of" if seconds > 0 else "behind"
    return f"this machine's clock is {abs(seconds)} s {which} the database's: set both clocks by NTP"


class _Clock(Collector):
    """What the two clocks show at this moment."""

    def __init__(self, now: datetime) -> None:
        """Nothing is asked yet."""
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One figure."""
        yield GaugeMetricFamily(
            "drawbridge_clock_apart_seconds",
            "By how much this machine's clock is ahead of the database's; negative where it is behind.",
            clock_apart(now=self._now).total_seconds(),
        )


def clock_gauge(*, now: datetime) -> bytes:
    """It in Prometheus's text form; nothing while the database does not answer, which is told elsewhere."""
    return as_text(_Clock(now))
