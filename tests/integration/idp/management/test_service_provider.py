"""`manage.py service_provider`: every verb, what it prints, and what is on record."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from idp.conf.saml import saml_config
from idp.domain.events import AuditEvent
from idp.domain.saml_names import NameFormat, NameIdFormat, SignatureAlgorithm
from idp.domain.service_provider import ServiceProvider, UnknownProvider
from idp.models import AuditRecord
from idp.models import ServiceProvider as ProviderRow
from idp.saml.errors import MetadataRefused
from idp.services import provider_metadata
from idp.services.provider_listing import ailing_providers
from idp.services.provider_metadata import RETRY_AFTER
from idp.services.service_providers import service_provider_of
from idp.tasks import refresh_service_providers
from sts_bridge.services.health import provider_findings
from tests.metadata_documents import acs_service, key_descriptor, metadata, signed
from tests.providers import ACS, ENTITY_ID, a_row, certificate_of, certificate_text_of

pytestmark = pytest.mark.django_db

CENTER = "https://eu-central-1.signin.aws.amazon.com/platform/saml/d-1234567890"


def run(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("service_provider", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    """The one sentence with which the command ends."""
    with pytest.raises(CommandError) as error:
        run(*words)
    return str(error.value)


def served(entity_id: str = ENTITY_ID) -> ServiceProvider:
    """The provider as a click finds it."""
    return service_provider_of(entity_id, now=timezone.now())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The ordinary provider's metadata in a file."""
    path = tmp_path / "metadata.xml"
    path.write_bytes(metadata())
    return path


@pytest.fixture
def releasable() -> Iterator[None]:
    """One directory attribute may be released."""
    with override_settings(DRAWBRIDGE_RELEASED_ATTRIBUTES=("departmentNumber",)):
        saml_config.cache_clear()
        yield
    saml_config.cache_clear()


def test_from_metadata_to_service(file: Path) -> None:
    """Imported it is off and for nobody; enabled it is served; every step is on record, a dry run is not."""
    assert "nothing was changed" in run("import", "--file", str(file), "--dry-run")
    assert not ProviderRow.objects.exists()
    run("import", "--file", str(file), "--name", "Wiki", "--everyone")
    with pytest.raises(UnknownProvider):
        served()
    run("enable", ENTITY_ID)
    provider = served()
    assert (provider.name, provider.acs[0].location, provider.for_everyone) == ("Wiki", ACS, True)
    assert "there already" in refused("import", "--file", str(file))
    run("disable", ENTITY_ID)
    run("remove", ENTITY_ID)
    assert not ProviderRow.objects.exists()
    events = AuditRecord.objects.filter(event=AuditEvent.SERVICE_PROVIDER_CHANGED).order_by("pk")
    assert [record.details["kind"] for record in events] == ["added", "changed", "changed", "removed"]
    assert events[1].details["enabled:new"] == "True"


def test_by_hand_and_changed(company: Slapd, releasable: None, tmp_path: Path) -> None:
    """Addresses, names, attributes, groups, signatures and sessions, as one writes them on a line."""
    assert company
    assert releasable is None
    pem = tmp_path / "sp.pem"
    pem.write_text(f"-----BEGIN CERTIFICATE-----\n{certificate_text_of('wiki')}\n-----END CERTIFICATE-----\n")
    run(
        "add", ENTITY_ID, "--acs", ACS, "--acs", f"{ACS}/2", "--logout", f"post={ACS}/out {ACS}/answers",
        "--name-id", "email=person:mail", "--attribute", "urn:oid:2.16.840.1.113730.3.1.2=directory:departmentNumber",
        "--attribute", "login=person:username;basic;User name", "--group", cast.group_dn("auditors"),
        "--signing-certificate", str(pem), "--signed-requests", "--encryption-certificate", str(pem), "--encrypt",
        "--algorithm", "rsa-sha512", "--session", "3600", "--sign", "assertion",
    )  # fmt: skip
    run("enable", ENTITY_ID)
    provider = served()
    assert [(one.index, one.is_default) for one in provider.acs] == [(0, True), (1, False)]
    assert (provider.logout[0].location, provider.logout[0].response_location) == (
        f"{ACS}/out",
        f"{ACS}/answers",
    )
    assert (provider.name_id_format, str(provider.name_id_source)) == (NameIdFormat.EMAIL, "person:mail")
    assert [
        (one.name, str(one.source), one.name_format, one.friendly_name) for one in provider.attributes
    ] == [
        ("urn:oid:2.16.840.1.113730.3.1.2", "directory:departmentNumber", NameFormat.URI, ""),
        ("login", "person:username", NameFormat.BASIC, "User name"),
    ]
    assert [(one.group_id, one.dn) for one in provider.groups] == [
        (cast.group_id("auditors"), cast.group_dn("auditors"))
    ]
    assert provider.want_signed_requests
    assert provider.encrypt_assertions
    assert provider.signature_algorithm is SignatureAlgorithm.RSA_SHA512
    assert (provider.sign_assertion, provider.sign_response) == (True, False)
    assert provider.session_for == timedelta(hours=1)
    told = json.loads(run("show", ENTITY_ID, "--json"))
    assert "SHA-256" in told["encryption_certificate"]
    assert certificate_of("wiki")
    run("change", ENTITY_ID, "--no-encrypt", "--name-id", "persistent", "--sign", "both")
    provider = served()
    assert not provider.encrypt_assertions
    assert (provider.name_id_format, provider.name_id_source) == (NameIdFormat.PERSISTENT, None)
    assert provider.want_signed_requests, "what is not named stays as it was"
    assert ENTITY_ID in run("list")
    assert json.loads(run("list", "--json"))[0]["state"] == "enabled"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "https://unknown.example.test"), "no service provider"),
        (("show",), "needs an ENTITY_ID"),
        (("add", ENTITY_ID), "needs an address"),
        (("add", "wiki", "--acs", ACS), "absolute URI"),
        (("add", ENTITY_ID, "--acs", "http://wiki.example.test/"), "https://"),
        (("add", ENTITY_ID, "--acs", "http://127.0.0.1/acs"), "https://"),
        (("add", ENTITY_ID, "--acs", ACS, "--signed-requests"), "signing certificate is known"),
        (("add", ENTITY_ID, "--acs", ACS, "--attribute", "x=directory:userPassword"), "may not be released"),
        (("add", ENTITY_ID, "--acs", ACS, "--attribute", "x"), "An attribute is written"),
        (
            (
                "add", ENTITY_ID, "--acs", ACS, "--attribute",
                "https://aws.amazon.com/SAML/Attributes/Role=constant:arn:aws:iam::111122223333:role/Admin",
            ),
            "given by rules",
        ),
        (("add", ENTITY_ID, "--acs", ACS, "--algorithm", "rsa-sha1"), "none of"),
        (("add", "https://idp.example.test/saml/metadata", "--acs", ACS), "our own"),
        (("import",), "--file or --url"),
        (("import", "--file", "/nonexistent/file"), "cannot be read"),
        (("add-aws", "--partition", "aws-moon"), "partitions are"),
        (("change", "https://unknown.example.test", "--name", "x"), "no service provider"),
    ],
)  # fmt: skip
def test_mistakes_end_with_one_sentence_and_change_nothing(words: tuple[str, ...], sentence: str) -> None:
    """Each refusal says what is wrong; nothing is stored or recorded."""
    assert sentence in refused(*words)
    assert not ProviderRow.objects.exists()
    assert not AuditRecord.objects.exists()


@pytest.mark.attack("MD-04")
def test_our_own_metadata_makes_no_provider(tmp_path: Path) -> None:
    """Nobody becomes us, and what is pinned must be signed."""
    path = tmp_path / "ours.xml"
    path.write_bytes(metadata(entity_id="https://idp.example.test/saml/metadata"))
    assert "our own" in refused("import", "--file", str(path))
    pin = tmp_path / "pin.pem"
    pin.write_text(certificate_text_of("federation"))
    path.write_bytes(metadata())
    assert "not signed" in refused("import", "--file", str(path), "--pin", str(pin))
    path.write_bytes(signed(metadata()))
    run("import", "--file", str(path), "--pin", str(pin))
    assert ProviderRow.objects.count() == 1


def test_ready_made_entries(tmp_path: Path) -> None:
    """AWS IAM per partition is there with one word; Identity Center is known by the name in its metadata."""
    run("add-aws", "--region", "eu-central-1")
    aws = served("urn:amazon:webservices")
    assert [one.location for one in aws.acs] == [
        "https://signin.aws.amazon.com/saml",
        "https://eu-central-1.signin.aws.amazon.com/saml",
    ]
    run("add-aws", "--partition", "aws-us-gov")
    assert served("urn:amazon:webservices:govcloud").kind == "aws"
    path = tmp_path / "center.xml"
    services = acs_service("https://eu-central-1.signin.aws/platform/saml/acs/x", "0")
    services += acs_service("https://eu-central-1.sso.signin.aws/platform/saml/acs/x", "1")
    path.write_bytes(metadata(entity_id=CENTER, keys=key_descriptor(use=None), services=services))
    attribute = "https://aws.amazon.com/SAML/Attributes/AccessControl:User=person:username"
    run("import", "--file", str(path), "--everyone", "--attribute", attribute)
    run("enable", CENTER)
    center = served(CENTER)
    assert (center.kind, center.name_id_format, str(center.name_id_source)) == (
        "identity-center",
        NameIdFormat.EMAIL,
        "person:mail",
    )
    assert (len(center.acs), center.encrypt_assertions, center.kind.longest_assertion) == (2, False, 50_000)
    assert "takes no encrypted" in refused("change", CENTER, "--encrypt")
    assert "emailAddress only" in refused("change", CENTER, "--name-id", "persistent")


def fetched(monkeypatch: pytest.MonkeyPatch, *answers: bytes | MetadataRefused) -> list[str]:
    """Each address that is asked gets the next answer."""
    asked: list[str] = []
    waiting = list(answers)

    def fetch(url: str, _policy: object) -> bytes:
        asked.append(url)
        answer = waiting.pop(0)
        if isinstance(answer, MetadataRefused):
            raise answer
        return answer

    monkeypatch.setattr(provider_metadata, "fetch_metadata", fetch)
    return asked


def test_metadata_is_read_again_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """New addresses and keys come by themselves; what was agreed stays; each change is on record."""
    changed = metadata(keys=key_descriptor("second"), services=acs_service(f"{ACS}/new"))
    asked = fetched(monkeypatch, metadata(), metadata(), changed)
    run("import", "--url", "https://wiki.example.test/metadata", "--everyone")
    run("enable", ENTITY_ID)
    refresh_service_providers()
    assert len(asked) == 1, "it is not due yet"
    for _ in range(2):
        ProviderRow.objects.update(refresh_due_at=timezone.now() - timedelta(seconds=1))
        refresh_service_providers()
    refresh_service_providers()
    assert len(asked) == 3
    provider = served()
    assert (provider.acs[0].location, provider.for_everyone) == (f"{ACS}/new", True)
    assert provider.signing_certificates == (certificate_text_of("second"),)
    events = AuditRecord.objects.filter(event=AuditEvent.SERVICE_PROVIDER_REFRESHED)
    assert [record.details["acs:new"].count("/new") for record in events] == [1]


def test_what_cannot_be_read_again_changes_nothing_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last good metadata holds; the row says what is wrong; the next try comes soon."""
    problem = MetadataRefused("metadata.fetch", "The metadata could not be fetched.")
    other = metadata(entity_id="https://other.example.test")
    fetched(monkeypatch, problem, problem, other, metadata())
    row = a_row()
    ProviderRow.objects.update(metadata_url="https://wiki.example.test/metadata")
    for reasons in (["metadata.fetch"], ["metadata.fetch"], ["metadata.fetch", "metadata.entity-id"]):
        ProviderRow.objects.update(refresh_due_at=timezone.now())
        refresh_service_providers()
        row.refresh_from_db()
        assert row.refresh_problem
        assert row.refresh_due_at is not None
        assert row.refresh_due_at <= timezone.now() + RETRY_AFTER
        events = AuditRecord.objects.filter(event=AuditEvent.SERVICE_PROVIDER_REFRESH_FAILED).order_by("pk")
        assert [record.reason for record in events] == reasons
        assert served().acs[0].location == ACS
    run("refresh", ENTITY_ID)
    row.refresh_from_db()
    assert not row.refresh_problem
    assert "no address" in refused_without_url(row)


@pytest.mark.attack("MD-04")
@pytest.mark.parametrize("by_hand", [False, True], ids=["timetable", "command"])
def test_what_is_decided_while_metadata_is_fetched_holds(
    by_hand: bool,  # noqa: FBT001 - pytest gives parameters by name
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service that is slow to answer does not undo being switched off, pinned or removed meanwhile."""
    url = "https://wiki.example.test/metadata"
    moved = metadata(services=acs_service(f"{ACS}/new"))
    row = a_row()

    def read_while(happens: Callable[[], object]) -> None:
        def fetch(_url: str, _policy: object) -> bytes:
            happens()
            return moved

        ProviderRow.objects.update(metadata_url=url, refresh_due_at=timezone.now() - timedelta(seconds=1))
        monkeypatch.setattr(provider_metadata, "fetch_metadata", fetch)
        if by_hand:
            with suppress(CommandError):
                run("refresh", ENTITY_ID)
        else:
            refresh_service_providers()

    pin = certificate_text_of("federation")
    read_while(lambda: ProviderRow.objects.update(metadata_certificate=pin))
    row.refresh_from_db()
    assert (row.metadata_certificate, row.acs[0]["location"], row.refresh_problem) == (pin, ACS, "")
    ProviderRow.objects.update(metadata_certificate="")
    # The twin: what has nothing to do with where it comes from is kept, and the metadata is taken.
    read_while(lambda: run("disable", ENTITY_ID))
    row.refresh_from_db()
    assert (row.enabled, row.acs[0]["location"]) == (False, f"{ACS}/new")
    read_while(lambda: run("remove", ENTITY_ID))
    assert not ProviderRow.objects.exists()


@pytest.mark.attack("MD-03")
def test_a_service_that_loses_its_keys_is_not_trusted_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata without the key that its requests are checked by, or is encrypted for, changes nothing."""
    keys = key_descriptor("one") + key_descriptor("two", "encryption")
    fetched(
        monkeypatch,
        metadata(keys=keys),
        metadata(keys=""),
        metadata(keys=key_descriptor("one")),
        metadata(keys=keys),
    )
    run("import", "--url", "https://wiki.example.test/metadata", "--everyone", "--signed-requests")
    run("enable", ENTITY_ID)
    before = served()
    assert (before.want_signed_requests, before.encrypt_assertions) == (True, True)
    for _ in range(2):
        ProviderRow.objects.update(refresh_due_at=timezone.now())
        refresh_service_providers()
        assert ProviderRow.objects.get().refresh_problem
        assert served() == before
    run("refresh", ENTITY_ID)
    assert not ProviderRow.objects.get().refresh_problem


def test_who_needs_a_hand_is_told() -> None:
    """Metadata that cannot be read or ends soon; a provider that is off or well is not spoken of."""
    now = timezone.now()
    a_row()
    a_row(entity_id="https://off.example.test", name="Off", enabled=False, believed_until=now)
    a_row(entity_id="https://soon.example.test", name="Soon", believed_until=now + timedelta(days=1))
    a_row(entity_id="https://over.example.test", name="Over", believed_until=now)
    row = a_row(entity_id="https://gone.example.test", name="Gone")
    ProviderRow.objects.filter(pk=row.pk).update(refresh_problem="The metadata could not be fetched.")
    told = dict(ailing_providers(now=now))
    assert set(told) == {"Gone", "Over", "Soon"}
    assert "could not be fetched" in told["Gone"]
    assert ("is valid until" in told["Soon"], "was valid until" in told["Over"]) == (True, True)
    parts = [(finding.part, finding.cause) for finding in provider_findings(now=now)]
    assert ("service provider Soon", told["Soon"]) in parts


def test_the_metadata_of_aws_makes_the_entry_of_aws(tmp_path: Path) -> None:
    """Whatever it says of names and keys: people go there by rules, under the one name that they have in AWS."""
    path = tmp_path / "aws.xml"
    formats = "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>"
    path.write_bytes(
        metadata(entity_id="urn:amazon:webservices", before=formats, keys=key_descriptor(use=None))
    )
    run("import", "--file", str(path))
    run("enable", "urn:amazon:webservices")
    provider = served("urn:amazon:webservices")
    assert (provider.kind, provider.name_id_format) == ("aws", NameIdFormat.PERSISTENT)
    assert not provider.encrypt_assertions
    attribute = "https://aws.amazon.com/SAML/Attributes/AccessControl:x=person:username"
    assert "say accounts, roles and rules" in refused(
        "change", "urn:amazon:webservices", "--attribute", attribute
    )


def refused_without_url(row: ProviderRow) -> str:
    """What `refresh` says of a provider whose metadata came by hand."""
    ProviderRow.objects.filter(pk=row.pk).update(metadata_url="")
    return refused("refresh", ENTITY_ID)


def test_a_broken_row_is_told_and_can_be_removed() -> None:
    """A row that somebody wrote past every check stands in the list and does not stand in the way."""
    row = a_row()
    ProviderRow.objects.filter(pk=row.pk).update(acs="nonsense")
    assert "broken" in run("list")
    run("remove", ENTITY_ID)
    assert not ProviderRow.objects.exists()
