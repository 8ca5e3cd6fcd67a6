"""The counters and gauges, for whoever is inside or has the token; to everybody else there is nothing here."""

import secrets
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from idp.conf.access import metrics_config
from idp.domain.errors import NotFound
from idp.services.certificate_gauges import certificate_gauges
from idp.services.clock import clock_gauge
from idp.services.counters import counters
from idp.services.ending_gauges import ending_gauges
from idp.services.region_gauges import region_gauges
from idp.web.request_id import client_address, parsed

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SCHEME = "Bearer "


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All counters of all workers, and what stands how; refuses whoever is neither inside nor has the token."""
    if not (has_token(request) or is_inside(request)):
        raise NotFound("neither inside nor with the token")
    now = datetime.now(UTC)
    told = (
        clock_gauge(now=now)
        + counters()
        + ending_gauges(now=now)
        + certificate_gauges(now=now)
        + region_gauges()
    )
    return HttpResponse(told, content_type=CONTENT_TYPE)


def has_token(request: HttpRequest) -> bool:
    """Whether the request bears the configured token; without one nobody does."""
    token, given = metrics_config().token, request.headers.get("Authorization", "")
    return bool(token) and secrets.compare_digest(given.encode(), f"{SCHEME}{token}".encode())


def is_inside(request: HttpRequest) -> bool:
    """Whether it comes from this machine or a configured network.

    One that says to have been passed on, and whose whole way is not vouched for, may come from anywhere.
    """
    address = parsed(client_address(request))
    peer = parsed(request.META.get("REMOTE_ADDR", ""))
    if address is None or ("HTTP_X_FORWARDED_FOR" in request.META and address == peer):
        return False
    return address.is_loopback or any(address in network for network in inside())


@cache
def inside() -> tuple[IPv4Network | IPv6Network, ...]:
    """DRAWBRIDGE_METRICS_NETWORKS, read once."""
    return tuple(ip_network(text) for text in metrics_config().networks)
