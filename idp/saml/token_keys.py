"""Signing keys in a PKCS#11 token: the folder holds their certificates only, and the token what signs.

The same steps as with key files; each switch is one rename, that of the certificate.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from idp.conf.saml import TokenConfig
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.errors import KeyChangeRefused, KeyFault, KeyUnusable
from idp.saml.key_files import CURVE_FOLDER, KeyFile, check_folder, read_certificate
from idp.saml.key_making import (
    LONGEST_LIFE_DAYS,
    KeyMade,
    certificate_for,
    check_is_another,
    key_made,
    new_key,
    sizes_of,
)
from idp.saml.key_writing import alone, make_folder, make_lasting, write_file
from idp.saml.signing_key import CertificateInForce, algorithms_of, usual_algorithm
from idp.saml.token import NoSuchKey, token_of
from idp.saml.token_making import made_apart
from idp.saml.verifying import holds


class TokenKey:
    """A key in the token, with its certificate: the same face as a key file's, and only the token behind it."""

    def __init__(
        self, config: TokenConfig, certificate: x509.Certificate, algorithm: SignatureAlgorithm | None = None
    ) -> None:
        """Take a certificate; whether the token holds its key is found when something is signed."""
        key = certificate.public_key()
        if not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)):
            raise KeyUnusable(
                KeyFault.WEAK,
                "the certificate is of no key that signs statements",
                hint="Keys in a token are RSA, or on P-256 or P-384.",
            )
        self._config = config
        self._source = certificate
        self._public = key
        self._in_force = CertificateInForce.of(certificate)
        self.algorithm = algorithm or usual_algorithm(key)
        self.bits = key.key_size
        self.certificate = self._in_force.text
        self.valid_from = self._in_force.valid_from
        self.valid_until = self._in_force.valid_until

    def can(self, algorithm: SignatureAlgorithm) -> bool:
        """Whether this key signs by this algorithm."""
        return algorithm in algorithms_of(self._public)

    def by(self, algorithm: SignatureAlgorithm) -> "TokenKey":
        """The same key, signing by this algorithm; refuses one that is not for a key of its kind."""
        if not self.can(algorithm):
            raise KeyUnusable(
                KeyFault.MISMATCH,
                f"{algorithm.name} cannot be made by {self!r}",
                hint="Make a key on the curve that the service asks for, or agree on another algorithm.",
            )
        return TokenKey(self._config, self._source, algorithm)

    def sign(self, octets: bytes) -> bytes:
        """The signature over these octets, made in the token; is Unavailable where it does not answer in time."""
        signature = token_of(self._config).sign(self._public, octets, self.algorithm)
        if isinstance(self._public, EllipticCurvePublicKey) and not holds(
            self._public, octets, signature, self.algorithm
        ):
            # An identifier ties the two halves together in the token, and whoever manages it may give it twice.
            raise NoSuchKey("the token signs by another key than that of the signing certificate")
        return signature

    def check_there(self) -> None:
        """Refuse where the token does not answer, or does not hold this key."""
        token_of(self._config).check_there(self._public)

    def check_in_force(self, at: datetime) -> None:
        """Refuse to sign at a moment for which the certificate does not hold."""
        self._in_force.check_in_force(at)

    def __repr__(self) -> str:
        kind = "RSA" if isinstance(self._public, RSAPublicKey) else "EC"
        return f"TokenKey({kind} {self.bits}, until {self.valid_until:%Y-%m-%d})"


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
    if bits not in sizes_of(folder) or not 1 <= days <= LONGEST_LIFE_DAYS:
        sizes = " or ".join(map(str, sizes_of(folder)))
        raise KeyChangeRefused(sentence=f"A key has {sizes} bits and lives 1 to {LONGEST_LIFE_DAYS} days.")
    make_folder(folder)
    with alone(folder):
        place = free_token_place(folder)
        file = KeyFile.NEXT_CERTIFICATE if place == "next" else KeyFile.CURRENT_CERTIFICATE
        is_curve = folder.name == CURVE_FOLDER
        public = made_apart(config, bits=bits, label=f"drawbridge {now:%Y-%m-%d}", curve=is_curve)
        certificate = certificate_for(
            public, new_key(folder, bits), name=name, now=now, life=timedelta(days=days)
        )
        made = key_made(place, certificate, bits, folder, (file,))
        record(made)
        write_file(folder / file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return made


def free_token_place(folder: Path) -> str:
    """Where a new key would go, current or next; refuses where both are taken."""
    if not (folder / KeyFile.CURRENT_CERTIFICATE).exists():
        return "current"
    if (folder / KeyFile.NEXT_CERTIFICATE).exists():
        raise KeyChangeRefused(sentence="There is a next key already: switch to it, or take it back.")
    return "next"


def token_key_to_promote(folder: Path, *, now: datetime) -> KeyMade:
    """The key that a promotion would make the current one; refuses where there is none that may sign now."""
    check_folder(folder)
    return _in_force_in(folder, KeyFile.NEXT_CERTIFICATE, now=now)


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
        record(_in_force_in(folder, wanted, now=now))
        write_file(folder / left, (folder / KeyFile.CURRENT_CERTIFICATE).read_bytes(), mode=0o644)
        (folder / wanted).replace(folder / KeyFile.CURRENT_CERTIFICATE)
        make_lasting(folder)
    return _told(folder, "current", KeyFile.CURRENT_CERTIFICATE)


def _in_force_in(folder: Path, wanted: KeyFile, *, now: datetime) -> KeyMade:
    """The key of this file as the current one; refuses where there is none whose certificate holds now."""
    if not (folder / wanted).exists():
        raise KeyChangeRefused(sentence="There is no key to switch to.")
    check_is_another(folder, wanted)
    certificate = read_certificate(folder / wanted)
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise KeyChangeRefused(sentence="The certificate of that key does not hold now.")
    return _told(folder, "current", wanted)


def _told(folder: Path, place: str, file: KeyFile) -> KeyMade:
    certificate = read_certificate(folder / file)
    bits = int(getattr(certificate.public_key(), "key_size", 0))
    return key_made(place, certificate, bits, folder, (file,))
