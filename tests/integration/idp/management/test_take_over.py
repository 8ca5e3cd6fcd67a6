"""Taking over from another identity provider: nobody who believed it sees a difference."""

import json
from io import StringIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from deploy.demo.slapd import Slapd
from idp.conf.saml import saml_config
from idp.domain.events import AuditEvent
from idp.models import AuditRecord, PersistentNameId, User
from idp.saml.keys import signing_keys
from idp.services.identity import find_identity
from idp.services.keys import make_signing_key
from idp.services.name_ids import name_id_for, persistent_name
from idp.services.people import person_of
from tests.metadata_documents import DS, MD
from tests.providers import ENTITY_ID, a_provider, certificate_of, certificate_text_of, key_of

pytestmark = pytest.mark.django_db

AWS = "urn:amazon:webservices"
HEAD = "entity_id,username,name_id\n"


def run(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("take_over", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    """The sentence with which the command ends."""
    with pytest.raises(CommandError) as error:
        run(*words)
    return str(error.value)


def pem_files(
    folder: Path, name: str = "their", kind: str = "rsa2048", password: bytes | None = None
) -> list[str]:
    """Their key and certificate as files, as options."""
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    key.write_bytes(
        key_of(name, kind).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, cipher
        )
    )
    certificate.write_bytes(certificate_of(name, kind).public_bytes(serialization.Encoding.PEM))
    return ["--key", str(key), "--certificate", str(certificate)]


def theirs(folder: Path, *, entity_id: str, location: str, name: str = "their") -> str:
    """Their metadata as a file."""
    path = folder / "theirs.xml"
    path.write_text(
        f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{entity_id}"><!-- of the old one --><md:IDPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">'
        f'<ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>{certificate_text_of(name)}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService "
        f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{location}"/></md:IDPSSODescriptor>'
        "</md:EntityDescriptor>"
    )
    return str(path)


def test_their_key_is_ours(key_dir: Path, tmp_path: Path) -> None:
    """The first is current and signs, a later one is next; with a password too; it is on record without it."""
    run("key", *pem_files(tmp_path))
    assert signing_keys().current.certificate == certificate_text_of("their")
    secret = tmp_path / "password"
    secret.write_text("not told to anybody\n")
    second = pem_files(tmp_path, "second", password=b"not told to anybody")
    told = json.loads(run("key", *second, "--password-file", str(secret), "--json"))
    assert told["place"] == "next"
    assert (key_dir / "next.key.pem").stat().st_mode & 0o777 == 0o600
    assert "not told" not in str(list(AuditRecord.objects.values_list("details", flat=True)))
    assert AuditRecord.objects.filter(event=AuditEvent.SIGNING_KEY_MADE).count() == 2


def test_keys_that_cannot_be_taken_over(key_dir: Path, tmp_path: Path) -> None:
    """Not its certificate, weak, on a curve, encrypted without a password, or nonsense: nothing changes."""
    good = pem_files(tmp_path)
    other = pem_files(tmp_path, "other")
    assert "does not belong" in refused("key", *good[:2], *other[2:])
    assert "RSA, of" in refused("key", *pem_files(tmp_path, "weak", "rsa1024"))
    assert "RSA, of" in refused("key", *pem_files(tmp_path, "curve", "p256"))
    assert "--password-file" in refused("key", *pem_files(tmp_path, "locked", password=b"x" * 12))
    assert "no certificate" in refused("key", *good[:2], "--certificate", good[1])
    assert "needs --key" in refused("key")
    assert not key_dir.exists() or not list(key_dir.iterdir())
    run("key", *good)


def test_what_services_would_see(key_dir: Path, tmp_path: Path) -> None:
    """Another name, another certificate and other addresses are told; with all three taken over nothing is."""
    make_signing_key(now=timezone.now())
    file = theirs(tmp_path, entity_id="https://old.example.test/idp", location="https://old.example.test/sso")
    told = json.loads(run("check", file, "--json"))["differences"]
    assert len(told) == 3
    assert "DRAWBRIDGE_ENTITY_ID" in told[0]
    for path in key_dir.iterdir():
        path.unlink()
    run("key", *pem_files(tmp_path))
    file = theirs(
        tmp_path,
        entity_id="https://old.example.test/idp",
        location="https://idp.example.test/saml/sso/post",
    )
    with override_settings(DRAWBRIDGE_ENTITY_ID="https://old.example.test/idp"):
        saml_config.cache_clear()
        assert "No service would see a difference" in run("check", file)
    saml_config.cache_clear()
    assert "no metadata of an identity provider" in refused("check", written(tmp_path, f'<a xmlns="{MD}"/>'))


def written(folder: Path, text: str) -> str:
    """A file with this text."""
    path = folder / "file"
    path.write_text(text)
    return str(path)


def test_people_keep_their_names(company: Slapd, tmp_path: Path) -> None:
    """Also before their first visit; in AWS it is the one of their row; a second time nothing changes."""
    assert company
    file = written(
        tmp_path, f"{HEAD}{ENTITY_ID},lena,AbC-lena\n{ENTITY_ID},omar,AbC-omar\n{AWS},lena,aws-lena\n"
    )
    assert "dry run" in run("name-ids", file, "--dry-run")
    assert not PersistentNameId.objects.exists()
    assert not User.objects.exists()
    assert json.loads(run("name-ids", file, "--json")) == {
        "dry_run": False, "added": 3, "known": 0, "replaced": 0,
    }  # fmt: skip
    now = timezone.now()
    lena = find_identity("lena", now=now)
    person = person_of(lena, is_staff=False, now=now)
    assert person.persistent_id == "aws-lena"
    named = name_id_for(person=person, provider=a_provider(), identity=lena, now=now)
    assert named.value == "AbC-lena"
    assert "3 known already" in run("name-ids", file)
    changed = written(tmp_path, f"{HEAD}{ENTITY_ID},lena,other\n{AWS},lena,other\n")
    assert "--replace" in refused("name-ids", changed)
    assert persistent_name(lena.account_key, ENTITY_ID, now=now) == "AbC-lena"
    assert "2 replaced" in run("name-ids", changed, "--replace")
    assert persistent_name(lena.account_key, ENTITY_ID, now=now) == "other"
    assert AuditRecord.objects.filter(event=AuditEvent.IDENTITY_TAKEN_OVER).count() == 3


@pytest.mark.attack("LD-09")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "first line"),
        ("username,name_id\nlena,x\n", "first line"),
        (f"{HEAD}{ENTITY_ID},lena\n", "Line 2 has 2 columns"),
        (f"{HEAD}wiki,lena,x\n", "Line 2 (lena)"),
        (f"{HEAD}{ENTITY_ID},lena, x\n", "Line 2 (lena)"),
        (f"{HEAD}{ENTITY_ID},nobody-here,x\n", "Line 2 (nobody-here)"),
        (f"{HEAD}{ENTITY_ID},lena,same\n{ENTITY_ID},omar,SAME\n", "somebody else has this name"),
        (f"{HEAD}{ENTITY_ID},lena,{'x' * 257}\n", "Line 2 (lena)"),
        (f"{HEAD}{AWS},lena,{'x' * 65}\n", "at most 64"),
    ],
)
def test_a_file_with_a_mistake_changes_nothing(company: Slapd, tmp_path: Path, text: str, told: str) -> None:
    """Each mistake is told with its line; nobody gets a name that somebody else has, whatever its case."""
    assert company
    good = f"{ENTITY_ID},jane,good\n" if text.startswith(HEAD) else ""
    assert told in refused("name-ids", written(tmp_path, text + good))
    assert not PersistentNameId.objects.exists()
    assert not User.objects.exists()
    run("name-ids", written(tmp_path, f"{HEAD}{ENTITY_ID},jane,good\n"))
    assert PersistentNameId.objects.count() == 1
