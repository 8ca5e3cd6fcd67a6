"""Keys and certificates as files: their names, who may read them, and reading them without being fooled.

A private key stands in a file that nobody but its owner can read; the owner is this process, root, or whoever
owns the folder. Nobody else may write to any of the files, nor to the folder.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from idp.saml.errors import KeyFault, KeyUnusable

KEY_SIZES: Final = (2048, 3072, 4096)
CURVES: Final = (SECP256R1, SECP384R1)
# Beside the keys of everybody: those on a curve, for the services that ask for them.
CURVE_FOLDER: Final = "ec"
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey
LARGEST_FILE: Final = 65_536


class KeyFile(StrEnum):
    """What the folder of keys may hold; `previous` keeps its private key until it is retired, to be taken back to."""

    CURRENT_KEY = "current.key.pem"
    CURRENT_CERTIFICATE = "current.cert.pem"
    NEXT_KEY = "next.key.pem"
    NEXT_CERTIFICATE = "next.cert.pem"
    PREVIOUS_KEY = "previous.key.pem"
    PREVIOUS_CERTIFICATE = "previous.cert.pem"


FILES: Final = tuple(KeyFile)
KEY_BESIDE: Final = {
    KeyFile.CURRENT_CERTIFICATE: KeyFile.CURRENT_KEY,
    KeyFile.NEXT_CERTIFICATE: KeyFile.NEXT_KEY,
    KeyFile.PREVIOUS_CERTIFICATE: KeyFile.PREVIOUS_KEY,
}
Mark = tuple[int, int, int, int, int, int] | None
Fingerprint = tuple[Mark, ...]


def fingerprint(paths: tuple[str, ...]) -> Fingerprint:
    """What changes whenever one of these files is written, replaced, removed or given to somebody else.

    Nothing is opened: this is asked before every signature.
    """
    return tuple(_mark(path) for path in paths)


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked before every signature, and three times as fast
    except OSError:
        return None
    if stat.S_ISDIR(found.st_mode):
        # What comes and goes in the folder under other names is not ours.
        return (found.st_ino, 0, 0, 0, found.st_mode, found.st_uid)
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode, found.st_uid)


def read_private_key(path: Path) -> PrivateKey:
    """The key in this file; refuses one that others can read, or that is not of the kind of its folder."""
    pem = _read(path, others_may_read=False)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise _garbled(path, "is encrypted with a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _garbled(path, "is no private key in PEM form") from error
    if not isinstance(key, (RSAPrivateKey, EllipticCurvePrivateKey)) or not _fits(key.public_key(), path):
        raise _weak(path, "private key")
    return key


def read_certificate(path: Path) -> x509.Certificate:
    """The certificate in this file; refuses one whose key is not of the kind of its folder."""
    pem = _read(path, others_may_read=True)
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _garbled(path, "is no certificate in PEM form") from error
    if not _fits(key, path):
        raise _weak(path, "certificate")
    return certificate


def _fits(key: object, path: Path) -> bool:
    """Keys on a curve have a folder of their own; everywhere else RSA is what everybody can verify."""
    if path.parent.name == CURVE_FOLDER:
        return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, CURVES)
    return isinstance(key, RSAPublicKey) and key.key_size in KEY_SIZES


def belongs_to(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Whether what this key signs can be verified with this certificate."""
    return certificate.public_key() == key.public_key()


def check_folder(folder: Path) -> None:
    """Refuse a folder that is missing, or where others may put keys of their own in place of ours."""
    try:
        found = folder.stat()
    except FileNotFoundError as error:
        raise _missing(folder, "the folder of keys") from error
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise KeyUnusable(
            KeyFault.UNREADABLE, f"{folder} is no folder", hint="Name a folder in DRAWBRIDGE_KEY_DIR."
        )
    others_may_write = found.st_mode & 0o022
    if others_may_write and not found.st_mode & stat.S_ISVTX:
        raise KeyUnusable(
            KeyFault.PERMISSIONS,
            f"{folder} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"chmod 0700 {folder}",
        )


def why_not_writable(folder: Path) -> str:
    """Why this process may not change what lies in the folder, as the end of a sentence; empty where it may."""
    place = folder
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            return f"{place} is mounted read-only"
    except OSError as error:
        return f"{place} cannot be looked at by user {os.geteuid()}, as whom it runs ({error.strerror})"
    if not os.access(place, os.W_OK | os.X_OK):
        return (
            f"user {os.geteuid()}, as whom it runs, may not write to {place} (of user {place.stat().st_uid})"
        )
    return ""


def _read(path: Path, *, others_may_read: bool) -> bytes:
    with _opened(path) as descriptor:
        _check_owner(path, descriptor, others_may_read=others_may_read)
        content = b""
        while len(content) <= LARGEST_FILE and (part := os.read(descriptor, LARGEST_FILE + 1)):
            content += part
    if len(content) > LARGEST_FILE:
        raise _garbled(path, f"is longer than {LARGEST_FILE} octets")
    return content


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """One descriptor for the checks and for reading, so that nobody can change the file between them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise _missing(path, path.name) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check_owner(path: Path, descriptor: int, *, others_may_read: bool) -> None:
    found = os.fstat(descriptor)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise KeyUnusable(KeyFault.UNREADABLE, f"{path} is no regular file", hint="Put a file in its place.")
    if mode & (0o022 if others_may_read else 0o077):
        done = "written" if others_may_read else "read or written"
        raise KeyUnusable(
            KeyFault.PERMISSIONS,
            f"{path} can be {done} by others (mode {mode:04o})",
            hint=f"chmod {'0644' if others_may_read else '0600'} {path}; if others may have read a private key,"
            " make a new one.",
        )
    if found.st_uid not in {os.geteuid(), 0, path.parent.stat().st_uid}:
        raise KeyUnusable(
            KeyFault.PERMISSIONS,
            f"{path} belongs to user {found.st_uid}, who may change it",
            hint=f"chown it to user {os.geteuid()}, as whom the site runs.",
        )


def _missing(path: Path, what: str) -> KeyUnusable:
    return KeyUnusable(
        KeyFault.MISSING,
        f"{what} is missing at {path}",
        hint="Run `manage.py make_signing_key`, or put key and certificate there.",
    )


def _unreadable(path: Path, error: OSError) -> KeyUnusable:
    return KeyUnusable(
        KeyFault.UNREADABLE,
        f"{path} cannot be read: {error.strerror}",
        hint=f"Let user {os.geteuid()}, as whom the site runs, own {path} and read it.",
    )


def _garbled(path: Path, what: str) -> KeyUnusable:
    return KeyUnusable(KeyFault.GARBLED, f"{path} {what}", hint="Put the right PEM file there, unencrypted.")


def _weak(path: Path, what: str) -> KeyUnusable:
    sizes = " or ".join(map(str, KEY_SIZES))
    wanted = (
        f"{what} on P-256 or P-384" if path.parent.name == CURVE_FOLDER else f"RSA {what} of {sizes} bits"
    )
    return KeyUnusable(
        KeyFault.WEAK,
        f"{path} holds no {wanted}",
        hint="Make one with `manage.py make_signing_key`.",
    )
