"""Gauges for Prometheus: when certificates end, ours and those of service providers, as it stands at this moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from idp.saml.key_rollover import published_keys
from idp.services.gauges import as_text
from idp.services.keys import folder_of
from idp.services.provider_certificates import count_ending


@dataclass(frozen=True, slots=True)
class Ends(Collector):
    """What ends when, looked up at each scrape; whatever cannot be looked up is left out."""

    now: datetime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Our certificates by their ends, and how many of the services' end soon."""
        ours = GaugeMetricFamily(
            "drawbridge_signing_certificate_end_seconds",
            "When a signing certificate of ours ends, in seconds since 1970.",
            labels=["kind", "place"],
        )
        for kind, curve in (("rsa", False), ("curve", True)):
            for place, key in published_keys(folder_of(curve=curve)).items():
                ours.add_metric([kind, place], key.valid_until.timestamp())
        yield ours
        theirs = GaugeMetricFamily(
            "drawbridge_provider_certificates_ending",
            "Service providers whose own certificate ends within so many days (0: has ended), by its source.",
            labels=["source", "days"],
        )
        try:
            counted = count_ending(now=self.now)
        except (DatabaseError, InterfaceError):
            return
        for (source, days), count in counted.items():
            theirs.add_metric([source, str(days)], count)
        yield theirs


def certificate_gauges(*, now: datetime) -> bytes:
    """All gauges in Prometheus's text form."""
    return as_text(Ends(now))
