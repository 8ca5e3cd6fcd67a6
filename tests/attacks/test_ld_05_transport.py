"""LD-05: somebody between us and the directory, or in its place."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.demo.slapd import Slapd
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import links
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable
from tests.servers.authority import Authority
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import SERVICE_PASSWORD, AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, Proxy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# RFC 4511 section 4.12: an extended response to message 1, with result code success or protocolError.
STARTTLS_ACCEPTED = bytes.fromhex("300c02010178070a010004000400")
STARTTLS_REFUSED = bytes.fromhex("300c02010178070a010204000400")
BIND_REQUEST = b"\x60"


class Impostor:
    """Answers StartTLS as told, and keeps whatever it is given after that. Without an answer it speaks LDAPS."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None) -> None:
        self._answer = answer
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "ldap" if answer else "ldaps"
        self.uri = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.visits = 0
        self.given = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
            except OSError:
                return
            self.visits += 1
            with contextlib.suppress(OSError), visitor:
                self._entertain(visitor)

    def _entertain(self, visitor: socket.socket) -> None:
        visitor.settimeout(1)
        if self._answer:
            visitor.recv(4_096)
            visitor.sendall(self._answer)
        if self._context is None:
            self.given += visitor.recv(4_096)
            return
        with self._context.wrap_socket(visitor, server_side=True) as encrypted:
            self.given += encrypted.recv(4_096)

    def close(self) -> None:
        """It has heard everything that it will hear."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def meet(company: Slapd, authority: Authority) -> Callable[..., bytes]:
    """Our directory is led to an impostor; gives what it was given."""
    assert company.process is not None

    def led(answer: bytes, context: ssl.SSLContext | None, **changes: str) -> bytes:
        impostor = Impostor(answer, context)
        config = replace(
            directory_config(),
            uris=(impostor.uri,),
            connect_seconds=2.0,
            operation_seconds=2.0,
            ca_file=authority.ca_file,
        )
        with pytest.raises(DirectoryUnavailable):
            LdapDirectory(replace(config, **changes)).check_password("trudy", RIGHT_PASSWORD, now=NOW)  # type: ignore[arg-type] # names of text fields
        impostor.close()
        return impostor.given

    return led


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, speaking nothing newer than TLS 1.1."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options &= ~ssl.OP_NO_TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.attack("LD-05")
@pytest.mark.parametrize("answer", [STARTTLS_ACCEPTED, b""], ids=["StartTLS", "LDAPS"])
@pytest.mark.parametrize("met", [True, False], ids=["met before", "libldap alone"])
def test_only_the_right_server_is_shown_a_password(
    meet: Callable[..., bytes],
    authority: Authority,
    company: Slapd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    met: bool,  # noqa: FBT001 - of the table
) -> None:
    """Expired, for another host, of another authority, or too old: no bind; with all of it right, the bind comes.

    Our own handshake and libldap's hold it each on its own.
    """
    if not met:
        monkeypatch.setattr(links, "meet", lambda *_: ())
    another = Authority.made_in(tmp_path / "another")
    issuing = authority.intermediate(tmp_path / "issuing")
    assert BIND_REQUEST in meet(answer, authority.issue())
    assert BIND_REQUEST in meet(answer, issuing.issue(), ca_file=issuing.ca_file)
    assert meet(answer, authority.issue(ends_in=timedelta(days=-1))) == b""
    assert meet(answer, authority.issue(address="127.0.0.2")) == b""
    assert meet(answer, authority.issue(), ca_file=str(company.ca_file)) == b""
    assert meet(answer, another.issue()) == b""
    assert meet(answer, old(authority.issue())) == b""
    assert meet(answer, authority.issue(), ca_file="/nonexistent/ca.pem") == b""


@pytest.mark.attack("LD-05")
def test_a_server_that_refuses_encryption_is_left(meet: Callable[..., bytes]) -> None:
    """Where StartTLS is stripped away nothing follows in clear text, not even the service's own bind."""
    given = meet(STARTTLS_REFUSED, None)
    assert b"drawbridge" not in given
    assert RIGHT_PASSWORD.encode() not in given


@pytest.mark.attack("LD-05")
def test_clear_text_cannot_be_configured(company: Slapd, newcomers: Newcomers) -> None:
    """Without StartTLS, or without the authority's certificate, no server is even called."""
    newcomers.person("trudy")
    with Proxy(company.uri) as proxy:
        config = replace(directory_config(), uris=(proxy.uri,))
        wrong: list[DirectoryConfig] = [
            replace(config, starttls=False),
            replace(config, ca_file=""),
            replace(config, uris=(proxy.uri.replace("ldap:", "cldap:"),)),
        ]
        for one in wrong:
            with pytest.raises(DirectoryUnavailable):
                LdapDirectory(one).check_password("trudy", RIGHT_PASSWORD, now=NOW)
        assert proxy.connections == 0
        assert LdapDirectory(config).check_password("trudy", RIGHT_PASSWORD, now=NOW)
        assert RIGHT_PASSWORD.encode() not in proxy.sent


@pytest.mark.attack("LD-05")
def test_active_directory_is_believed_by_its_certificate_only(
    active_directory: SambaDc, ad_people: AdPeople, authority: Authority
) -> None:
    """By LDAPS, StartTLS and the global catalog alike: another host or authority is shown nothing but a handshake."""
    ad_people.person("trudy", password=AD_PASSWORD)
    right = directory_config()
    host = active_directory.address
    for target in (
        f"ldaps://{host}:636",
        f"ldap://{host}:389",
        f"ldaps://{host}:3269",
        f"ldap://{host}:3268",
    ):
        LdapDirectory(replace(right, uris=(target,))).check_password("trudy", AD_PASSWORD, now=NOW)
        foreign = LdapDirectory(replace(right, uris=(target,), ca_file=authority.ca_file))
        with pytest.raises(DirectoryUnavailable, match=r"certificate is refused: (self-signed|unable)"):
            foreign.check_password("trudy", AD_PASSWORD, now=NOW)
        with Proxy(target) as between:
            # The certificate is for the controller's own address, not for the one that we went to.
            uri = between.uri.replace("ldap:", f"{target.partition(':')[0]}:")
            wrong_host = LdapDirectory(replace(right, uris=(uri,)))
            with pytest.raises(DirectoryUnavailable, match="certificate is refused: IP address mismatch"):
                wrong_host.check_password("trudy", AD_PASSWORD, now=NOW)
            assert between.connections > 0
            assert SERVICE_PASSWORD.encode() not in between.sent
            assert b"drawbridge" not in between.sent
