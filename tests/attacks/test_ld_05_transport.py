"""LD-05: somebody between us and the directory, or in its place."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.demo.slapd import Slapd
from idp.conf import DirectoryConfig, directory_config
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, Proxy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# RFC 4511 section 4.12: an extended response to message 1, with result code success or protocolError.
STARTTLS_ACCEPTED = bytes.fromhex("300c02010178070a010004000400")
STARTTLS_REFUSED = bytes.fromhex("300c02010178070a010204000400")
BIND_REQUEST = b"\x60"


class Impostor:
    """Takes one connection, answers StartTLS as told, and keeps whatever it is given after that."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None) -> None:
        self._answer = answer
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self.given = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            visitor, _ = self._listener.accept()
            with visitor:
                visitor.settimeout(5)
                visitor.recv(4_096)
                visitor.sendall(self._answer)
                if self._context is None:
                    self.given = visitor.recv(4_096)
                    return
                with self._context.wrap_socket(visitor, server_side=True) as encrypted:
                    self.given = encrypted.recv(4_096)

    def close(self) -> None:
        """It has heard everything that it will hear."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()


@dataclass(frozen=True)
class Authority:
    """A certificate authority made for one test."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @property
    def ca_file(self) -> str:
        """Where its own certificate is."""
        return str(self.folder / "ca.pem")

    def issue(self, *, address: str = "127.0.0.1", ends_in: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for this address."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = sign(self.name, self.name, key, self.key, names, ends_in=ends_in)
        file = self.folder / "server.pem"
        file.write_bytes(
            certificate
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
    *,
    ends_in: timedelta,
) -> bytes:
    """A certificate as PEM."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + ends_in)
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(by, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Directory CA of a test")])
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    (tmp_path / "ca.pem").write_bytes(sign(name, name, key, key, constraints, ends_in=timedelta(days=1)))
    return Authority(tmp_path, key, name)


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
def test_only_the_right_server_is_shown_a_password(
    meet: Callable[..., bytes], authority: Authority, company: Slapd
) -> None:
    """Expired, for another host, of another authority, or too old: no bind; with all of it right, the bind comes."""
    assert BIND_REQUEST in meet(STARTTLS_ACCEPTED, authority.issue())
    assert meet(STARTTLS_ACCEPTED, authority.issue(ends_in=timedelta(days=-1))) == b""
    assert meet(STARTTLS_ACCEPTED, authority.issue(address="127.0.0.2")) == b""
    assert meet(STARTTLS_ACCEPTED, authority.issue(), ca_file=str(company.ca_file)) == b""
    assert meet(STARTTLS_ACCEPTED, old(authority.issue())) == b""
    assert meet(STARTTLS_ACCEPTED, authority.issue(), ca_file="/nonexistent/ca.pem") == b""


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
