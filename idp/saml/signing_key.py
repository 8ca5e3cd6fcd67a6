"""A signing key of a file: it signs by one algorithm of the list, and cannot be asked for itself."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.errors import KeyFault, KeyUnusable
from idp.saml.key_files import PrivateKey, PublicKey

HASHES: Final = {
    SignatureAlgorithm.RSA_SHA256: hashes.SHA256(),
    SignatureAlgorithm.RSA_SHA384: hashes.SHA384(),
    SignatureAlgorithm.RSA_SHA512: hashes.SHA512(),
    SignatureAlgorithm.ECDSA_SHA256: hashes.SHA256(),
    SignatureAlgorithm.ECDSA_SHA384: hashes.SHA384(),
}
PKCS1: Final = padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class CertificateInForce:
    """A certificate as KeyInfo holds it, and when it holds."""

    text: str
    valid_from: datetime
    valid_until: datetime

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "CertificateInForce":
        """What we need of this certificate."""
        return cls(
            certificate_text(certificate), certificate.not_valid_before_utc, certificate.not_valid_after_utc
        )

    def check_in_force(self, at: datetime) -> None:
        """Refuse to sign at a moment for which the certificate does not hold."""
        if at < self.valid_from:
            raise KeyUnusable(
                KeyFault.NOT_YET_VALID,
                f"the signing certificate holds from {self.valid_from:%Y-%m-%d %H:%M} UTC only",
                hint="Set the clock right, or wait.",
            )
        if self.valid_until <= at:
            raise KeyUnusable(
                KeyFault.EXPIRED,
                f"the signing certificate expired on {self.valid_until:%Y-%m-%d %H:%M} UTC",
                hint="Run `manage.py make_signing_key`, give the new metadata to AWS, then promote the key.",
            )


class SigningKey:
    """A private key that was parsed once, with its certificate."""

    def __init__(
        self, key: PrivateKey, certificate: x509.Certificate, algorithm: SignatureAlgorithm | None = None
    ) -> None:
        """Take a key and the certificate that belongs to it; without an algorithm the key's usual one."""
        self._key = key
        self._certificate = certificate
        self._in_force = CertificateInForce.of(certificate)
        self.algorithm = algorithm or usual_algorithm(key)
        self._hash = HASHES[self.algorithm]
        self.bits = key.key_size
        self.certificate = self._in_force.text
        self.valid_from = self._in_force.valid_from
        self.valid_until = self._in_force.valid_until

    def can(self, algorithm: SignatureAlgorithm) -> bool:
        """Whether this key signs by this algorithm."""
        return algorithm in algorithms_of(self._key)

    def by(self, algorithm: SignatureAlgorithm) -> "SigningKey":
        """The same key, signing by this algorithm; refuses one that is not for a key of its kind."""
        if not self.can(algorithm):
            raise KeyUnusable(
                KeyFault.MISMATCH,
                f"{algorithm.name} cannot be made by {self!r}",
                hint="Make a key on the curve that the service asks for, or agree on another algorithm.",
            )
        return SigningKey(self._key, self._certificate, algorithm)

    def sign(self, octets: bytes) -> bytes:
        """The signature over these octets: RSASSA-PKCS1-v1_5 (RFC 4051, 2.3), or r beside s (RFC 4050, 3.3)."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(octets, PKCS1, self._hash)
        r, s = decode_dss_signature(self._key.sign(octets, ec.ECDSA(self._hash)))
        length = (self._key.key_size + 7) // 8
        return r.to_bytes(length) + s.to_bytes(length)

    def check_there(self) -> None:
        """A key that was read from its file is there."""

    def check_in_force(self, at: datetime) -> None:
        """Refuse to sign at a moment for which the certificate does not hold."""
        self._in_force.check_in_force(at)

    def __repr__(self) -> str:
        kind = "RSA" if isinstance(self._key, RSAPrivateKey) else "EC"
        return f"SigningKey({kind} {self.bits}, until {self.valid_until:%Y-%m-%d})"


def algorithms_of(key: PrivateKey | PublicKey) -> tuple[SignatureAlgorithm, ...]:
    """What a key of this kind makes; a curve and its hash are of one strength."""
    if isinstance(key, RSAPrivateKey | RSAPublicKey):
        return tuple(name for name in SignatureAlgorithm if name.is_rsa)
    is_p256 = isinstance(key.curve, ec.SECP256R1)
    return (SignatureAlgorithm.ECDSA_SHA256 if is_p256 else SignatureAlgorithm.ECDSA_SHA384,)


def usual_algorithm(key: PrivateKey | PublicKey) -> SignatureAlgorithm:
    """What a key of this kind signs by where nothing else was agreed."""
    return algorithms_of(key)[0]


def certificate_text(certificate: x509.Certificate) -> str:
    """The certificate as KeyInfo and metadata hold it: base64 of its DER form, in one line."""
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode("ascii")
