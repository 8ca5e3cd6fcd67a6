"""Counters for Prometheus: what happens is counted where it is written down."""

import os

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

from idp.domain.events import AuditEvent

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
LONGEST_REASON = 80

_events = Counter("drawbridge_events", "Audit events of the web processes, by kind.", ["event"])
_refused = Counter(
    "drawbridge_messages_refused", "Messages of service providers that were refused, by reason.", ["reason"]
)
_waiting = Counter(
    "drawbridge_requests_waiting", "Requests of service providers that were kept for a sign-in."
)


def count_waiting() -> None:
    """One more request that waits until somebody has signed in."""
    _waiting.inc()


def count_event(event: AuditEvent) -> None:
    """One more of this kind."""
    _events.labels(event.value).inc()


def count_refused_message(reason: str) -> None:
    """One more message refused for this reason, which is a word of ours."""
    _refused.labels(reason[:LONGEST_REASON]).inc()


def counters() -> bytes:
    """All counters in Prometheus's text form: those of every worker where they share a folder."""
    if not os.environ.get(SHARED_FOLDER):
        return bytes(generate_latest(REGISTRY))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library leaves it untyped
    return bytes(generate_latest(registry))
