"""Gauges for Prometheus: whether each region's STS and sign-in answer, and whether somebody switched them off."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from idp.services.gauges import as_text
from idp.services.regions import known_endpoints

LABELS = ("region", "endpoint")


class _Regions(Collector):
    """What the table says at this moment."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One line for each endpoint that is in use and was ever probed or switched."""
        well = GaugeMetricFamily(
            "drawbridge_region_well", "Whether the endpoint answered when last probed.", labels=LABELS
        )
        off = GaugeMetricFamily(
            "drawbridge_region_switched_off", "Whether somebody has taken it out of use.", labels=LABELS
        )
        for region, endpoint, view in known_endpoints():
            well.add_metric([region, endpoint.value], view.is_well)
            off.add_metric([region, endpoint.value], bool(view.switched_off_by))
        yield well
        yield off


def region_gauges() -> bytes:
    """All of it in Prometheus's text form; nothing while the database does not answer, which is told elsewhere."""
    return as_text(_Regions())
