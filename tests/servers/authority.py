"""A certificate authority made for one test, and the certificates it gives to servers."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SERVER_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A directory server of a test")])


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @classmethod
    def made_in(cls, folder: Path) -> "Authority":
        """A fresh one; its own certificate lies in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Directory CA of a test")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        (folder / "ca.pem").write_bytes(sign(name, name, key, key, constraints, ends_in=timedelta(days=1)))
        return cls(folder, key, name)

    def intermediate(self, folder: Path) -> "Authority":
        """An authority that this one vouches for; the folder holds its certificate and not ours."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Issuing CA of a test")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = sign(name, self.name, key, self.key, constraints, ends_in=timedelta(days=1))
        (folder / "ca.pem").write_bytes(certificate)
        return Authority(folder, key, name)

    @property
    def ca_file(self) -> str:
        """Where its own certificate is."""
        return str(self.folder / "ca.pem")

    def issue(self, *, address: str = "127.0.0.1", ends_in: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for this address."""
        certificate, key = self.issue_files(self.folder, address=address, ends_in=ends_in)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def issue_files(
        self, folder: Path, *, address: str = "127.0.0.1", ends_in: timedelta = timedelta(days=1)
    ) -> tuple[Path, Path]:
        """`server.cert.pem` and `server.key.pem` in the folder, where the servers of the tests look for them."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        files = folder / "server.cert.pem", folder / "server.key.pem"
        files[0].write_bytes(sign(SERVER_NAME, self.name, key, self.key, names, ends_in=ends_in))
        files[1].touch(mode=0o600)
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


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
    return Authority.made_in(tmp_path / "authority")
