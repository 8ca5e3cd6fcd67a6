"""Fetching a service's metadata: https to a public address, no redirects, bounded in size and time (MD-01, MD-02).

The name is resolved once, every address is checked, and the connection goes to a checked address: a name that
leads elsewhere the second time gains nothing.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from idp.domain.errors import Malformed
from idp.domain.provider_address import check_location
from idp.saml.errors import MetadataRefused
from idp.saml.xml import LARGEST_DOCUMENT

TOTAL_SECONDS: Final = 10.0
STEP_SECONDS: Final = 5.0
TYPES: Final = frozenset({"application/samlmetadata+xml", "application/xml", "text/xml"})
# Addresses that carry another one inside: NAT64, 6to4 and Teredo.
CARRYING: Final = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Which addresses may be asked beyond public ones; `loopback` is for a demo and tests."""

    networks: tuple[str, ...] = ()
    loopback: bool = False

    def allows(self, address: Address) -> bool:
        """Whether this address may be asked."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback:
            return self.loopback
        if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
            return False
        if any(address.version == network.version and address in network for network in CARRYING):
            return False
        networks = map(ipaddress.ip_network, self.networks)
        return address.is_global or any(
            address.version == network.version and address in network for network in networks
        )


def fetch_metadata(url: str, policy: FetchPolicy) -> bytes:
    """What stands at this address; refuses every address, answer and delay that metadata does not need."""
    try:
        parts = urlsplit(check_location(url))
    except Malformed as refusal:
        raise _refusal("address", "Metadata is fetched from an https address.", refusal.cause) from refusal
    if parts.scheme != "https" and not policy.loopback:
        raise _refusal("address", "Metadata is fetched from an https address.", url[:200])
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _checked_addresses(host, port, policy)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        with _connection(host, port, addresses, encrypted=parts.scheme == "https") as connection:
            headers = {
                "Accept": ", ".join(sorted(TYPES)),
                "User-Agent": "Drawbridge",
                "Accept-Encoding": "identity",
            }
            connection.request("GET", target, headers=headers)
            with connection.getresponse() as response:
                return _body(response)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _refusal(
            "fetch", "The metadata could not be fetched.", f"{type(error).__name__}: {error}"
        ) from error


def _checked_addresses(host: str, port: int, policy: FetchPolicy) -> list[str]:
    """Every address of the name; one that may not be asked refuses them all."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _refusal("fetch", f"The name {host} is not known.", str(error)) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        if not policy.allows(ipaddress.ip_address(text.partition("%")[0])):
            raise _refusal(
                "private-address", "Metadata is not fetched from private addresses.", f"{host}: {text}"
            )
    return addresses


@contextmanager
def _connection(
    host: str, port: int, addresses: list[str], *, encrypted: bool
) -> Iterator[http.client.HTTPConnection]:
    """A connection to a checked address, over whatever it says cut off when the time is up."""
    connection = http.client.HTTPConnection(host, port, timeout=STEP_SECONDS)
    plain = first_connected(addresses, port)
    context = ssl.create_default_context()
    connection.sock = (
        context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        if encrypted
        else plain
    )
    cut_off = threading.Timer(TOTAL_SECONDS, _shut, args=(connection.sock,))
    cut_off.daemon = True
    began = time.monotonic()
    cut_off.start()
    try:
        if isinstance(connection.sock, ssl.SSLSocket):
            connection.sock.do_handshake()
        yield connection
        # What was cut off looks like an answer that ended.
        if time.monotonic() - began >= TOTAL_SECONDS:
            raise TimeoutError("it took too long")
    finally:
        cut_off.cancel()
        connection.close()


def first_connected(addresses: list[str], port: int) -> socket.socket:
    """A connection to the first that answers; however many silent ones a name leads to, the time is the same."""
    ends = time.monotonic() + TOTAL_SECONDS
    for number, address in enumerate(addresses, start=1):
        try:
            return socket.create_connection((address, port), timeout=STEP_SECONDS)
        except OSError:
            if number == len(addresses) or time.monotonic() >= ends:
                raise
    raise OSError("no address")


def _shut(connected: socket.socket) -> None:
    """Whoever reads meanwhile finds the end; TLS is not asked, for its other side may be silent on purpose."""
    try:
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
    except OSError:
        return


def _body(response: http.client.HTTPResponse) -> bytes:
    if response.status != HTTPStatus.OK:
        raise _refusal("status", f"The address answered {response.status}; redirects are not followed.")
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise _refusal(
            "content-type", f"The address answered with {kind[:80] or 'nothing'}, which is no metadata."
        )
    body = response.read(LARGEST_DOCUMENT + 1)
    if len(body) > LARGEST_DOCUMENT:
        raise _refusal("too-large", f"The metadata is larger than {LARGEST_DOCUMENT} octets.")
    return body


def _refusal(reason: str, sentence: str, cause: str = "") -> MetadataRefused:
    return MetadataRefused(f"metadata.{reason}", sentence, cause)
