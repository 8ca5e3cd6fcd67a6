"""What stands how at this moment, in Prometheus's text form: the one way for every kind of gauge."""

from django.db import DatabaseError, InterfaceError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector


def as_text(collector: Collector) -> bytes:
    """All that this collector sees; nothing while the database does not answer, which is told elsewhere."""
    registry = CollectorRegistry()
    try:
        registry.register(collector)
        return bytes(generate_latest(registry))
    except (DatabaseError, InterfaceError):
        return b""
