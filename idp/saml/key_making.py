"""Making keys and promoting them: each file appears whole, and the switch itself is one rename."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from idp.saml.errors import KeyChangeRefused, KeyFault, KeyUnusable
from idp.saml.key_files import (
    CURVE_FOLDER,
    KeyFile,
    PrivateKey,
    PublicKey,
    belongs_to,
    check_folder,
    read_certificate,
    read_private_key,
)
from idp.saml.key_writing import alone, make_folder, make_lasting, write_file

# A certificate that holds from this very second is refused by whoever's clock is slow.
BACKDATED_FOR = timedelta(hours=1)
LONGEST_COMMON_NAME = 64  # RFC 5280, upper bound of a common name
LONGEST_LIFE_DAYS = 3_650
# Longer RSA keys are taken over and never made: IAM Identity Center takes certificates of 2,500 characters.
MADE_SIZES = (2048, 3072)
CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1()}


@dataclass(frozen=True, slots=True)
class KeyMade:
    """Which place a key took, and how to recognise it: the SHA-256 of the certificate, as tools print it."""

    place: str
    bits: int
    fingerprint: str
    valid_until: datetime
    files: tuple[str, ...]


def make_key(
    folder: Path, *, bits: int, days: int, name: str, now: datetime, record: Callable[[KeyMade], None]
) -> KeyMade:
    """A fresh key with its certificate is current if there was none, and next otherwise.

    `record` is told before the first file changes; what it raises leaves all as it was.
    Refuses other sizes than 2048 and 3072 bits (on a curve 256 and 384), a life of less than a day or more than
    ten years, and to replace a next key: AWS may know it already.
    """
    if bits not in sizes_of(folder):
        raise KeyChangeRefused(
            sentence=f"A key has {' or '.join(map(str, sizes_of(folder)))} bits, not {bits}."
        )
    if not 1 <= days <= LONGEST_LIFE_DAYS:
        raise KeyChangeRefused(sentence=f"A key lives 1 to {LONGEST_LIFE_DAYS} days, not {days}.")
    make_folder(folder)
    with alone(folder):
        place = free_place(folder)
        key = new_key(folder, bits)
        certificate = _certificate(key, name=name, now=now, life=timedelta(days=days))
        key_file, certificate_file = files_of(place)
        made = key_made(place, certificate, bits, folder, (key_file, certificate_file))
        record(made)
        # The key first: a certificate without a key is published, and then nobody can sign for it.
        write_file(
            folder / key_file,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            mode=0o600,
        )
        write_file(folder / certificate_file, _pem(certificate), mode=0o644)
    return made


def sizes_of(folder: Path) -> tuple[int, ...]:
    """The sizes of keys that are made for this folder."""
    return tuple(CURVES) if folder.name == CURVE_FOLDER else MADE_SIZES


def new_key(folder: Path, bits: int) -> PrivateKey:
    """A fresh key of the kind that lies in this folder."""
    if folder.name == CURVE_FOLDER:
        return ec.generate_private_key(CURVES[bits])
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def promote_key(folder: Path, *, now: datetime, record: Callable[[KeyMade], None]) -> KeyMade:
    """The next key signs from now on, and the certificate of the former one stays published as previous.

    Refuses where there is no next key with its certificate, and where that does not hold now. What was
    interrupted is finished by asking again.
    """
    check_folder(folder)
    with alone(folder):
        half_done = switch_is_half_done(folder)
        certificate, bits = _check_next(
            folder, KeyFile.CURRENT_KEY if half_done else KeyFile.NEXT_KEY, now=now
        )
        files = (KeyFile.CURRENT_KEY, KeyFile.CURRENT_CERTIFICATE)
        promoted = key_made("current", certificate, bits, folder, files)
        record(promoted)
        if not half_done:
            former = folder / KeyFile.CURRENT_CERTIFICATE
            if former.exists() and (folder / KeyFile.CURRENT_KEY).exists():
                # The former key stays until it is retired: a switch can be taken back.
                write_file(
                    folder / KeyFile.PREVIOUS_KEY, (folder / KeyFile.CURRENT_KEY).read_bytes(), mode=0o600
                )
                write_file(folder / KeyFile.PREVIOUS_CERTIFICATE, former.read_bytes(), mode=0o644)
            # This rename is the switch; readers find the certificate by the key, wherever it stands.
            (folder / KeyFile.NEXT_KEY).replace(folder / KeyFile.CURRENT_KEY)
        (folder / KeyFile.NEXT_CERTIFICATE).replace(folder / KeyFile.CURRENT_CERTIFICATE)
        make_lasting(folder)
    return promoted


def key_to_promote(folder: Path, *, now: datetime) -> KeyMade:
    """The key that a promotion would make the current one; refuses where there is none that may sign now."""
    half_done = switch_is_half_done(folder)
    certificate, bits = _check_next(folder, KeyFile.CURRENT_KEY if half_done else KeyFile.NEXT_KEY, now=now)
    files = (KeyFile.CURRENT_KEY, KeyFile.CURRENT_CERTIFICATE)
    return key_made("current", certificate, bits, folder, files)


def switch_is_half_done(folder: Path) -> bool:
    """Whether the next key has become the current one and its certificate has not followed."""
    if (folder / KeyFile.NEXT_KEY).exists() or not (folder / KeyFile.NEXT_CERTIFICATE).exists():
        return False
    key = read_private_key(folder / KeyFile.CURRENT_KEY)
    return belongs_to(read_certificate(folder / KeyFile.NEXT_CERTIFICATE), key)


def check_is_another(folder: Path, wanted: KeyFile) -> None:
    """Refuse to switch to the certificate that is current: a step stopped half-way, and is to be taken back."""
    current, other = folder / KeyFile.CURRENT_CERTIFICATE, folder / wanted
    if current.exists() and other.exists() and current.read_bytes() == other.read_bytes():
        raise KeyChangeRefused(
            sentence=f"The key of {wanted} is the current one already: a step was interrupted. Take it back first."
        )


def _check_next(folder: Path, key_file: KeyFile, *, now: datetime) -> tuple[x509.Certificate, int]:
    check_is_another(folder, KeyFile.NEXT_CERTIFICATE)
    try:
        key = read_private_key(folder / key_file)
        certificate = read_certificate(folder / KeyFile.NEXT_CERTIFICATE)
    except KeyUnusable as problem:
        if problem.fault is not KeyFault.MISSING:
            raise
        raise KeyChangeRefused(
            problem.cause, sentence="There is no next key: make one first, and give its metadata to AWS."
        ) from problem
    if not belongs_to(certificate, key):
        raise KeyChangeRefused(
            sentence=f"The certificate {folder / KeyFile.NEXT_CERTIFICATE} does not belong to the next key."
        )
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise KeyChangeRefused(
            sentence=f"The certificate of the next key holds from {certificate.not_valid_before_utc:%Y-%m-%d}"
            f" to {certificate.not_valid_after_utc:%Y-%m-%d} only."
        )
    return certificate, key.key_size


def free_place(folder: Path) -> str:
    """Where a new key would go, current or next; refuses where both are taken."""
    if not (folder / KeyFile.CURRENT_KEY).exists() and not (folder / KeyFile.CURRENT_CERTIFICATE).exists():
        return "current"
    if switch_is_half_done(folder):
        raise KeyChangeRefused(sentence="A promotion was interrupted: finish it with --promote first.")
    if (folder / KeyFile.NEXT_KEY).exists() and (folder / KeyFile.NEXT_CERTIFICATE).exists():
        raise KeyChangeRefused(
            sentence=f"There is a next key already: promote it with --promote, or remove"
            f" {folder / KeyFile.NEXT_KEY} and {KeyFile.NEXT_CERTIFICATE} if AWS does not know it."
        )
    return "next"


def files_of(place: str) -> tuple[KeyFile, KeyFile]:
    """The files of a key in this place: the key, and its certificate."""
    if place == "current":
        return KeyFile.CURRENT_KEY, KeyFile.CURRENT_CERTIFICATE
    return KeyFile.NEXT_KEY, KeyFile.NEXT_CERTIFICATE


def _certificate(key: PrivateKey, *, name: str, now: datetime, life: timedelta) -> x509.Certificate:
    return certificate_for(key.public_key(), key, name=name, now=now, life=life)


def certificate_for(
    public: PublicKey, signer: PrivateKey, *, name: str, now: datetime, life: timedelta
) -> x509.Certificate:
    """A certificate of this key: trust comes from the metadata that was registered, never from a chain."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_COMMON_NAME])])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED_FOR)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(signer, hashes.SHA256())
    )


def key_made(
    place: str, certificate: x509.Certificate, bits: int, folder: Path, files: tuple[KeyFile, ...]
) -> KeyMade:
    """What is told of a key: its place, how to recognise it, and its files."""
    return KeyMade(
        place=place,
        bits=bits,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":"),
        valid_until=certificate.not_valid_after_utc,
        files=tuple(str(folder / name) for name in files),
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
