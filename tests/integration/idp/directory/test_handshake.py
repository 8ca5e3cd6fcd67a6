"""How a server is met: within its time, whatever the DNS, the network or the server do."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import ldap
import pytest
from pytest_socket import socket_allow_hosts

from deploy.demo.slapd import Slapd
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import links
from idp.directory.deadline import Deadline
from idp.directory.handshake import cut_off_at, meet
from tests.servers.authority import Authority

ELSEWHERE = "127.0.0.2"


@pytest.fixture
def config(company: Slapd) -> DirectoryConfig:
    assert company.process is not None
    return directory_config()


@pytest.fixture
def black_hole(company: Slapd) -> Iterator[str]:
    """Another address of the server's, at which nothing that is sent arrives."""
    socket_allow_hosts(["127.0.0.1", ELSEWHERE])
    with socket.socket() as hole:
        hole.bind((ELSEWHERE, company.port))
        # The kernel answers nobody more than wait already.
        hole.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((ELSEWHERE, company.port))
        yield ELSEWHERE
        for one in waiting:
            one.close()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """A host that is looked up has these addresses; an address is its own."""
    real = socket.getaddrinfo

    def looked_up(host: str, port: int, *given: Any, **named: Any) -> Any:
        if not named:
            return real(host, port, *given)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


@pytest.mark.fault(28)
def test_an_address_that_swallows_everything_does_not_take_all_the_time(
    config: DirectoryConfig, company: Slapd, black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two addresses of one host the second one is reached in time, where the first is a black hole."""
    resolves_to(monkeypatch, black_hole, "127.0.0.1")
    began = time.monotonic()
    met = meet(company.uri, config, Deadline.after(2))
    assert met == ((black_hole, company.port), ("127.0.0.1", company.port))
    assert time.monotonic() - began < 2
    resolves_to(monkeypatch, black_hole)
    with pytest.raises(ldap.TIMEOUT):
        meet(company.uri, config, Deadline.after(0.5))


@pytest.mark.fault(28)
def test_a_silent_resolver_is_not_waited_for(
    config: DirectoryConfig, company: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver may take half a minute; whoever wants to sign in does not."""
    answered = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10) and [])
        began = time.monotonic()
        with pytest.raises(ldap.TIMEOUT, match="DNS is silent"):
            meet(company.uri, config, Deadline.after(0.5))
        assert time.monotonic() - began < 2
        answered.set()
    assert meet(company.uri, config, Deadline.after(5))


def test_what_is_wrong_is_told_by_its_result(
    config: DirectoryConfig, company: Slapd, authority: Authority
) -> None:
    """Nobody there, no such host, no authority to ask, another host: each has its own result."""
    another = replace(config, ca_file=authority.ca_file)
    for uri, ours, error, words in (
        ("ldaps://127.0.0.1:1", config, ldap.SERVER_DOWN, "refused"),
        ("ldaps://no-such-host.invalid", config, ldap.SERVER_DOWN, "no address of"),
        (f"ldaps://127.0.0.1:{company.port}", config, ldap.LDAPError, "no TLS|CONNECT|reset|silent"),
        (company.uri, another, ldap.CONNECT_ERROR, "its certificate is refused"),
    ):
        with pytest.raises(error, match=words):
            meet(uri, ours, Deadline.after(3))
    assert meet(company.uri, config, Deadline.after(3)) == (("127.0.0.1", company.port),)


@pytest.mark.fault(2)
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
@pytest.mark.parametrize("met", [True, False], ids=["silent at first", "silent when libldap comes"])
def test_a_handshake_that_never_ends_is_cut_off(
    config: DirectoryConfig,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    met: bool,  # noqa: FBT001 - of the table
) -> None:
    """Debian's libldap would spin in it for ever; it ends with the time there is for opening a connection."""
    with SilentAtHandshake() as silent:
        if not met:
            monkeypatch.setattr(links, "meet", lambda *_: (("127.0.0.1", silent.port),))
        for as_service in (True, False):
            began = time.monotonic()
            with pytest.raises(ldap.TIMEOUT):
                links.open_connection(
                    config, f"{scheme}://127.0.0.1:{silent.port}", Deadline.after(0.7), as_service=as_service
                )
            assert 0.6 < time.monotonic() - began < 2.5


@pytest.mark.fault(2)
def test_an_opening_that_is_late_cuts_nothing_that_stands(
    config: DirectoryConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of before to the same server still stands after the one that never got ready was cut off."""
    with SilentAtHandshake() as silent, socket.create_connection(("127.0.0.1", silent.port)) as stands:
        stands.sendall(b"at work")
        monkeypatch.setattr(links, "meet", lambda *_: (("127.0.0.1", silent.port),))
        with pytest.raises(ldap.TIMEOUT):
            links.open_connection(
                config, f"ldaps://127.0.0.1:{silent.port}", Deadline.after(0.2), as_service=True
            )
        assert is_open(stands)


@pytest.mark.fault(2)
def test_what_others_have_opened_meanwhile_stands_too(config: DirectoryConfig, company: Slapd) -> None:
    """Of two openings at the same moment the one that is ready goes on; the one that is late is cut off."""
    address = ("127.0.0.1", company.port)
    with socket.socket() as opened, cut_off_at(Deadline.after(0), (address,), opened):
        ready = links.open_connection(config, company.uri, Deadline.after(5), as_service=True)
        with socket.create_connection(address, timeout=10) as late:
            assert late.recv(1) == b""
        assert ready.whoami_s() == f"dn:{config.bind_dn}"
        links.close(ready)


def is_open(connection: socket.socket) -> bool:
    """Whether neither end has closed the connection."""
    connection.settimeout(0.2)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True


class SilentAtHandshake:
    """Agrees to StartTLS, and never answers a handshake."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._visitors: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
            except OSError:
                return
            self._visitors.append(visitor)
            visitor.settimeout(2)
            # RFC 4511 section 4.14: an LDAP message begins with a sequence, a TLS record does not.
            if visitor.recv(4_096).startswith(b"\x30"):
                visitor.sendall(bytes.fromhex("300c02010178070a010004000400"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for visitor in self._visitors:
            visitor.close()
