"""The steps of a rollover beside publishing and switching: taking either back, and retiring the former key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from idp.saml.errors import KeyChangeRefused, KeyUnusable
from idp.saml.key_files import (
    KEY_BESIDE,
    KeyFile,
    belongs_to,
    check_folder,
    read_certificate,
    read_private_key,
)
from idp.saml.key_making import KeyMade, key_made, switch_is_half_done
from idp.saml.key_writing import alone, make_lasting, write_file
from idp.saml.signing_key import certificate_text

PLACES = {
    "current": KeyFile.CURRENT_CERTIFICATE,
    "next": KeyFile.NEXT_CERTIFICATE,
    "previous": KeyFile.PREVIOUS_CERTIFICATE,
}


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """One certificate of the folder, by what people recognise it."""

    place: str
    fingerprint: str
    valid_until: datetime
    text: str


def published_keys(folder: Path) -> dict[str, PublishedKey]:
    """Every certificate of the folder that can be read, by its place."""
    found = {}
    for place, name in PLACES.items():
        try:
            certificate = read_certificate(folder / name)
        except KeyUnusable:
            continue
        found[place] = PublishedKey(
            place,
            certificate.fingerprint(hashes.SHA256()).hex(":"),
            certificate.not_valid_after_utc,
            certificate_text(certificate),
        )
    return found


def take_back(folder: Path, *, now: datetime, record: Callable[[KeyMade], None]) -> KeyMade:
    """The last step is undone: a published next key is withdrawn, or the former key signs again and ours is next.

    Refuses where there is nothing to take back, and a former key whose certificate does not hold now. What was
    interrupted is finished by asking again.
    """
    check_folder(folder)
    with alone(folder):
        if _is_half_back(folder):
            return _finish(folder, record)
        if switch_is_half_done(folder):
            raise KeyChangeRefused(sentence="A promotion was interrupted: finish it with --promote first.")
        if (folder / KeyFile.NEXT_CERTIFICATE).exists():
            return _withdraw(folder, record)
        return _back(folder, now, record)


def retire_previous(folder: Path, *, record: Callable[[KeyMade], None]) -> KeyMade:
    """The former key is gone, and its certificate is published no more; refuses where there is none."""
    check_folder(folder)
    with alone(folder):
        if _is_half_back(folder) or not (folder / KeyFile.PREVIOUS_CERTIFICATE).exists():
            raise KeyChangeRefused(sentence="There is no former key to retire.")
        retired = _told(folder, "previous")
        record(retired)
        (folder / KeyFile.PREVIOUS_KEY).unlink(missing_ok=True)
        (folder / KeyFile.PREVIOUS_CERTIFICATE).unlink()
        make_lasting(folder)
    return retired


def _withdraw(folder: Path, record: Callable[[KeyMade], None]) -> KeyMade:
    withdrawn = _told(folder, "next")
    record(withdrawn)
    # The certificate first: from here on it is published no more.
    (folder / KeyFile.NEXT_CERTIFICATE).unlink(missing_ok=True)
    (folder / KeyFile.NEXT_KEY).unlink(missing_ok=True)
    make_lasting(folder)
    return withdrawn


def _back(folder: Path, now: datetime, record: Callable[[KeyMade], None]) -> KeyMade:
    if not (folder / KeyFile.PREVIOUS_KEY).exists():
        raise KeyChangeRefused(sentence="There is nothing to take back: no next key, and no former one.")
    former = read_certificate(folder / KeyFile.PREVIOUS_CERTIFICATE)
    if not belongs_to(former, read_private_key(folder / KeyFile.PREVIOUS_KEY)):
        raise KeyChangeRefused(sentence="The former certificate does not belong to the former key.")
    if not former.not_valid_before_utc <= now < former.not_valid_after_utc:
        raise KeyChangeRefused(sentence="The certificate of the former key does not hold any more.")
    record(_told(folder, "previous"))
    # The key first, as when one is made; what signs now is the next one again.
    write_file(folder / KeyFile.NEXT_KEY, (folder / KeyFile.CURRENT_KEY).read_bytes(), mode=0o600)
    write_file(
        folder / KeyFile.NEXT_CERTIFICATE, (folder / KeyFile.CURRENT_CERTIFICATE).read_bytes(), mode=0o644
    )
    # This rename is the switch; readers find the certificate by the key, wherever it stands.
    (folder / KeyFile.PREVIOUS_KEY).replace(folder / KeyFile.CURRENT_KEY)
    (folder / KeyFile.PREVIOUS_CERTIFICATE).replace(folder / KeyFile.CURRENT_CERTIFICATE)
    make_lasting(folder)
    return _told(folder, "current")


def _finish(folder: Path, record: Callable[[KeyMade], None]) -> KeyMade:
    record(_told(folder, "previous"))
    (folder / KeyFile.PREVIOUS_CERTIFICATE).replace(folder / KeyFile.CURRENT_CERTIFICATE)
    make_lasting(folder)
    return _told(folder, "current")


def _is_half_back(folder: Path) -> bool:
    """Whether the key has been switched back and its certificate has not followed."""
    if (folder / KeyFile.PREVIOUS_KEY).exists() or not (folder / KeyFile.PREVIOUS_CERTIFICATE).exists():
        return False
    key = read_private_key(folder / KeyFile.CURRENT_KEY)
    if belongs_to(read_certificate(folder / KeyFile.CURRENT_CERTIFICATE), key):
        return False
    return belongs_to(read_certificate(folder / KeyFile.PREVIOUS_CERTIFICATE), key)


def _told(folder: Path, place: str) -> KeyMade:
    name = PLACES[place]
    try:
        certificate = read_certificate(folder / name)
    except KeyUnusable as problem:
        raise KeyChangeRefused(
            problem.cause, sentence=f"The {place} certificate cannot be read."
        ) from problem
    return key_made(place, certificate, certificate_bits(folder / name), folder, (KEY_BESIDE[name], name))


def certificate_bits(path: Path) -> int:
    """The length of the key in this certificate."""
    key = read_certificate(path).public_key()
    return int(getattr(key, "key_size", 0))
