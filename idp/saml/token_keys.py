"""Signing keys in a PKCS#11 token: the folder holds their certificates only, and the token what signs.

The same steps as with key files; each switch is one rename, that of the certificate.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from idp.conf import TokenConfig
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.errors import KeyChangeRefused, KeyFault, KeyUnusable
from idp.saml.key_files import KeyFile, check_folder, read_certificate
from idp.saml.key_making import (
    LONGEST_LIFE_DAYS,
    MADE_SIZES,
    KeyMade,
    alone,
    certificate_for,
    key_made,
    make_folder,
    make_lasting,
    write_file,
)
from idp.saml.signing_key import CertificateInForce
from idp.saml.token import MECHANISMS, token_of


class TokenKey:
    """A key in the token, with its certificate: the same face as a key file's, and only the token behind it."""

    def __init__(
        self,
        config: TokenConfig,
        certificate: x509.Certificate,
        algorithm: SignatureAlgorithm = SignatureAlgorithm.RSA_SHA256,
    ) -> None:
        """Take a certificate; whether the token holds its key is found when something is signed."""
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise KeyUnusable(
                KeyFault.WEAK, "the certificate is not of an RSA key", hint="Keys in a token are RSA."
            )
        self._config = config
        self._source = certificate
        self._modulus = key.public_numbers().n.to_bytes((key.key_size + 7) // 8)
        self._in_force = CertificateInForce.of(certificate)
        self.algorithm = algorithm
        self.bits = key.key_size
        self.certificate = self._in_force.text
        self.valid_from = self._in_force.valid_from
        self.valid_until = self._in_force.valid_until

    def can(self, algorithm: SignatureAlgorithm) -> bool:
        """Whether this key signs by this algorithm."""
        return algorithm in MECHANISMS

    def by(self, algorithm: SignatureAlgorithm) -> "TokenKey":
        """The same key, signing by this algorithm; refuses one that is not for RSA."""
        if not self.can(algorithm):
            raise KeyUnusable(
                KeyFault.MISMATCH, f"{algorithm.name} cannot be made in the token", hint="Agree on RSA."
            )
        return TokenKey(self._config, self._source, algorithm)

    def sign(self, octets: bytes) -> bytes:
        """The signature over these octets, made in the token; is Unavailable where it does not answer in time."""
        return token_of(self._config).sign(self._modulus, octets, self.algorithm)

    def check_there(self) -> None:
        """Refuse where the token does not answer, or does not hold this key."""
        token_of(self._config).check_there(self._modulus)

    def check_in_force(self, at: datetime) -> None:
        """Refuse to sign at a moment for which the certificate does not hold."""
        self._in_force.check_in_force(at)

    def __repr__(self) -> str:
        return f"TokenKey(RSA {self.bits}, until {self.valid_until:%Y-%m-%d})"


def make_token_key(
    folder: Path,
    config: TokenConfig,
    *,
    bits: int,
    days: int,
    name: str,
    now: datetime,
    record: Callable[[KeyMade], None],
) -> KeyMade:
    """A fresh key in the token; its certificate is current if there was none, and next otherwise.

    The token signs nothing but statements, so the certificate is signed by a key that is thrown away: trust
    comes from the metadata that was registered, never from a chain.
    """
    if bits not in MADE_SIZES or not 1 <= days <= LONGEST_LIFE_DAYS:
        sizes = " or ".join(map(str, MADE_SIZES))
        raise KeyChangeRefused(sentence=f"A key has {sizes} bits and lives 1 to {LONGEST_LIFE_DAYS} days.")
    make_folder(folder)
    with alone(folder):
        place = "next" if (folder / KeyFile.CURRENT_CERTIFICATE).exists() else "current"
        file = KeyFile.NEXT_CERTIFICATE if place == "next" else KeyFile.CURRENT_CERTIFICATE
        if (folder / file).exists():
            raise KeyChangeRefused(sentence="There is a next key already: switch to it, or take it back.")
        modulus, exponent = token_of(config).make_key(bits, label=f"drawbridge {now:%Y-%m-%d}")
        public = rsa.RSAPublicNumbers(exponent, int.from_bytes(modulus)).public_key()
        thrown_away = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        certificate = certificate_for(public, thrown_away, name=name, now=now, life=timedelta(days=days))
        made = key_made(place, certificate, bits, folder, (file,))
        record(made)
        write_file(folder / file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return made


def promote_token_key(folder: Path, *, now: datetime, record: Callable[[KeyMade], None]) -> KeyMade:
    """The next key signs from now on, and the former certificate stays published as previous."""
    return _switch(folder, KeyFile.NEXT_CERTIFICATE, KeyFile.PREVIOUS_CERTIFICATE, now=now, record=record)


def take_token_key_back(folder: Path, *, now: datetime, record: Callable[[KeyMade], None]) -> KeyMade:
    """A published next certificate is withdrawn, or the former key signs again and ours is next."""
    check_folder(folder)
    following = folder / KeyFile.NEXT_CERTIFICATE
    if not following.exists():
        return _switch(folder, KeyFile.PREVIOUS_CERTIFICATE, KeyFile.NEXT_CERTIFICATE, now=now, record=record)
    with alone(folder):
        withdrawn = _told(folder, "next", KeyFile.NEXT_CERTIFICATE)
        record(withdrawn)
        following.unlink()
        make_lasting(folder)
    return withdrawn


def retire_token_key(folder: Path, *, record: Callable[[KeyMade], None]) -> KeyMade:
    """The former certificate is published no more; its key is left in the token, for its operator to destroy."""
    check_folder(folder)
    if not (folder / KeyFile.PREVIOUS_CERTIFICATE).exists():
        raise KeyChangeRefused(sentence="There is no former key to retire.")
    with alone(folder):
        retired = _told(folder, "previous", KeyFile.PREVIOUS_CERTIFICATE)
        record(retired)
        (folder / KeyFile.PREVIOUS_CERTIFICATE).unlink()
        make_lasting(folder)
    return retired


def _switch(
    folder: Path, wanted: KeyFile, left: KeyFile, *, now: datetime, record: Callable[[KeyMade], None]
) -> KeyMade:
    check_folder(folder)
    with alone(folder):
        if not (folder / wanted).exists():
            raise KeyChangeRefused(sentence="There is no key to switch to.")
        certificate = read_certificate(folder / wanted)
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise KeyChangeRefused(sentence="The certificate of that key does not hold now.")
        record(_told(folder, "current", wanted))
        write_file(folder / left, (folder / KeyFile.CURRENT_CERTIFICATE).read_bytes(), mode=0o644)
        (folder / wanted).replace(folder / KeyFile.CURRENT_CERTIFICATE)
        make_lasting(folder)
    return _told(folder, "current", KeyFile.CURRENT_CERTIFICATE)


def _told(folder: Path, place: str, file: KeyFile) -> KeyMade:
    certificate = read_certificate(folder / file)
    bits = int(getattr(certificate.public_key(), "key_size", 0))
    return key_made(place, certificate, bits, folder, (file,))
