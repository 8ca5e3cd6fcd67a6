"""The site itself: its address, its secret, its cookies, its database."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from idp.conf.access import access_config

SHORTEST_SECRET = 50
FEWEST_CHARACTERS = 12
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(address: str) -> bool:
    """Whether this address can be reached from this machine only."""
    return urlsplit(address).hostname in LOOPBACK_NAMES


@register(deploy=True)
def check_site(**_: Any) -> list[CheckMessage]:
    """The site's own address, secret and cookies are safe."""
    return list(_site_problems())


def _site_problems() -> Iterator[CheckMessage]:
    limits = access_config()
    plain_loopback = limits.base_url.startswith("http://") and is_loopback(limits.base_url)
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="It shows secrets to everybody; leave it off.", id="drawbridge.E001")
    if len(settings.SECRET_KEY) < SHORTEST_SECRET or len(set(settings.SECRET_KEY)) < FEWEST_CHARACTERS:
        yield Error(
            "SECRET_KEY is too short or too plain.",
            hint=f"At least {SHORTEST_SECRET} random characters, for instance from `openssl rand -base64 48`.",
            id="drawbridge.E002",
        )
    if limits.base_url.startswith("http://") and not (limits.demo and plain_loopback):
        yield Error(
            f"DRAWBRIDGE_BASE_URL is {limits.base_url}: passwords would travel in the clear.",
            hint="Use https; plain http is for a demo on loopback (DRAWBRIDGE_DEMO=true).",
            id="drawbridge.E003",
        )
    if limits.demo and not plain_loopback:
        yield Error(
            "DRAWBRIDGE_DEMO is on for an address that others can reach.",
            hint="Switch it off: the demo's passwords are public.",
            id="drawbridge.E004",
        )
    if limits.insecure_cookies and not (limits.demo and plain_loopback):
        yield Error(
            "DRAWBRIDGE_INSECURE_COOKIES is on outside a demo on loopback.",
            hint="Switch it off: session cookies must be Secure and bound to this host.",
            id="drawbridge.E005",
        )
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and not limits.demo:
        yield Error(
            "DATABASE_URL names SQLite.",
            hint="SQLite is for the demo; use PostgreSQL.",
            id="drawbridge.E006",
        )
    if limits.idle_for > limits.absolute_for:
        yield Error(
            "DRAWBRIDGE_SESSION_IDLE_SECONDS is longer than DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS.",
            hint="The idle limit must be the shorter one.",
            id="drawbridge.E007",
        )
    for network in limits.trusted_proxies:
        if not _is_network(network):
            yield Error(
                f"DRAWBRIDGE_TRUSTED_PROXIES names {network!r}, which is no address or network.",
                hint="For instance 10.0.0.5 or 10.0.0.0/24.",
                id="drawbridge.E008",
            )


def _is_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.prefixlen > 0
