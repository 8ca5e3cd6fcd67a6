"""Answers of AWS that drip or never end: whatever we ask has a whole answer in its time, or is unavailable.

A server that sends one octet now and then never runs into the time limit of a library, which counts silence only.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from sts_bridge.aws.clients import forget_clients
from sts_bridge.aws.deadlines import answered_within
from sts_bridge.aws.federation import MOST_OCTETS, console_address
from sts_bridge.aws.sign_in import ask_sign_in
from sts_bridge.aws.sts import ask_sts
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import Secret, TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable
from tests.wire.test_sts_retries import config_for, redeem

TRY = 1.0
ESTABLISHED, CLOSE_WAIT = "01", "08"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
Speech = Callable[[socket.socket, threading.Event], None]


def drip(text: bytes) -> Speech:
    """The beginning at once, then one octet ten times a second, for longer than anybody waits."""

    def speak(connected: socket.socket, over: threading.Event) -> None:
        connected.sendall(text)
        while not over.wait(0.1):
            connected.sendall(b"x")

    return speak


def flood(connected: socket.socket, over: threading.Event) -> None:
    """As much as the other side takes."""
    connected.settimeout(5)
    connected.sendall(HEAD + b"\r\n")
    while not over.is_set():
        connected.sendall(b"x" * 65_536)


def answer(connected: socket.socket, _over: threading.Event) -> None:
    """A whole answer at once: the twin of every case."""
    body = b'{"SigninToken": "made-up"}'
    connected.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def hear(connected: socket.socket) -> bytes:
    """A whole request, whose body may come after its head; nothing where the other side has gone."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        if not (more := connected.recv(65_536)):
            return b""
        heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length and (more := connected.recv(65_536)):
        body += more
    return head


class Talker:
    """A server that hears a request out and then speaks as it was told, on every connection."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.over = threading.Event()
        self.asked = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self.threads.append(threading.Thread(target=self._listen))
        self.threads[0].start()
        return self

    def _listen(self) -> None:
        while True:
            connected, _ = self.listener.accept()
            if self.over.is_set():
                connected.close()
                return
            self.asked += 1
            self.threads.append(threading.Thread(target=self._serve, args=(connected,)))
            self.threads[-1].start()

    def _serve(self, connected: socket.socket) -> None:
        with connected:
            try:
                hear(connected)
                self.speech(connected, self.over)
            except OSError:
                return

    def __exit__(self, *_: object) -> None:
        self.over.set()
        socket.create_connection(self.listener.getsockname()).close()
        for thread in self.threads:
            thread.join()
        self.listener.close()


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    forget_clients()
    yield
    forget_clients()


def limits(url: str) -> BridgeConfig:
    return replace(config_for(url, connect=TRY / 2, read=TRY / 2), most_tries=1)


CREDENTIALS = TemporaryCredentials(
    access_key_id="ASIAMADEUPMADEUPMADE",
    secret_access_key=Secret("made+up/secret"),
    session_token=Secret("made+up/token=="),
    expires_at=datetime(2030, 1, 2, tzinfo=UTC),
    assumed_role="made-up",
    issued_at=datetime(2030, 1, 1, tzinfo=UTC),
)


def open_console(url: str) -> object:
    return console_address(
        CREDENTIALS,
        endpoint=f"{url}/federation",
        destination="https://console.aws.amazon.com/",
        issuer="https://idp.example.test/",
        config=limits(url),
    )


ASKED = {
    "sts": lambda url: redeem(url, read=TRY / 2),
    "probe of sts": lambda url: ask_sts(region="us-east-1", config=limits(url)),
    "probe of sign-in": lambda url: ask_sign_in(f"{url}/saml", limits(url)),
    "federation": open_console,
}
DRIPS = {
    "status": drip(b"HTTP/1.1 200 "),
    "headers": drip(HEAD + b"X-Long: "),
    "body": drip(HEAD + b"Content-Length: 60000\r\n\r\n"),
    "chunk": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n8000\r\n"),
}


@pytest.mark.fault(16)
@pytest.mark.parametrize("where", DRIPS)
@pytest.mark.parametrize("what", ASKED)
def test_who_drips_is_given_up_in_time(what: str, where: str) -> None:
    """Whatever drips, the question ends within the eight seconds that a person waits, as unavailable."""
    if what == "probe of sign-in" and where in {"body", "chunk"}:
        with Talker(DRIPS[where]) as server:
            ask_sign_in(f"{server.url}/saml", limits(server.url))
        return
    with Talker(DRIPS[where]) as server:
        began = time.monotonic()
        with pytest.raises(AwsUnavailable, match="TookTooLongError: no whole answer within"):
            ASKED[what](server.url)
        assert time.monotonic() - began < 8
        assert server.asked >= 1


def test_an_endless_answer_is_cut_short() -> None:
    """The federation endpoint's answer is read up to a limit of octets; a whole one opens the console."""
    with (
        Talker(flood) as server,
        pytest.raises(AwsUnavailable, match=f"an answer of more than {MOST_OCTETS} octets"),
    ):
        open_console(server.url)
    with Talker(answer) as server:
        assert "SigninToken=made-up" in open_console(server.url).reveal()  # type: ignore[attr-defined] # a secret


@pytest.mark.parametrize(
    ("what", "speech"),
    [("federation", flood), ("probe of sign-in", drip(b"HTTP/1.1 500 No\r\nContent-Length: 60000\r\n\r\n"))],
)
def test_no_connection_is_left_to_the_collector(what: str, speech: Speech) -> None:
    """What is read in part, or not at all, is closed by whoever asked, while the refusal still holds all of it."""
    with Talker(speech) as server:
        with pytest.raises(AwsUnavailable) as caught:
            ASKED[what](server.url)
        port = int(server.url.rpartition(":")[2])
        assert open_to(port) == 0
        with socket.create_connection(("127.0.0.1", port)):
            assert open_to(port) == 1
    del caught


def open_to(port: int) -> int:
    """How many connections of this machine to this port somebody has not closed, by the kernel's own list."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[2] == f"0100007F:{port:04X}" and line[3] in {ESTABLISHED, CLOSE_WAIT} for line in lines)


def test_a_kept_connection_has_its_limit_too() -> None:
    """The second question over the same connection is cut off like the first; afterwards a new one is made."""
    seen: list[int] = []

    def whole_then_drip(connected: socket.socket, over: threading.Event) -> None:
        said = b"<ErrorResponse><Error><Code>MissingAuthenticationToken</Code></Error></ErrorResponse>"
        date = b"Date: Wed, 25 Nov 2026 01:00:00 GMT\r\n"
        whole = b"HTTP/1.1 403 Forbidden\r\n%sContent-Length: %d\r\n\r\n%s" % (date, len(said), said)
        seen.append(connected.fileno())
        connected.sendall(whole)
        if len(seen) == 1 and hear(connected):
            drip(HEAD)(connected, over)

    with Talker(whole_then_drip) as server:
        ask_sts(region="us-east-1", config=limits(server.url))
        with pytest.raises(AwsUnavailable, match="TookTooLongError"):
            ask_sts(region="us-east-1", config=limits(server.url))
        assert server.asked == 1
        ask_sts(region="us-east-1", config=limits(server.url))
        assert server.asked == 2


def test_nothing_is_left_of_a_watch() -> None:
    """No timer runs on after an answer, and no second handle of a connection is kept."""
    threads = threading.active_count()
    with answered_within(timedelta(minutes=10).total_seconds()):
        pass
    deadline = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == threads
