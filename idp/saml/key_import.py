"""A signing key of another identity provider, taken over as it is: whoever believes it has nothing to learn."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from idp.saml.errors import KeyChangeRefused
from idp.saml.key_files import KEY_SIZES, belongs_to
from idp.saml.key_making import KeyMade, files_of, free_place, key_made
from idp.saml.key_writing import alone, make_folder, write_file

LONGEST_FILE = 65_536


def import_key(
    folder: Path,
    *,
    key_pem: bytes,
    certificate_pem: bytes,
    password: bytes | None,
    now: datetime,
    record: Callable[[KeyMade], None],
) -> KeyMade:
    """The key with its certificate is current if there was none, and next otherwise.

    Refuses what is no RSA key of 2048, 3072 or 4096 bits, a certificate that is not its own or does not hold
    now, and to replace a next key. `record` is told before the first file changes.
    """
    key = _key(key_pem, password)
    certificate = _certificate(certificate_pem)
    if not belongs_to(certificate, key):
        raise KeyChangeRefused(sentence="The certificate does not belong to the key.")
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise KeyChangeRefused(
            sentence=f"The certificate holds from {certificate.not_valid_before_utc:%Y-%m-%d}"
            f" to {certificate.not_valid_after_utc:%Y-%m-%d} only."
        )
    make_folder(folder)
    with alone(folder):
        place = free_place(folder)
        key_file, certificate_file = files_of(place)
        made = key_made(place, certificate, key.key_size, folder, (key_file, certificate_file))
        record(made)
        unencrypted = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_file(folder / key_file, unencrypted, mode=0o600)
        write_file(
            folder / certificate_file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644
        )
    return made


def _key(pem: bytes, password: bytes | None) -> RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem[:LONGEST_FILE], password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyChangeRefused(
            type(error).__name__,
            sentence="This is no private key in PEM form, or not its password. An encrypted one needs"
            " --password-file.",
        ) from error
    if not isinstance(key, RSAPrivateKey) or key.key_size not in KEY_SIZES:
        raise KeyChangeRefused(
            sentence=f"A key that is taken over is RSA, of {', '.join(map(str, KEY_SIZES))} bits."
        )
    return key


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem[:LONGEST_FILE])
    except ValueError as error:
        raise KeyChangeRefused(sentence="This is no certificate in PEM form.") from error
