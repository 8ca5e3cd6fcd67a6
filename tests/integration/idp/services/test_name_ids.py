"""How services call people: opaque and kept, new each time, or from the entry."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.name_id import NameIdTaken, NoNameId, SeveralNames
from idp.domain.released_attribute import Source
from idp.domain.saml_names import NameIdFormat
from idp.domain.service_provider import ServiceProvider
from idp.models import AuditRecord, EntryNameId, PersistentNameId, User
from idp.services.entry_names import release_entry_name
from idp.services.name_ids import name_id_for
from idp.services.people import person_of
from idp.services.provider_changes import Author
from tests.providers import ENTITY_ID, a_provider
from tests.unit.idp.domain.test_service_provider import jane

pytestmark = pytest.mark.django_db


def named(identity: DirectoryIdentity, provider: ServiceProvider) -> tuple[str, str]:
    """The person's name and its format at this service."""
    now = timezone.now()
    person: User = person_of(identity, is_staff=False, now=now)
    name_id = name_id_for(person=person, provider=provider, identity=identity, now=now)
    return name_id.value, name_id.format


@pytest.mark.spec("SAML Core", "8.3.7", "persistent identifiers")
@pytest.mark.attack("LD-09")
def test_a_persistent_name_is_kept_through_renames_and_differs_at_every_service() -> None:
    """The name hangs on the directory's identifier: a new user name keeps it, a reused one gets another."""
    identity = jane(timezone.now())
    first = named(identity, a_provider())
    assert first[1] == NameIdFormat.PERSISTENT
    assert named(replace(identity, username="jane.smith", mail="smith@example.test"), a_provider()) == first
    other = named(identity, a_provider(entity_id="https://other.example.test"))
    successor = named(replace(identity, immutable_id="00000001"), a_provider())
    names = {first[0], other[0], successor[0]}
    assert len({name.casefold() for name in names}) == 3
    assert not any("jane" in name for name in names)
    assert PersistentNameId.objects.count() == 3
    person = User.objects.get(account_key=identity.account_key)
    assert person.persistent_id not in names, "what AWS knows a person by is nobody else's business"


def test_no_two_people_have_one_name_at_a_service() -> None:
    """The table refuses a name that differs by its case only (IIP-IDP21), at one service; at two it is two."""
    now = timezone.now()
    PersistentNameId.objects.create(entity_id=ENTITY_ID, account_key="a:1", value="AbC", created_at=now)
    PersistentNameId.objects.create(entity_id="urn:x:y", account_key="a:2", value="abc", created_at=now)
    for account_key, value in (("a:2", "abc"), ("a:1", "other")):
        with pytest.raises(IntegrityError), transaction.atomic():
            PersistentNameId.objects.create(
                entity_id=ENTITY_ID, account_key=account_key, value=value, created_at=now
            )


@pytest.mark.spec("SAML Core", "8.3.8", "transient identifiers")
def test_a_transient_name_is_new_each_time_and_stored_nowhere() -> None:
    """Two visits cannot be told to be one person's."""
    provider = a_provider(name_id_format=NameIdFormat.TRANSIENT)
    names = {named(jane(timezone.now()), provider)[0] for _ in range(3)}
    assert len(names) == 3
    assert not PersistentNameId.objects.exists()


def test_names_from_the_entry() -> None:
    """E-mail and unspecified take the one value that was agreed on."""
    mail = a_provider(name_id_format=NameIdFormat.EMAIL, name_id_source=Source.parse("person:mail"))
    assert named(jane(timezone.now()), mail) == ("jane@example.test", NameIdFormat.EMAIL)
    login = a_provider(
        name_id_format=NameIdFormat.UNSPECIFIED, name_id_source=Source.parse("person:username")
    )
    assert named(jane(timezone.now()), login) == ("jane", NameIdFormat.UNSPECIFIED)


@pytest.mark.attack("LD-11")
@pytest.mark.parametrize(
    "mail",
    [
        "",
        "jane",
        "jane@",
        "a@b@c.test",
        "jane@example.test,eve@example.test",
        "jane @example.test",
        "é@x.test",
    ],
)
def test_what_is_no_mail_address_is_no_name(mail: str) -> None:
    """A service that knows people by mail address gets exactly one, or nothing."""
    provider = a_provider(name_id_format=NameIdFormat.EMAIL, name_id_source=Source.parse("person:mail"))
    with pytest.raises(NoNameId):
        named(jane(timezone.now(), mail=mail), provider)


@pytest.mark.attack("LD-09")
def test_a_name_from_the_entry_is_one_person_s_until_it_is_released() -> None:
    """Two entries with one mail address are not one person at a service, however spelt; elsewhere it is free."""
    mail = a_provider(name_id_format=NameIdFormat.EMAIL, name_id_source=Source.parse("person:mail"))
    first = jane(timezone.now())
    assert named(first, mail)[0] == "jane@example.test"
    second = replace(first, immutable_id="00000001", username="eve", mail="Jane@Example.test")
    with pytest.raises(NameIdTaken):
        named(second, mail)
    assert named(replace(second, mail="eve@example.test"), mail)[0] == "eve@example.test"
    assert named(second, replace(mail, entity_id="https://other.example.test"))[0] == "Jane@Example.test"
    assert named(first, mail)[0] == "jane@example.test"

    released = release_entry_name(
        ENTITY_ID, "JANE@example.test", author=Author("root"), now=timezone.now(), dry_run=False
    )

    assert len(released) == 1
    assert AuditRecord.objects.filter(event=AuditEvent.SERVICE_PROVIDER_CHANGED, person="root").count() == 1
    assert named(second, mail)[0] == "Jane@Example.test"
    with pytest.raises(NameIdTaken):
        named(first, mail)


@pytest.mark.attack("LD-09")
@pytest.mark.attack("LD-11")
def test_another_mail_address_makes_nobody_another_person() -> None:
    """Of several addresses the one counts by which the service knows the person, wherever it stands among them."""
    mail = a_provider(name_id_format=NameIdFormat.EMAIL, name_id_source=Source.parse("person:mail"))
    first = jane(timezone.now())
    both = replace(first, mail="admin@example.test", mails=("admin@example.test", "jane@example.test"))
    with pytest.raises(SeveralNames):
        named(both, mail)
    assert not EntryNameId.objects.exists(), "nobody has been given a name by that"
    assert named(first, mail)[0] == "jane@example.test"
    assert named(both, mail)[0] == "jane@example.test"
    assert named(replace(both, mails=("ADMIN@example.test", "Jane@example.test")), mail)[0] == (
        "Jane@example.test"
    )
    # At another service, which knows neither, and for somebody else, nobody chooses.
    with pytest.raises(SeveralNames):
        named(both, replace(mail, entity_id="https://other.example.test"))
    with pytest.raises(SeveralNames):
        named(replace(both, immutable_id="00000001", username="eve"), mail)
    # A new address alone is a new name; with both of them known, the one given last counts.
    assert named(replace(first, mail="admin@example.test", mails=("admin@example.test",)), mail)[0] == (
        "admin@example.test"
    )
    assert named(both, mail)[0] == "admin@example.test"


def test_several_values_are_no_name() -> None:
    """Nobody chooses among several values."""
    provider = a_provider(
        name_id_format=NameIdFormat.UNSPECIFIED, name_id_source=Source.parse("directory:departmentNumber")
    )
    with pytest.raises(NoNameId):
        named(jane(timezone.now()), provider)
    one = jane(timezone.now(), attributes={"departmentNumber": ("4711",)})
    assert named(one, provider)[0] == "4711"
    known = jane(timezone.now(), attributes={"departmentNumber": ("4711", "4710")})
    assert named(known, provider)[0] == "4711"
