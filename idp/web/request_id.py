"""One number per request, in answers and logs, and the client's address as far as we may believe it."""

import base64
import secrets
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.http import HttpRequest

from idp.conf.access import access_config
from idp.domain.origin import Origin

LONGEST_CLIENT = 200
LENGTH = 12
REFERENCE = "drawbridge.reference"
ORIGIN = "drawbridge.origin"

Address = IPv4Address | IPv6Address


def new_reference() -> str:
    """A fresh number that people can read out: 12 characters of base32, 60 random bits."""
    return base64.b32encode(secrets.token_bytes(8)).decode()[:LENGTH]


def reference_of(request: HttpRequest) -> str:
    """The number of this request; one is given if it came past the middleware."""
    reference: str = request.META.get(REFERENCE) or request.META.setdefault(REFERENCE, new_reference())
    return reference


def origin_of(request: HttpRequest) -> Origin:
    """Where this request came from: what audit rows and refusals are tied to."""
    known: Origin | None = request.META.get(ORIGIN)
    if known is None:
        said = request.META.get("HTTP_USER_AGENT", "")[:LONGEST_CLIENT]
        known = Origin(address=client_address(request), reference=reference_of(request), client=said)
        request.META[ORIGIN] = known
    return known


def client_address(request: HttpRequest) -> str:
    """The address of the client: the connection's own, or what trusted proxies say of it.

    Each proxy adds on the right whom it heard from. So the list is read from the right, and only as long as
    the one who speaks is trusted: the first address that is no proxy of ours is the client (BF-03).
    """
    address = parsed(request.META.get("REMOTE_ADDR", ""))
    if address is None:
        return ""
    heard = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while heard and is_trusted(address):
        before = parsed(heard.pop())
        if before is None:
            break
        address = before
    return str(address)


def parsed(text: str) -> Address | None:
    """The address that this text is, an IPv4 one in its own form; None for anything else."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_trusted(address: Address) -> bool:
    """Whether this is one of the proxies that may speak for a client."""
    return any(address in network for network in trusted_networks())


@cache
def trusted_networks() -> tuple[IPv4Network | IPv6Network, ...]:
    """DRAWBRIDGE_TRUSTED_PROXIES, read once."""
    return tuple(ip_network(text) for text in access_config().trusted_proxies)
