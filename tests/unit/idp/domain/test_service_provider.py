"""What a service provider may look like: each refusal beside what is accepted."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.domain.errors import Malformed
from idp.domain.identity import AccountState, DirectoryIdentity, GroupMembership
from idp.domain.provider_address import MalformedLocation, check_location
from idp.domain.provider_kind import ProviderKind
from idp.domain.released_attribute import Fact, MalformedRelease, ReleasedAttribute, Source
from idp.domain.saml_names import Binding, NameFormat, NameIdFormat
from idp.domain.service_provider import (
    AcsEndpoint,
    LogoutEndpoint,
    MalformedProvider,
    ProviderNotForPerson,
)
from tests.providers import ACS, a_provider, certificate_text_of, group

Changes = dict[str, object]


def jane(now: datetime, *group_ids: str, **changes: object) -> DirectoryIdentity:
    """A person in these groups."""
    dns = [(group_id, f"cn={group_id},ou=groups,dc=example,dc=test") for group_id in group_ids]
    identity = DirectoryIdentity(
        directory="directory",
        immutable_id="7d4b6a52",
        username="jane",
        dn="uid=jane,ou=people,dc=example,dc=test",
        display_name="Jane Doe",
        mail="jane@example.test",
        state=AccountState.ENABLED,
        groups=tuple(GroupMembership(group_id, dn, (dn,)) for group_id, dn in dns),
        asked_at=now,
        attributes={"departmentNumber": ("4711", "4712")},
    )
    return replace(identity, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"entity_id": "wiki"}, "entity_id"),
        ({"entity_id": f"https://{'x' * 1_024}"}, "entity_id"),
        ({"entity_id": "https://wiki.example.test/ a"}, "entity_id"),
        ({"name": " "}, "name"),
        ({"acs": ()}, "acs"),
        ({"acs": (AcsEndpoint(ACS, 0), AcsEndpoint(f"{ACS}/2", 0))}, "acs"),
        ({"acs": (AcsEndpoint(ACS, 0), AcsEndpoint(ACS, 1))}, "acs"),
        ({"acs": (AcsEndpoint(ACS, 65_536),)}, "acs"),
        ({"acs": (AcsEndpoint(ACS, 0, is_default=True), AcsEndpoint(f"{ACS}/2", 1, is_default=True))}, "acs"),
        ({"acs": (AcsEndpoint(ACS, 0, binding=Binding.HTTP_REDIRECT),)}, "acs"),
        ({"name_id_format": NameIdFormat.EMAIL}, "name_id_source"),
        (
            {"name_id_format": NameIdFormat.UNSPECIFIED, "name_id_source": Source.parse("constant:all")},
            "name_id_source",
        ),
        (
            {"name_id_format": NameIdFormat.UNSPECIFIED, "name_id_source": Source.parse("made:subject-id")},
            "name_id_source",
        ),
        ({"name_id_source": Source.parse("person:mail")}, "name_id_source"),
        ({"want_signed_requests": True}, "want_signed_requests"),
        (
            {"kind": ProviderKind.AWS, "omit_name_id": True, "attributes": (), "for_everyone": True},
            "omit_name_id",
        ),
        ({"encrypt_assertions": True}, "encrypt_assertions"),
        ({"signing_certificates": ("no certificate",)}, "signing_certificates"),
        ({"sign_response": False, "sign_assertion": False}, "sign_assertion"),
        ({"session_for": timedelta(minutes=4)}, "session_seconds"),
        ({"session_for": timedelta(hours=25)}, "session_seconds"),
        ({"groups": tuple(group(f"g{number}") for number in range(201))}, "groups"),
    ],
)
def test_what_could_not_be_served_is_refused(changes: Changes, field: str) -> None:
    """Each mistake is told with the field that it stands in."""
    with pytest.raises(MalformedProvider) as refusal:
        a_provider(**changes)
    assert refusal.value.field == field
    assert refusal.value.told


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"entity_id": "urn:amazon:webservices"},
        {"acs": (AcsEndpoint(ACS, 65_535),)},
        {"name_id_format": NameIdFormat.EMAIL, "name_id_source": Source.parse("person:mail")},
        {"name_id_format": NameIdFormat.TRANSIENT},
        {"want_signed_requests": True, "signing_certificates": (certificate_text_of("wiki"),)},
        {"encrypt_assertions": True, "encryption_certificate": certificate_text_of("wiki")},
        {"sign_response": False},
        {"session_for": timedelta(minutes=5)},
        {"groups": tuple(group(f"g{number}") for number in range(200))},
    ],
)
def test_what_can_be_served_is_accepted(changes: Changes) -> None:
    """The twins of the refusals."""
    assert a_provider(**changes)


@pytest.mark.attack("MD-05")
@pytest.mark.parametrize(
    "location",
    [
        "javascript:alert(1)", "data:text/html,x", "http://wiki.example.test/acs", "ftp://wiki.example.test/",
        "https:wiki.example.test", "https:///acs", "//wiki.example.test/acs", "https://user@wiki.example.test/",
        "https://user:pw@wiki.example.test/", "https://wiki.example.test/a#b", "https://wiki.example.test/a b",
        "https://wiki.example.test/\n", "https://wiki.example.test\\@evil.test/", "https://wiki.example.test:0/",
        "https://wiki.example.test:99999/", "https://wiki.example.test/a/../b", "https://wiki.example.test/%2e%2e/b",
        "HTTPS://wiki.example.test/", "https://WIKI.example.test/", "https://wíki.example.test/", 'https://w.test/"',
        "https://w.test/<", f"https://w.test/{'x' * 2_048}", "http://127.0.0.1.evil.test/", "",
    ],
)  # fmt: skip
def test_addresses_that_no_response_may_go_to(location: str) -> None:
    """Other schemes than https, user parts, fragments and double spellings are refused, for each kind of endpoint."""
    with pytest.raises(MalformedLocation):
        check_location(location)
    with pytest.raises(Malformed):
        a_provider(acs=(AcsEndpoint(location),))
    with pytest.raises(Malformed):
        a_provider(logout=(LogoutEndpoint(ACS, Binding.HTTP_POST, location or "x"),))


@pytest.mark.attack("MD-05")
@pytest.mark.parametrize(
    "location",
    [
        "https://wiki.example.test/saml/acs", "https://wiki.example.test:8443/acs?tenant=1&x=%2F",
        "https://[2001:db8::1]/acs", "https://192.0.2.1/acs", "http://127.0.0.1:8000/acs", "http://localhost/acs",
    ],
)  # fmt: skip
def test_addresses_that_responses_may_go_to(location: str) -> None:
    """Ordinary addresses are taken as they are; whether plain loopback may be served is asked elsewhere."""
    assert check_location(location) == location


def test_endpoints_are_found_by_index_and_by_exact_address() -> None:
    """The default is the marked one, else the first; an address is compared character by character."""
    provider = a_provider()
    assert provider.default_acs.index == 0
    assert a_provider(acs=(AcsEndpoint(ACS, 3), AcsEndpoint(f"{ACS}/2", 1))).default_acs.index == 3
    assert (provider.acs_of_index(1), provider.acs_of_index(2)) == (provider.acs[1], None)
    assert provider.acs_of_location(ACS) == provider.acs[0]
    for near in (f"{ACS}/", ACS.upper(), f"{ACS}?", ACS[:-1], ACS.replace("https", "http")):
        assert provider.acs_of_location(near) is None
    assert provider.logout_for(Binding.HTTP_POST) == provider.logout[0]
    assert provider.logout_for(Binding.HTTP_REDIRECT) is None


def test_who_may_use_it(now: datetime) -> None:
    """Members of one of its groups, by identifier; everybody only where that is said; nobody who is disabled."""
    closed = a_provider(for_everyone=False, groups=(group("aa"), group("bb")))
    closed.check_may_use(jane(now, "cc", "bb"))
    a_provider().check_may_use(jane(now))
    nobody = a_provider(for_everyone=False)
    refused = (
        (closed, jane(now, "cc")),
        (nobody, jane(now, "aa")),
        (a_provider(), jane(now, state=AccountState.DISABLED)),
    )
    for provider, person in refused:
        with pytest.raises(ProviderNotForPerson):
            provider.check_may_use(person)


def test_what_a_service_learns(now: datetime) -> None:
    """Values come from the directory, the person or the agreement; without a value there is no attribute."""
    provider = a_provider(
        attributes=(
            ReleasedAttribute("urn:mail", Source.parse("person:mail"), friendly_name="mail"),
            ReleasedAttribute("dept", Source.parse("directory:departmentnumber"), NameFormat.BASIC),
            ReleasedAttribute("title", Source.parse("directory:title")),
            ReleasedAttribute("kind", Source.parse("constant:staff")),
            ReleasedAttribute("groups", Source.parse("person:group-names")),
            ReleasedAttribute("group-ids", Source.parse("person:group-ids")),
        )
    )
    told = {attribute.name: attribute for attribute in provider.attributes_for(jane(now, "bb", "aa"))}
    assert {name: attribute.values for name, attribute in told.items()} == {
        "urn:mail": ("jane@example.test",),
        "dept": ("4711", "4712"),
        "kind": ("staff",),
        "groups": ("aa", "bb"),
        "group-ids": ("aa", "bb"),
    }
    assert (told["urn:mail"].friendly_name, told["dept"].name_format) == ("mail", NameFormat.BASIC)
    assert provider.attributes_for(jane(now, mail=""))[0].name == "dept"


@pytest.mark.parametrize(
    "text",
    [
        "mail",
        "person:",
        "person:password",
        "directory:",
        "directory:a b",
        "constant:",
        "constant: x",
        "x:y",
        "made:",
        "made:mail",
    ],
)
def test_sources_that_name_nothing_are_refused(text: str) -> None:
    """A source is one of four kinds with a fitting value."""
    with pytest.raises(MalformedRelease):
        Source.parse(text)


def test_sources_are_written_as_they_are_read() -> None:
    """Every fact and every kind survives the way to text and back."""
    for text in (
        *(f"person:{fact}" for fact in Fact),
        "directory:departmentNumber",
        "constant:a:b",
        "made:subject-id",
    ):
        assert str(Source.parse(text)) == text


def test_an_attribute_stands_once() -> None:
    """Two of one name and format are refused; of two formats they are two."""
    mail = ReleasedAttribute("mail", Source.parse("person:mail"))
    with pytest.raises(MalformedRelease):
        a_provider(attributes=(mail, replace(mail, source=Source.parse("person:username"))))
    assert a_provider(attributes=(mail, replace(mail, name_format=NameFormat.BASIC)))
    for name in ("", " mail", "a\nb", "x" * 513):
        with pytest.raises(MalformedRelease):
            replace(mail, name=name)
