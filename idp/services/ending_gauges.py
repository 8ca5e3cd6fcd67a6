"""Gauges for Prometheus: how many endings wait, for how long and why, and how full the policies of roles are."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from idp.models import EndingDue, EndingState, RoleEnding, RoleRoom
from idp.services.gauges import as_text

NO_ROOM = "aws-policy-full"


class _Endings(Collector):
    """What the tables say at this moment."""

    def __init__(self, now: datetime) -> None:
        """Nothing is asked yet."""
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family after the other; ask for them in one go."""
        due, since = EndingState.DUE.value, self._now
        waiting = GaugeMetricFamily(
            "drawbridge_endings_waiting", "Accesses that must end in AWS and do not yet.", labels=["problem"]
        )
        persons = EndingDue.objects.filter(state=due, until__gt=self._now)
        for code, count in persons.order_by().values_list("problem_code").annotate(Count("pk")):
            waiting.add_metric([code or "none"], count)
        yield waiting
        whole = RoleEnding.objects.filter(state=due)
        yield GaugeMetricFamily(
            "drawbridge_role_endings_waiting",
            "Roles whose every session must end in AWS and does not yet.",
            whole.count(),
        )
        for rows in (persons, whole):
            since = min(since, rows.aggregate(at=Min("due_since"))["at"] or since)
        yield GaugeMetricFamily(
            "drawbridge_endings_longest_wait_seconds",
            "How long the longest of all these waits.",
            (self._now - since).total_seconds(),
        )
        yield GaugeMetricFamily(
            "drawbridge_endings_without_room",
            "Accesses that must end in AWS and for whose denial their role has no room.",
            persons.filter(problem_code=NO_ROOM).count(),
        )
        room = GaugeMetricFamily(
            "drawbridge_role_room_percent", "How full a role's inline policies are in AWS.", labels=["role"]
        )
        for role, percent in RoleRoom.objects.values_list("role_arn", "percent"):
            room.add_metric([role], percent)
        yield room


def ending_gauges(*, now: datetime) -> bytes:
    """All of it in Prometheus's text form; nothing while the database does not answer, which is told elsewhere."""
    return as_text(_Endings(now))
