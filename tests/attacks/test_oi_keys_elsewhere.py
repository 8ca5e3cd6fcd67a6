"""Where an issuer says its keys are is not asked in our own network, in whatever way it is written."""

import http.client
import json
import socket
import ssl
import threading
import time
from typing import Any

import pytest

from idp.domain.token_issuer import Matched, TokenIssuer
from idp.oidc import fetching
from idp.oidc.fetching import fetch_object
from idp.oidc.keys import published_keys
from tests.servers.issuer import CLIENT, Issuer

pytestmark = [pytest.mark.attack("OI"), pytest.mark.attack("MD-01"), pytest.mark.fault(26)]

TRUSTED = ssl.create_default_context()


def agreed(url: str, *, loopback: bool = False) -> TokenIssuer:
    return TokenIssuer(
        url=url, audiences=(CLIENT,), directory="x", claim="sub", matched=Matched.USERNAME,
        seen_from=("192.0.2.1/32",), loopback=loopback,
    )  # fmt: skip


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[tuple[str, int]]:
    """Every name leads to these addresses; gives whatever is connected to."""
    asked: list[tuple[str, int]] = []

    def found(_host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    def connect(address: tuple[str, int], **_: Any) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(socket, "create_connection", connect)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0",  # noqa: S104 - an attack
        "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "224.0.0.1",
    ],
)  # fmt: skip
def test_keys_on_another_host_are_public_or_not_asked_for(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One private address among public ones is enough; the operator's own host may be anywhere."""
    issuer = agreed("https://issuer.example/realm")
    asked = resolving(monkeypatch, "198.41.0.4", address)
    with pytest.raises(ValueError, match="private address"):
        fetch_object("https://keys.example/jwks", issuer=issuer, trusted=TRUSTED)
    with pytest.raises(ValueError, match="private address"):
        fetch_object("https://issuer.example:6443/jwks", issuer=issuer, trusted=TRUSTED)
    assert asked == []
    with pytest.raises(ConnectionRefusedError):
        fetch_object("https://issuer.example/realm/jwks", issuer=issuer, trusted=TRUSTED)
    assert asked == [("198.41.0.4", 443), (address, 443)]


def test_a_public_name_is_asked_at_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at whatever the name leads to a moment later."""
    asked = resolving(monkeypatch, "198.41.0.4")
    with pytest.raises(ConnectionRefusedError):
        fetch_object("https://keys.example/jwks", issuer=agreed("https://issuer.example"), trusted=TRUSTED)
    assert asked == [("198.41.0.4", 443)]


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/jwks", "file:///etc/passwd", "ftp://keys.example/jwks", "https://me@keys.example/jwks",
        "https://keys.example/jwks?x=1", "https://keys.example/jwks#x", "https:///jwks", "https://keys.example:x/jwks",
    ],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another scheme, a name or a query in it, no host."""
    asked = resolving(monkeypatch, "198.41.0.4")
    with pytest.raises(ValueError, match="no lawful address"):
        fetch_object(url, issuer=agreed("https://issuer.example"), trusted=TRUSTED)
    assert asked == []


def test_in_a_demo_keys_may_lie_on_this_machine() -> None:
    """Another port of loopback, over http; what is too large, no object, or sent elsewhere is not read."""
    with Issuer() as issuer, Issuer() as other:
        place = "/pool/.well-known/openid-configuration"
        issuer.answers[place] = (
            200,
            json.dumps({"issuer": issuer.url, "jwks_uri": f"{other.url}/jwks"}).encode(),
        )
        demo = agreed(issuer.url, loopback=True)
        assert [key["kid"] for key in published_keys(demo)] == ["rsa", "ec"]
        for status, body in ((200, b" " * 262_145), (200, b"[]"), (200, b'{"keys": 7}'), (302, b"{}")):
            other.answers["/pool/jwks"] = status, body
            with pytest.raises(Exception, match=r"it answered|token\.json|cannot be read"):
                published_keys(demo)
        other.publish(other.jwk("rsa"))
        assert len(published_keys(demo)) == 1


def test_an_issuer_that_says_its_answer_octet_by_octet_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By TLS and without: in all it has the time that was said, however busy it looks."""
    monkeypatch.setattr(fetching, "TOTAL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        stop = threading.Event()

        def drip(beginning: bytes) -> None:
            connected, _ = server.accept()
            with connected:
                try:
                    connected.sendall(beginning)
                    while not stop.wait(0.1):
                        connected.sendall(b"0")
                except OSError:
                    return

        # A status line without end, and a handshake message that says to be 16 KiB long.
        for scheme, beginning in (("http", b"HTTP/1.1 200 "), ("https", b"\x16\x03\x03\x40\x00")):
            thread = threading.Thread(target=drip, args=(beginning,))
            thread.start()
            began_at = time.monotonic()
            url = f"{scheme}://127.0.0.1:{port}/pool"
            with pytest.raises((OSError, http.client.HTTPException)):
                fetch_object(url, issuer=agreed(url, loopback=True), trusted=TRUSTED)
            assert time.monotonic() - began_at < 20
            stop.set()
            thread.join(20)
            stop.clear()
