"""Service providers in the admin: what is saved could be served, is on record, and trying out signs nothing."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deploy.demo import company as cast
from idp.domain.events import AuditEvent
from idp.domain.released_attribute import ReleasedAttribute, Source
from idp.domain.saml_names import NameIdFormat
from idp.models import AuditRecord, EntryNameId, PersistentNameId, ServiceProvider
from idp.saml.errors import MetadataRefused
from idp.saml.signing_key import SigningKey
from idp.services import provider_metadata
from idp.services.entry_names import claim_entry_name
from idp.services.provider_changes import Author, fill_row, store_provider
from idp.services.provider_preview import NOWHERE
from idp.services.service_providers import service_provider_of
from tests.integration.idp.admin.forms import last_record, save
from tests.metadata_documents import metadata
from tests.providers import ACS, ENTITY_ID, a_provider, a_row, certificate_text_of, group

pytestmark = pytest.mark.django_db

FORM = {
    "entity_id": ENTITY_ID, "name": "Wiki", "kind": "generic", "enabled": "on", "note": "", "acs_text": ACS,
    "logout_text": "", "default_relay_state": "", "for_everyone": "on", "groups_text": "",
    "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "name_id_source": "",
    "attributes_text": "urn:oid:0.9.2342.19200300.100.1.3=person:mail;uri;mail", "certificates_text": "",
    "sign_assertion": "on", "sign_response": "on",
    "encryption_scheme": "aes256-gcm/rsa-oaep-mgf1p/sha1",
    "signature_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "encryption_certificate": "",
    "session_seconds": "", "metadata_url": "", "metadata_certificate": "",
}  # fmt: skip


def post(admin: Client, page: str, /, *numbers: int, **form: Any) -> Any:
    """The answer to this form."""
    return admin.post(reverse(f"admin:idp_serviceprovider_{page}", args=numbers), form, secure=True)


def test_by_hand_with_every_list(admin: Client) -> None:
    """Lists are lines; what is saved is served; a second saving of the same writes nothing; a change is on record."""
    form = FORM | {
        "acs_text": f"5 {ACS}\n7 {ACS}/2 default",
        "logout_text": f"redirect={ACS}/out {ACS}/answers",
        "groups_text": cast.group_dn("auditors"),
        "for_everyone": "",
        "certificates_text": f"-----BEGIN CERTIFICATE-----\n{certificate_text_of('wiki')}\n-----END CERTIFICATE-----",
        "want_signed_requests": "on",
    }
    assert save(admin, "serviceprovider", **form) == {}
    provider = service_provider_of(ENTITY_ID, now=timezone.now())
    assert [(one.index, one.is_default) for one in provider.acs] == [(5, False), (7, True)]
    assert provider.groups[0].group_id == cast.group_id("auditors")
    assert provider.signing_certificates == (certificate_text_of("wiki"),)
    assert provider.attributes[0].friendly_name == "mail"
    added, row = last_record(), ServiceProvider.objects.get()
    assert (added.event, added.person) == (AuditEvent.SERVICE_PROVIDER_CHANGED, "root.two")
    page = admin.get(reverse("admin:idp_serviceprovider_change", args=[row.pk]), secure=True).content.decode()
    assert f"7 {ACS}/2 default" in page
    assert "<label>Attributes it asks for:</label>" in page
    requests = [{"index": 3, "is_default": True, "names": {"urn:x:a": True, "urn:x:b": False}}]
    ServiceProvider.objects.update(wishes={"requests": requests, "entity_attributes": [["urn:c", "d"]]})
    page = admin.get(reverse("admin:idp_serviceprovider_change", args=[row.pk]), secure=True).content.decode()
    assert "3: urn:x:a (required), urn:x:b" in page
    assert "entity:urn:c=d" in page
    ServiceProvider.objects.update(wishes={})
    assert save(admin, "serviceprovider", row, **form) == {}
    assert last_record() == added
    assert save(admin, "serviceprovider", row, **form | {"session_seconds": "3600"}) == {}
    assert {name: value for name, value in last_record().details.items() if ":" in name} == {
        "session_seconds:old": "",
        "session_seconds:new": "3600",
    }
    post(admin, "delete", row.pk, post="yes")
    assert last_record().details["kind"] == "removed"
    assert not ServiceProvider.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"acs_text": ""}, "acs_text"),
        ({"acs_text": "http://wiki.example.test/"}, "__all__"),
        ({"acs_text": "javascript:alert(1)"}, "__all__"),
        ({"acs_text": f"{ACS} x y"}, "acs_text"),
        ({"acs_text": f"1 {ACS}\n1 {ACS}/2"}, "acs_text"),
        ({"groups_text": "cn=nobody,ou=groups,dc=example,dc=test"}, "groups_text"),
        ({"attributes_text": "mail"}, "attributes_text"),
        ({"attributes_text": "x=directory:userPassword"}, "attributes_text"),
        ({"attributes_text": "x=person:mail;uri;x;sometimes"}, "attributes_text"),
        ({"certificates_text": "AAAA"}, "certificates_text"),
        ({"want_signed_requests": "on"}, "want_signed_requests"),
        ({"encrypt_assertions": "on"}, "encrypt_assertions"),
        ({"encryption_certificate": certificate_text_of("weak", "rsa1024")}, "encryption_certificate"),
        ({"encryption_certificate": certificate_text_of("curve", "p256")}, "encryption_certificate"),
        ({"session_seconds": "60"}, "session_seconds"),
        ({"entity_id": "https://idp.example.test/saml/metadata"}, "entity_id"),
        ({"kind": "identity-center"}, "name_id_format"),
    ],
)
def test_mistakes_are_shown_beside_their_field(admin: Client, changes: dict[str, str], field: str) -> None:
    """What could not be served is not saved; its twin is the form of the test above."""
    errors = save(admin, "serviceprovider", **FORM | changes)
    assert set(errors) == {field}
    assert not ServiceProvider.objects.exists()


def test_the_entity_id_stays(admin: Client) -> None:
    """A posted entity ID changes nothing: it would be another service with the trust of this one."""
    row = a_row()
    save(admin, "serviceprovider", row, **FORM | {"entity_id": "https://evil.example.test"})
    row.refresh_from_db()
    assert row.entity_id == ENTITY_ID


def test_from_metadata_pasted_uploaded_and_fetched(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way leads to a provider that is switched off and for nobody, and to its page."""
    documents = {
        "paste": metadata().decode(),
        "file": SimpleUploadedFile("m.xml", metadata(entity_id="https://two.example.test")),
        "url": "https://three.example.test/metadata",
    }
    monkeypatch.setattr(
        provider_metadata, "fetch_metadata", lambda *_: metadata(entity_id="https://three.example.test")
    )
    for way, value in documents.items():
        answer = post(admin, "import", **{way: value, "name": way})
        row = ServiceProvider.objects.get(name=way)
        assert answer.headers["Location"] == reverse("admin:idp_serviceprovider_change", args=[row.pk])
        assert (row.enabled, row.for_everyone, row.groups) == (False, False, [])
        assert last_record().details["kind"] == "added"
    assert (row.metadata_url, row.refresh_due_at is not None) == (documents["url"], True)
    for form in (
        {},
        {"paste": "x", "url": "https://x.example.test"},
        {"paste": metadata().decode()},
        {"paste": "x"},
    ):
        answer = post(admin, "import", **form)
        assert answer.status_code == 200
        assert answer.context["form"].errors
    assert ServiceProvider.objects.count() == 3


def test_reading_again_from_the_list(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The action reads the chosen ones now and says of each how it went."""
    row = a_row()
    ServiceProvider.objects.update(metadata_url="https://wiki.example.test/metadata")
    monkeypatch.setattr(provider_metadata, "fetch_metadata", lambda *_: metadata())
    form = {"action": "read_metadata_again", "_selected_action": [str(row.pk)]}
    answer = admin.post(reverse("admin:idp_serviceprovider_changelist"), form, secure=True, follow=True)
    assert "was read" in answer.content.decode()

    def fail(*_: object) -> bytes:
        raise MetadataRefused("metadata.fetch", "The metadata could not be fetched.")

    monkeypatch.setattr(provider_metadata, "fetch_metadata", fail)
    answer = admin.post(reverse("admin:idp_serviceprovider_changelist"), form, secure=True, follow=True)
    assert "could not be fetched" in answer.content.decode()


def test_trying_out_signs_nothing_and_is_on_record(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table and the document show the person's values; no service accepts it; the signer is never asked."""
    calls: list[bytes] = []

    def count(_self: SigningKey, octets: bytes) -> bytes:
        calls.append(octets)
        return b""

    monkeypatch.setattr(SigningKey, "sign", count)
    row = a_row(
        attributes=(
            ReleasedAttribute("urn:mail", Source.parse("person:mail"), friendly_name="mail"),
            ReleasedAttribute("urn:phone", Source.parse("directory:telephoneNumber")),
        )
    )
    before = AuditRecord.objects.count()
    answer = post(admin, "test", row.pk, username="lena")
    page, shown = answer.content.decode(), answer.context["preview"]
    assert not calls
    assert AuditRecord.objects.count() == before + 1
    record = last_record()
    assert record.event == AuditEvent.SERVICE_PROVIDER_PREVIEWED
    assert (record.details["username"], record.details["entity_id"]) == ("lena", ENTITY_ID)
    assert not shown.problem
    assert [one.values for one in shown.rows][1] == ()
    assert shown.rows[0].values[0] in page
    assert "PREVIEW" in shown.document
    assert f'Recipient="{NOWHERE}"' in shown.document
    assert "Signature" not in shown.document
    assert shown.rows[0].values[0] in shown.document
    assert not PersistentNameId.objects.exists(), "looking gives nobody a name"


@pytest.mark.parametrize(
    ("changes", "username", "told"),
    [
        ({"for_everyone": False, "groups": (group("aa"),)}, "lena", "may not use this service"),
        ({}, "nobody-of-this-name", ""),
    ],
)
def test_trying_out_tells_why_not(admin: Client, changes: dict[str, Any], username: str, told: str) -> None:
    """Somebody who would be refused is told of; a name that nobody has is a mistake in the form."""
    row = a_row(**changes)
    answer = post(admin, "test", row.pk, username=username)
    if told:
        assert told in answer.context["preview"].problem
        assert not answer.context["preview"].document
    else:
        assert answer.context["form"].errors["username"]
        assert answer.context["preview"] is None


@pytest.mark.attack("LD-09")
def test_trying_out_tells_of_a_name_that_somebody_else_has(admin: Client) -> None:
    """The preview refuses what the click would refuse, and gives nobody a name; its twin is the person themselves."""
    row = a_row(name_id_format=NameIdFormat.EMAIL, name_id_source=Source.parse("person:mail"))
    mail = post(admin, "test", row.pk, username="lena").context["preview"].name_id
    assert not EntryNameId.objects.exists()
    now = timezone.now()
    claim_entry_name(mail, entity_id=ENTITY_ID, account_key="directory:somebody-else", now=now)
    shown = post(admin, "test", row.pk, username="lena").context["preview"]
    assert "knows somebody else by the name" in shown.problem
    assert (shown.name_id, shown.document) == ("", "")
    EntryNameId.objects.all().delete()
    assert post(admin, "test", row.pk, username="lena").context["preview"].document


def test_the_pages_are_for_staff(stranger: Client) -> None:
    """Nobody else sees, imports or tries out anything."""
    row = a_row()
    for name, numbers in (("changelist", []), ("import", []), ("test", [row.pk]), ("change", [row.pk])):
        address = reverse(f"admin:idp_serviceprovider_{name}", args=numbers)
        for answer in (stranger.get(address, secure=True), stranger.post(address, {}, secure=True)):
            assert answer.status_code in {302, 403}
    assert ServiceProvider.objects.count() == 1
    assert a_provider()


def test_the_list_shows_and_finds_certificates_that_end(admin: Client) -> None:
    """Until when, with the days that are left; the filter finds those that end soon, and no others."""
    for name, days in (("Soon", 20), ("Later", 300)):
        service = a_provider(
            entity_id=f"https://{name.lower()}.example.test",
            name=name,
            signing_certificates=(certificate_text_of("wiki", days=days),),
        )
        row = fill_row(ServiceProvider(), service)
        store_provider(row, before={}, author=Author("tester"), now=timezone.now())
    address = reverse("admin:idp_serviceprovider_changelist")
    page = admin.get(address, secure=True).content.decode()
    assert "days left)" in page
    assert "later.example.test" in page
    page = admin.get(address, {"ends": "30"}, secure=True).content.decode()
    assert "soon.example.test" in page
    assert "later.example.test" not in page
    assert "later.example.test" in admin.get(address, {"ends": "x"}, secure=True).content.decode()
