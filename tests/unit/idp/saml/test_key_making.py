"""Making keys and promoting them."""

import fcntl
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from idp.saml.errors import KeyChangeRefused, KeyUnusable
from idp.saml.key_making import KeyMade, free_place, key_to_promote, make_key, promote_key
from idp.saml.keys import KeyStore
from tests.statements import keys_in, make, nobody, promote

NOBODY = 65_534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def modes(folder: Path) -> dict[str, str]:
    """What stands in the folder, with its mode."""
    return {path.name: f"{stat.S_IMODE(path.stat().st_mode):o}" for path in folder.iterdir()}


def test_the_first_key_is_current_and_the_second_next(folder: Path, now: datetime) -> None:
    """Private keys for their owner only, certificates for everybody, and nothing else in the folder."""
    assert free_place(folder) == "current"
    assert make(folder, now=now).place == "current"
    assert free_place(folder) == "next"
    assert make(folder, now=now, bits=3072).place == "next"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes(folder) == {
        "current.key.pem": "600",
        "current.cert.pem": "644",
        "next.key.pem": "600",
        "next.cert.pem": "644",
    }


def test_a_next_key_is_never_replaced(folder: Path, now: datetime) -> None:
    """AWS may know it already; after the promotion there is room for another."""
    keys_in(folder, further=True)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeyChangeRefused) as refusal:
        make(folder, now=now)
    assert "There is a next key already" in refusal.value.told
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    promote(folder, now=now)
    assert make(folder, now=now).place == "next"


def test_promotion_keeps_the_former_certificate(folder: Path, now: datetime) -> None:
    """Current first, then previous; the former private key stays until it is retired."""
    made = [make(folder, now=now), make(folder, now=now)]
    store = KeyStore(folder)
    former, following = store.ring().published_certificates
    assert key_to_promote(folder, now=now).fingerprint == made[1].fingerprint
    promoted = promote(folder, now=now)
    assert (promoted.place, promoted.fingerprint) == ("current", made[1].fingerprint)
    assert store.ring().published_certificates == (following, former)
    assert modes(folder) == {
        "current.key.pem": "600",
        "current.cert.pem": "644",
        "previous.key.pem": "600",
        "previous.cert.pem": "644",
    }


def test_without_a_next_key_nothing_is_promoted(folder: Path, now: datetime) -> None:
    """Refused with what to do, and the current key stays."""
    keys_in(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeyChangeRefused) as refusal:
        promote(folder, now=now)
    assert "There is no next key" in refusal.value.told
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_next_key_that_does_not_hold_now_is_not_promoted(folder: Path, now: datetime) -> None:
    """Expired, or not valid yet: refused; in between it is promoted."""
    keys_in(folder)
    make(folder, now=now, days=1)
    for moment in (now - timedelta(hours=2), now + timedelta(days=1)):
        with pytest.raises(KeyChangeRefused) as refusal:
            promote(folder, now=moment)
        assert "holds from" in refusal.value.told
    promote(folder, now=now + timedelta(hours=23))


def test_a_next_certificate_of_another_key_is_not_promoted(
    folder: Path, tmp_path: Path, now: datetime
) -> None:
    """Otherwise nobody could verify what we sign; with its own certificate it is promoted."""
    keys_in(folder, further=True)
    make(tmp_path / "other", now=now)
    right = (folder / "next.cert.pem").read_bytes()
    (folder / "next.cert.pem").write_bytes((tmp_path / "other" / "current.cert.pem").read_bytes())
    with pytest.raises(KeyChangeRefused) as refusal:
        promote(folder, now=now)
    assert "does not belong" in refusal.value.told
    (folder / "next.cert.pem").write_bytes(right)
    assert promote(folder, now=now)


def test_a_next_key_that_others_could_read_is_not_promoted(folder: Path, now: datetime) -> None:
    """It may be known to others already."""
    keys_in(folder, further=True)
    (folder / "next.key.pem").chmod(0o640)
    with pytest.raises(KeyUnusable, match="can be read"):
        promote(folder, now=now)
    (folder / "next.key.pem").chmod(0o600)
    assert promote(folder, now=now)


@pytest.mark.parametrize(
    ("bits", "days"),
    [(1024, 365), (2047, 365), (4096, 365), (2048, 0), (2048, -1), (2048, 3_651), (3072, 10**6)],
)
def test_other_sizes_and_lives_are_refused(folder: Path, bits: int, days: int, now: datetime) -> None:
    """2048 or 3072 bits, a day to ten years; a refusal leaves no trace."""
    with pytest.raises(KeyChangeRefused):
        make(folder, now=now, bits=bits, days=days)
    assert not folder.exists()


@pytest.mark.parametrize(("bits", "days"), [(2048, 1), (3072, 3_650)])
def test_the_certificate_is_one_that_aws_takes(folder: Path, bits: int, days: int, now: datetime) -> None:
    """Version 3, the asked size and life, no extension twice, shorter than Identity Center's 2,500 characters."""
    make(folder, now=now, bits=bits, days=days)
    pem = (folder / "current.cert.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    assert certificate.version is x509.Version.v3
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert (public.key_size, public.public_numbers().e) == (bits, 65_537)
    assert certificate.not_valid_after_utc - now == timedelta(days=days)
    assert [extension.oid for extension in certificate.extensions] == [
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ]
    assert len(pem) <= 2_500
    certificate.verify_directly_issued_by(certificate)


def test_a_long_name_is_cut_to_what_a_certificate_holds(folder: Path, now: datetime) -> None:
    """A long host name does not stop the first start."""
    make_key(folder, bits=2048, days=1, name="x" * 300, now=now, record=nobody)
    certificate = x509.load_pem_x509_certificate((folder / "current.cert.pem").read_bytes())
    [name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "x" * 64


def test_what_cannot_be_recorded_is_not_done(folder: Path, now: datetime) -> None:
    """The record comes first: where it fails, no file has changed."""

    def broken(made: KeyMade) -> None:
        raise RuntimeError(made.fingerprint)

    with pytest.raises(RuntimeError):
        make_key(folder, bits=2048, days=1, name="x", now=now, record=broken)
    assert modes(folder) == {}
    keys_in(folder, further=True)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RuntimeError):
        promote_key(folder, now=now, record=broken)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_two_commands_do_not_change_keys_at_once(folder: Path, now: datetime) -> None:
    """While one holds the folder the other is refused; afterwards it may."""
    keys_in(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(KeyChangeRefused) as refusal:
        make(folder, now=now)
    assert "Another command" in refusal.value.told
    os.close(descriptor)
    assert make(folder, now=now)


def test_what_root_makes_belongs_to_the_owner_of_the_folder(folder: Path, now: datetime) -> None:
    """So that the site, which runs as that user, may read it."""
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    make(folder, now=now)
    assert {path.stat().st_uid for path in folder.iterdir()} == {NOBODY}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, now: datetime) -> None:
    """One clear sentence, and nothing is left behind."""
    with pytest.raises(KeyChangeRefused) as refusal:
        make(tmp_path / "not" / "there", now=now)
    assert str(tmp_path / "not" / "there") in refusal.value.told
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_making_leaves_room_for_another(folder: Path, now: datetime) -> None:
    """A next key without its certificate was never published: it is made anew."""
    keys_in(folder, further=True)
    (folder / "next.cert.pem").unlink()
    assert len(KeyStore(folder).ring().published_certificates) == 1
    assert make(folder, now=now).place == "next"
    assert len(KeyStore(folder).ring().published_certificates) == 2
