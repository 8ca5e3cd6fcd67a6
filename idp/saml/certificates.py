"""Certificates of others: taken for the public key in them, as base64 of their DER form."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from idp.domain.errors import Malformed

FEWEST_BITS = 2_048
MOST_BITS = 8_192
LONGEST_TEXT = 20_000
CURVES = (SECP256R1, SECP384R1)
PublicKey = RSAPublicKey | EllipticCurvePublicKey

blanks = re.compile(r"[ \t\r\n]+", re.ASCII)
pem = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", re.ASCII)


class CertificateRefused(Malformed):
    """No certificate, or one of a key that is not strong enough."""

    code = "certificate-refused"
    sentence = "This is no certificate with an RSA key of 2048 bits or more, or a key on P-256 or P-384."


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What people recognise a certificate by; `text` is how metadata and KeyInfo hold it."""

    text: str
    subject: str
    key: str
    sha256: str
    valid_until: datetime


def read_certificate_text(text: str) -> CertificateFacts:
    """The certificate in this text, PEM or plain base64; refuses weak keys and whatever is no certificate.

    Whether it has expired is told and not decided: metadata is what gives a key its trust (SAML Metadata 2.4.1.1).
    """
    certificate, key = _opened(text)
    return CertificateFacts(
        text=base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode("ascii"),
        subject=certificate.subject.rfc4514_string()[:200],
        key=_name_of_key(key),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(":"),
        valid_until=certificate.not_valid_after_utc,
    )


@lru_cache(maxsize=4_096)
def public_key(text: str) -> PublicKey | None:
    """The key of a registered certificate, if it is one that may verify (V8)."""
    try:
        return _opened(text)[1]
    except CertificateRefused:
        return None


def public_key_pem(text: str) -> bytes:
    """The public key of this certificate; refuses weak keys and whatever is no certificate."""
    return _opened(text)[1].public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def can_encrypt(text: str) -> bool:
    """Whether something can be encrypted for the key of this certificate (RSA-OAEP)."""
    return read_certificate_text(text).key.startswith("RSA")


def _opened(text: str) -> tuple[x509.Certificate, PublicKey]:
    """The certificate and its key: the one place that says which keys of others are strong enough."""
    if len(text) > LONGEST_TEXT:
        raise CertificateRefused(f"{len(text)} characters")
    framed = pem.fullmatch(text.strip())
    bare = blanks.sub("", framed[1] if framed else text)
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(bare, validate=True))
        key = certificate.public_key()
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise CertificateRefused(f"unreadable: {error}") from error
    if isinstance(key, RSAPublicKey):
        is_strong = FEWEST_BITS <= key.key_size <= MOST_BITS
    else:
        is_strong = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, CURVES)
    if not is_strong or not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)):
        raise CertificateRefused(f"a key of {type(key).__name__}")
    return certificate, key


def _name_of_key(key: PublicKey) -> str:
    return f"RSA {key.key_size}" if isinstance(key, RSAPublicKey) else f"EC {key.curve.name}"
