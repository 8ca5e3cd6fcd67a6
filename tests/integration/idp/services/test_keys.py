"""Keys as services: made and promoted with their record, and what is told about them."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from idp.domain.errors import SigningUnavailable
from idp.models import AuditRecord
from idp.saml.errors import KeyChangeRefused
from idp.saml.keys import signing_keys
from idp.services.keys import Recorded, key_status, make_signing_key, promote_next_key
from idp.services.metadata import our_metadata, write_metadata
from idp.services.provider_changes import Author
from tests.statements import keys_in, make


@pytest.mark.django_db
def test_making_and_promoting_are_recorded(key_dir: Path, now: datetime) -> None:
    """Each change leaves one row with who, what and which certificate, and never a private key."""
    first = make_signing_key(now=now, recorded=Recorded(Author("olga")))
    second = make_signing_key(now=now, bits=3072, days=100, recorded=Recorded(Author("olga")))
    promoted = promote_next_key(now=now + timedelta(hours=1), recorded=Recorded(Author("otto as root")))
    rows = list(AuditRecord.objects.order_by("pk"))
    assert [(row.event, row.person, row.details["place"]) for row in rows] == [
        ("operator:signing-key:made", "olga", "current"),
        ("operator:signing-key:made", "olga", "next"),
        ("operator:signing-key:promoted", "otto as root", "current"),
    ]
    assert [row.details["fingerprint"] for row in rows] == [
        first.fingerprint,
        second.fingerprint,
        promoted.fingerprint,
    ]
    assert promoted.fingerprint == second.fingerprint
    assert signing_keys().current.bits == 3072
    assert "PRIVATE" not in str([row.details for row in rows])
    assert {row.details["folder"] for row in rows} == {str(key_dir)}


@pytest.mark.django_db
def test_a_refused_change_leaves_no_row(key_dir: Path, now: datetime) -> None:
    """Nothing happened, so nothing is recorded; the lawful twin has its row."""
    with pytest.raises(KeyChangeRefused):
        make_signing_key(now=now, bits=1024)
    with pytest.raises(SigningUnavailable):
        promote_next_key(now=now)
    assert not AuditRecord.objects.exists()
    make_signing_key(now=now)
    with pytest.raises(KeyChangeRefused):
        promote_next_key(now=now)
    assert AuditRecord.objects.count() == 1
    assert key_dir.exists()


@pytest.mark.fault(9)
@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_recorded_is_not_done(key_dir: Path, now: datetime) -> None:
    """Without its row a key is neither made nor promoted."""
    make_signing_key(now=now)
    make_signing_key(now=now)
    before = {path.name: path.read_bytes() for path in key_dir.iterdir()}
    table = AuditRecord._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO audit_aside")
    try:
        with pytest.raises(DatabaseError):
            promote_next_key(now=now)
        assert {path.name: path.read_bytes() for path in key_dir.iterdir()} == before
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE audit_aside RENAME TO {table}")
    assert promote_next_key(now=now)


@pytest.mark.fault(19)
def test_a_sound_key_has_nothing_to_say(key_dir: Path, now: datetime) -> None:
    """Everything is well, and how many days are left is told."""
    keys_in(key_dir)
    status = key_status(now=now)
    assert (status.ok, status.cause, status.may_start, status.days_left) == (True, "", True, 365)
    assert status.warning == ""


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("days_before", "words"),
    [(61, ""), (60, ""), (59, "59 days"), (30, "30 days"), (7, "7 days"), (1, "1 days")],
)
def test_an_ageing_key_is_warned_of(key_dir: Path, now: datetime, days_before: int, words: str) -> None:
    """From sixty days before its end the operator is told; it still signs."""
    keys_in(key_dir)
    status = key_status(now=now + timedelta(days=365 - days_before))
    assert status.ok
    assert status.days_left == days_before
    assert words in status.warning
    assert bool(status.warning) is bool(words)
    assert bool(status.hint) is bool(words)


@pytest.mark.fault(19)
def test_an_expired_key_is_told_of_and_metadata_goes_on(key_dir: Path, now: datetime) -> None:
    """From its end on it does not sign; the site may start, and what is published stays readable."""
    keys_in(key_dir)
    end = now + timedelta(days=365)
    assert key_status(now=end - timedelta(seconds=1)).ok
    status = key_status(now=end)
    assert not status.ok
    assert "expired on 2027-03-02" in status.cause
    assert "make_signing_key" in status.hint
    assert status.may_start
    assert status.days_left == 0
    assert our_metadata()


@pytest.mark.fault(19)
@pytest.mark.parametrize("name", ["current.key.pem", "current.cert.pem"])
def test_a_missing_key_is_told_of(key_dir: Path, now: datetime, name: str) -> None:
    """The cause names the file; the site may start, but neither signs nor publishes."""
    keys_in(key_dir)
    aside = (key_dir / name).rename(key_dir / "aside")
    status = key_status(now=now)
    assert (status.ok, status.may_start, status.days_left) == (False, True, None)
    assert f"{name} is missing" in status.cause
    with pytest.raises(SigningUnavailable):
        our_metadata()
    aside.rename(key_dir / name)
    assert key_status(now=now).ok
    assert our_metadata()


@pytest.mark.fault(19)
def test_a_key_that_others_can_read_may_not_start(key_dir: Path, now: datetime) -> None:
    """The cause says so, and the hint how to mend it; mended, it signs."""
    keys_in(key_dir)
    key = key_dir / "current.key.pem"
    key.chmod(0o640)
    status = key_status(now=now)
    assert (status.ok, status.may_start) == (False, False)
    assert "can be read" in status.cause
    assert "chmod 0600" in status.hint
    key.chmod(0o600)
    assert key_status(now=now).ok


@pytest.mark.fault(19)
def test_a_certificate_of_another_key_may_not_start(key_dir: Path, tmp_path: Path, now: datetime) -> None:
    """The cause names the certificate; with its own key back it signs."""
    keys_in(key_dir)
    make(tmp_path / "other", now=now)
    own = (key_dir / "current.cert.pem").read_bytes()
    (key_dir / "current.cert.pem").write_bytes((tmp_path / "other" / "current.cert.pem").read_bytes())
    status = key_status(now=now)
    assert (status.ok, status.may_start) == (False, False)
    assert "certificate" in status.cause
    assert "does not belong" in status.cause
    (key_dir / "current.cert.pem").write_bytes(own)
    assert key_status(now=now).ok


def test_metadata_is_made_once_for_each_state_of_the_keys(key_dir: Path, now: datetime) -> None:
    """The same bytes until a key changes, and the new certificate in the next answer."""
    keys_in(key_dir)
    first = our_metadata()
    assert our_metadata() is first
    make(key_dir, now=now)
    second = our_metadata()
    assert second.count(b"<ds:X509Certificate>") == 2
    assert our_metadata() is second


def test_the_file_of_metadata_is_whole_or_as_it_was(key_dir: Path, tmp_path: Path) -> None:
    """Written beside and renamed; readable for everybody; where it cannot be written nothing is left behind."""
    keys_in(key_dir)
    out = tmp_path / "metadata.xml"
    assert write_metadata(out) == len(our_metadata())
    assert out.read_bytes() == our_metadata()
    assert out.stat().st_mode & 0o777 == 0o644
    taken = tmp_path / "taken"
    (taken / "x").mkdir(parents=True)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="taken"):
        write_metadata(taken)
    assert sorted(tmp_path.iterdir()) == before
