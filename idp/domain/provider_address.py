"""Addresses of service providers: https, one spelling, nothing that a browser or a server reads in two ways."""

import ipaddress
import re
from urllib.parse import urlsplit

from idp.domain.errors import Malformed

LONGEST_LOCATION = 2_048
# RFC 3986, 2: what may stand in an address, less the fragment's mark and what browsers quietly change.
location_grammar = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+", re.ASCII)
dot_segment = re.compile(r"/(?:\.|%2e){1,2}(?:[/?;]|$)", re.ASCII | re.IGNORECASE)
host_grammar = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?", re.ASCII)


class MalformedLocation(Malformed):
    """An address that no response may be sent to."""

    code = "malformed-location"
    sentence = (
        "An address of a service provider begins with https:// and a host, and has no user part or fragment."
    )


def check_location(location: str) -> str:
    """The same address; refuses another scheme than https, user parts, fragments, and odd spellings (MD-05).

    Plain http is let through for a loopback address: whether one may be served is for `is_plain_loopback`.
    """
    if len(location) > LONGEST_LOCATION or not location_grammar.fullmatch(location):
        raise MalformedLocation(f"{location[:200]!r}")
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise MalformedLocation(f"{location[:200]!r}: {error}") from error
    if parts.scheme not in {"https", "http"} or not location.startswith(f"{parts.scheme}://"):
        raise MalformedLocation(f"scheme of {location[:200]!r}")
    if parts.scheme == "http" and not is_loopback_host(host):
        raise MalformedLocation(f"plain http: {location[:200]!r}")
    if parts.username is not None or parts.password is not None or "\\" in location:
        raise MalformedLocation(f"user part: {location[:200]!r}")
    if (
        port == 0
        or not (host_grammar.fullmatch(host) or _is_ipv6(host))
        or parts.netloc != parts.netloc.lower()
    ):
        raise MalformedLocation(f"host of {location[:200]!r}")
    if dot_segment.search(parts.path):
        raise MalformedLocation(f"dot segments: {location[:200]!r}")
    return location


def is_plain_loopback(location: str) -> bool:
    """Whether this address is one of this machine by plain http, which only a demo may serve."""
    return location.startswith("http://")


def is_loopback_host(host: str) -> bool:
    """Whether this host is this machine, whatever a resolver says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - the version of the protocol
    except ValueError:
        return False
