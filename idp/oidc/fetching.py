"""What an issuer publishes, asked for: bounded in size and time, and where the issuer leads elsewhere, public only.

An operator has named the issuer's own host, wherever that is. Any other host is the issuer's word: AWS reads the keys
there too, so that it is public, and a name that leads into a private network is somebody's way into ours (CWE-918).
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from idp.domain.token_issuer import TokenIssuer, may_be_asked
from idp.oidc.tokens import read_object

TOTAL_SECONDS: Final = 5.0
LARGEST_ANSWER: Final = 262_144
PORTS: Final = {"https": 443, "http": 80}
# Addresses of IPv6 that carry one of IPv4, which may be a private one.
CARRYING: Final = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


def fetch_object(url: str, *, issuer: TokenIssuer, trusted: ssl.SSLContext) -> Mapping[str, Any]:
    """The JSON object at this address: no redirect is followed, no proxy asked, and all of it ends in time.

    Refuses with ValueError an address that may not be asked, and every answer but one object of lawful size.
    """
    if not may_be_asked(url, loopback=issuer.loopback):
        raise ValueError("it leads to no lawful address")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    addresses = _addresses(host, port)
    if _origin(url) != _origin(issuer.url):
        _check_public(host, addresses, loopback=issuer.loopback)
    ends_at = time.monotonic() + TOTAL_SECONDS
    with closing(http.client.HTTPConnection(host, port)) as connection:
        plain = _connected(addresses, port, ends_at)
        connection.sock = (
            trusted.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            if parts.scheme == "https"
            else plain
        )
        cut_off = threading.Timer(max(0.0, ends_at - time.monotonic()), _shut, args=(connection.sock,))
        cut_off.daemon = True
        cut_off.start()
        try:
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            status, text = _answer(connection, parts.path or "/")
        finally:
            cut_off.cancel()
    # What was cut off looks like an answer that ended.
    if time.monotonic() >= ends_at:
        raise TimeoutError("it took too long")
    if status != HTTPStatus.OK or len(text) > LARGEST_ANSWER:
        raise ValueError(f"it answered {status} with {len(text)} octets")
    return read_object(text)


def _answer(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers={"Accept": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read(LARGEST_ANSWER + 1)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS[parts.scheme]


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _check_public(host: str, addresses: list[str], *, loopback: bool) -> None:
    """One address that is not public refuses the name; what is asked afterwards is one of these, never the name."""
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        carries = any(address.version == network.version and address in network for network in CARRYING)
        if address.is_loopback and loopback:
            continue
        if not address.is_global or address.is_multicast or carries:
            raise ValueError(f"its issuer leads to {host}, which is the private address {text}")


def _connected(addresses: list[str], port: int, ends_at: float) -> socket.socket:
    """A connection to the first that answers; however many silent ones a name leads to, the time is the same."""
    problem: OSError = TimeoutError("no address answers in time")
    for address in addresses:
        left = ends_at - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            problem = error
    raise problem


def _shut(connected: socket.socket) -> None:
    """Whoever reads meanwhile finds the end; TLS is not asked, for its other side may be silent on purpose."""
    try:
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
    except OSError:
        return
