"""make_signing_key and write_metadata, as an operator meets them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from idp.models import AuditRecord
from idp.services.metadata import our_metadata
from tests.statements import keys_in


def said(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> dict[str, Any]:
    """What the command prints for programs: one line with one object."""
    answer: dict[str, Any] = json.loads(said(*arguments, "--json"))
    return answer


@pytest.mark.django_db
def test_from_no_key_to_the_second(key_dir: Path) -> None:
    """Made, made again, published, promoted: each step says what it did, to people and to programs."""
    assert "Made the current key, RSA 2048" in said("make_signing_key")
    made = as_json("make_signing_key", "--bits", "3072", "--days", "30")
    assert (made["done"], made["place"], made["bits"]) == ("made", "next", 3072)
    assert made["files"] == [str(key_dir / "next.key.pem"), str(key_dir / "next.cert.pem")]
    assert said("write_metadata").count("<ds:X509Certificate>") == 2
    promoted = as_json("make_signing_key", "--promote")
    assert (promoted["done"], promoted["fingerprint"]) == ("promoted", made["fingerprint"])
    assert said("write_metadata").count("<ds:X509Certificate>") == 2
    assert AuditRecord.objects.count() == 3


@pytest.mark.django_db
def test_a_dry_run_changes_nothing(key_dir: Path) -> None:
    """It says what would be done, and leaves files and records alone."""
    assert as_json("make_signing_key", "--dry-run")["would_make"] == "current"
    assert not key_dir.exists()
    keys_in(key_dir)
    assert as_json("make_signing_key", "--dry-run")["would_make"] == "next"
    fingerprint = as_json("make_signing_key")["fingerprint"]
    before = {path.name: path.read_bytes() for path in key_dir.iterdir()}
    assert as_json("make_signing_key", "--promote", "--dry-run")["would_promote"] == fingerprint
    assert {path.name: path.read_bytes() for path in key_dir.iterdir()} == before
    assert AuditRecord.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bits", "1024"], "A key has 2048 or 3072 bits, not 1024."),
        (["--days", "0"], "A key lives 1 to 3650 days, not 0."),
        (["--days", "99999999999"], "A key lives 1 to 3650 days, not 99999999999."),
        (["--promote"], "There is no next key"),
    ],
)
def test_bad_wishes_get_one_clear_sentence(key_dir: Path, arguments: list[str], sentence: str) -> None:
    """Refused with what is wrong; nothing has changed."""
    keys_in(key_dir)
    before = sorted(key_dir.iterdir())
    with pytest.raises(CommandError, match=sentence):
        said("make_signing_key", *arguments)
    assert sorted(key_dir.iterdir()) == before
    assert not AuditRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_tables_no_key_is_made(key_dir: Path) -> None:
    """What cannot be recorded is not done, and the sentence names the way out."""
    table = AuditRecord._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO audit_aside")
    try:
        with pytest.raises(CommandError, match=r"manage\.py migrate"):
            said("make_signing_key")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE audit_aside RENAME TO {table}")
    assert list(key_dir.iterdir()) == []
    assert said("make_signing_key")


def test_metadata_needs_a_key(key_dir: Path, tmp_path: Path) -> None:
    """Without one the cause is named and no file is made; with one it is written."""
    out = tmp_path / "metadata.xml"
    with pytest.raises(CommandError, match="There is no metadata without a key"):
        said("write_metadata", "--out", str(out))
    assert not out.exists()
    keys_in(key_dir)
    answer = as_json("write_metadata", "--out", str(out))
    assert answer == {"out": str(out), "octets": len(out.read_bytes())}
    assert out.read_bytes() == our_metadata()
    assert as_json("write_metadata")["metadata"].encode() == our_metadata()


def test_a_place_that_cannot_be_written_is_named(key_dir: Path, tmp_path: Path) -> None:
    """One sentence with the path and the reason."""
    keys_in(key_dir)
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        said("write_metadata", "--out", str(tmp_path / "not" / "there.xml"))
    assert "Wrote" in said("write_metadata", "--out", str(tmp_path / "there.xml"))
