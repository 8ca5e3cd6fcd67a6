"""Where metadata is fetched from: public addresses by https, checked before anybody is called."""

import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from idp.saml import metadata_fetch
from idp.saml.errors import MetadataRefused
from idp.saml.metadata_fetch import FetchPolicy, fetch_metadata
from tests.metadata_documents import metadata
from tests.providers import key_of
from tests.tls import loopback_certificate

STRICT = FetchPolicy()
LOOPBACK = FetchPolicy(loopback=True)
Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def send(
    body: bytes, kind: str = "application/samlmetadata+xml", status: int = 200, **headers: str
) -> Answer:
    """An answer with this body."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def server(answer: Answer, *, certificate: Path | None = None) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that gives this answer; yields its address and the paths that were asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        running.socket = context.wrap_socket(running.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"{scheme}://localhost:{running.server_port}/metadata", asked
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def reason(url: str, policy: FetchPolicy = STRICT) -> str:
    """Why nothing is fetched from there."""
    with pytest.raises(MetadataRefused) as refusal:
        fetch_metadata(url, policy)
    return refusal.value.reason


@pytest.mark.attack("MD-01")
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://wiki.example.test/m", "gopher://127.0.0.1:25/x", "http://wiki.example.test/m",
        "https://user@wiki.example.test/m", "javascript:x", "https://wiki.example.test/m#x", "https://[::ffff:x]/",
    ],
)  # fmt: skip
def test_other_schemes_and_odd_addresses_are_not_asked(url: str) -> None:
    """Only an https address of ordinary spelling is one."""
    assert reason(url, LOOPBACK) == "metadata.address"


@pytest.mark.attack("MD-01")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[::1]",
        "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "0.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "[fe80::1]",
        "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.254",
    ],
)  # fmt: skip
def test_private_addresses_are_not_asked(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever form the address is written in, nobody on our side of the fence is called."""
    called: list[object] = []
    monkeypatch.setattr(metadata_fetch, "first_connected", lambda *place: called.append(place))
    assert reason(f"https://{host}/metadata") in {"metadata.private-address", "metadata.address"}
    assert not called


@pytest.mark.attack("MD-01")
def test_a_name_that_leads_to_a_private_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad address among several is enough; and the connection goes to what was checked, not to the name."""
    answers = [["203.0.113.7", "10.0.0.1"], ["93.184.216.34"], ["127.0.0.1"]]
    connected: list[list[str]] = []

    def resolved(*_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443)) for text in answers.pop(0)]

    def note(addresses: list[str], _port: int) -> socket.socket:
        connected.append(addresses)
        raise OSError("this is a test")

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(metadata_fetch, "first_connected", note)
    assert reason("https://wiki.example.test/m") == "metadata.private-address"
    assert reason("https://wiki.example.test/m") == "metadata.fetch"
    assert connected == [["93.184.216.34"]], "the name is asked once: a second answer changes nothing"
    assert reason("https://wiki.example.test/m") == "metadata.private-address"


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        ("93.184.216.34", (), True),
        ("2606:2800:220:1::", (), True),
        ("10.20.3.4", ("10.20.0.0/16",), True),
        ("10.21.3.4", ("10.20.0.0/16",), False),
        ("::ffff:10.20.3.4", ("10.20.0.0/16",), True),
        ("127.0.0.1", ("127.0.0.0/8",), False),
        ("169.254.169.254", ("169.254.0.0/16",), False),
        ("64:ff9b::a14:304", ("10.20.0.0/16",), False),
    ],
)
def test_private_networks_that_are_named_may_be_asked(
    address: str,
    networks: tuple[str, ...],
    allowed: bool,  # noqa: FBT001 - a table of cases
) -> None:
    """Companies have private networks; this machine and link-local addresses are never among them."""
    assert FetchPolicy(networks=networks).allows(ipaddress.ip_address(address)) is allowed


@pytest.mark.attack("MD-01")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """Wherever they lead: the canary behind them is never asked; without them it is."""
    with server(send(metadata())) as (canary, asked):
        with server(send(b"", status=status, Location=canary)) as (url, _):
            assert reason(url, LOOPBACK) == "metadata.status"
        assert not asked
        assert fetch_metadata(canary, LOOPBACK) == metadata()
        assert asked == ["/metadata"]


@pytest.mark.attack("MD-02")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (send(metadata(), "text/html"), "content-type"),
        (send(metadata(), ""), "content-type"),
        (send(metadata(), status=404), "status"),
        (send(b" " * 1_000_001), "too-large"),
    ],
    ids=["html", "no type", "not found", "too large"],
)
def test_answers_that_are_no_metadata(answer: Answer, why: str) -> None:
    """Another type, another status, or more than metadata ever is."""
    with server(answer) as (url, _):
        assert reason(url, LOOPBACK) == f"metadata.{why}"


@pytest.mark.attack("MD-02")
def test_an_answer_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Octet by octet, each in time: all of them together are not."""
    monkeypatch.setattr(metadata_fetch, "TOTAL_SECONDS", 1.0)
    stop = threading.Event()

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n")
        try:
            while not stop.wait(0.1):
                request.wfile.write(b"X-More: x\r\n")
        except OSError:
            return

    with server(drip) as (url, _):
        began = time.monotonic()
        try:
            assert reason(url, LOOPBACK) == "metadata.fetch"
        finally:
            stop.set()
        assert time.monotonic() - began < 30, "a promise: ten seconds, less in this test"


@pytest.mark.attack("MD-01")
def test_the_server_must_prove_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate of nobody we trust is refused; of a trusted authority, for this name, it is taken."""
    chain = tmp_path / "server.pem"
    key = key_of("metadata server").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = loopback_certificate(key_of("metadata server"))
    chain.write_bytes(key + certificate)
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificate)
    with server(send(metadata()), certificate=chain) as (url, asked):
        assert reason(url, LOOPBACK) == "metadata.fetch"
        assert not asked
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert fetch_metadata(url, LOOPBACK) == metadata()
        assert reason(url.replace("localhost", "127.0.0.1"), LOOPBACK) == "metadata.fetch"


@pytest.mark.attack("MD-02")
def test_a_name_of_many_silent_addresses_takes_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is for all addresses together, and the first that answers within it is taken."""
    clock = [0.0]
    tried: list[str] = []

    reached = socket.socket()
    reached.close()

    def connect(place: tuple[str, int], *, timeout: float) -> socket.socket:
        tried.append(place[0])
        if place[0] == "answers":
            return reached
        clock[0] += timeout
        raise TimeoutError

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(TimeoutError):
        metadata_fetch.first_connected(["silent"] * 1_000, 443)
    assert clock[0] <= metadata_fetch.TOTAL_SECONDS + metadata_fetch.STEP_SECONDS
    assert len(tried) <= 3
    clock[0] = 0.0
    assert metadata_fetch.first_connected(["silent", "answers"], 443) is reached
