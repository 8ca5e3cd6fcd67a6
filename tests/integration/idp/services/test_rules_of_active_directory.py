"""Rules and the groups of an Active Directory: identifiers decide; names are asked for where rules go by them."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from idp.domain.assertion import NewIds
from idp.domain.errors import DirectoryUnavailable
from idp.domain.origin import Origin
from idp.domain.released_attribute import ReleasedAttribute, Source
from idp.models import Rule, User
from idp.services.entitlements import entitlements_of
from idp.services.identity import current_identity, recent_answers
from idp.services.keys import make_signing_key
from idp.services.mapping import export_mapping
from idp.services.provider_statement import SignedIn, Statement, Wish, issue_statement
from idp.services.rules import RulesUnavailable, current_rules, names_matter
from tests.integration.idp.services.doors import person_who_enters
from tests.integration.idp.services.mappings import ADMIN, PATTERN, READ, document, take_over
from tests.providers import a_provider
from tests.servers.operations import counted_operations
from tests.servers.samba import GROUPS, RIGHT_PASSWORD, AdPeople
from tests.servers.slapd import directory_gone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("active_directory")]

LATER = timedelta(minutes=1)


def guid(ad_people: AdPeople, dn: str) -> str:
    return str(uuid.UUID(bytes_le=ad_people.read(dn, "objectGUID")["objectGUID"][0]))


def rule(name: str, group: dict[str, str], *, role: str = READ, effect: str = "allow") -> dict[str, object]:
    return {"name": name, "group": group, "role": role, "effect": effect}


def arns(person: User) -> list[str]:
    recent_answers.clear()
    return [str(given.role.arn) for given in entitlements_of(person, now=timezone.now())]


@pytest.mark.attack("LD-10")
def test_an_identifier_of_any_kind_becomes_the_sid(ad_people: AdPeople) -> None:
    """A group that the file names by objectGUID or DN is held by its SID, and keeps its rule when it is moved."""
    group = ad_people.group("readers", ad_people.person("jane"))
    for named in ({"id": guid(ad_people, group)}, {"dn": group}):
        take_over(document(rule("readers read", named)))
        held = Rule.objects.get().group_id
        assert held.startswith("s-1-5-21-")
        assert f"id: {held}" in export_mapping()
    person = person_who_enters("jane", RIGHT_PASSWORD)
    assert arns(person) == [READ]
    unit = ad_people.add(f"OU=Moved,{GROUPS}", objectClass="organizationalUnit")
    moved = ad_people.rename(group, "CN=renamed", below=unit)
    assert arns(person) == [READ]
    ad_people.group("readers", sAMAccountName="readers-2")
    ad_people.leave_group(moved, f"CN=jane,OU=People,{GROUPS.partition(',')[2]}")
    ad_people.join(group, f"CN=jane,OU=People,{GROUPS.partition(',')[2]}")
    assert arns(person) == [], "a new group of the old name is another one"
    ad_people.remove(moved)
    ad_people.remove(unit)


def test_names_are_asked_for_where_a_rule_goes_by_them(ad_people: AdPeople) -> None:
    """Exact rules are decided by the token; with a pattern the names come too, one operation more."""
    jane = ad_people.person("jane")
    unit = ad_people.add(f"OU=AWS,{GROUPS}", objectClass="organizationalUnit")
    exact = ad_people.group("readers", jane)
    ad_people.group("AWS-111122223333-Admin", jane, below=unit)
    take_over(document(rule("exact", {"dn": exact})))
    person = person_who_enters("jane", RIGHT_PASSWORD)
    assert not names_matter()
    with counted_operations() as bare:
        assert arns(person) == [READ]
    assert not current_identity(person, now=timezone.now()).groups_named
    by_name: dict[str, object] = {"name": "by name", "pattern": PATTERN, "base": unit, "effect": "allow"}
    take_over(document(rule("exact", {"dn": exact}), by_name))
    assert names_matter()
    # The answer of a moment ago does not tell names: it is not used again.
    assert [str(given.role.arn) for given in entitlements_of(person, now=timezone.now())] == [ADMIN, READ]
    with counted_operations() as named:
        assert arns(person) == [ADMIN, READ]
    assert named.operations == bare.operations + 1


@pytest.mark.attack("MP-04")
def test_a_denial_by_name_is_never_missed(ad_people: AdPeople) -> None:
    """While only an answer without names is there, a denial that goes by names refuses everything."""
    jane = ad_people.person("jane")
    unit = ad_people.add(f"OU=AWS,{GROUPS}", objectClass="organizationalUnit")
    exact = ad_people.group("readers", jane)
    ad_people.group("AWS-111122223333-ReadOnly", jane, below=unit)
    take_over(document(rule("exact", {"dn": exact})))
    person = person_who_enters("jane", RIGHT_PASSWORD)
    assert arns(person) == [READ]
    denial: dict[str, object] = {"name": "no", "pattern": PATTERN, "base": unit, "effect": "deny"}
    take_over(document(rule("exact", {"dn": exact}), denial))
    with directory_gone(), pytest.raises(DirectoryUnavailable, match="names"):
        entitlements_of(person, now=timezone.now() + LATER)
    assert arns(person) == []


@pytest.mark.attack("MP-04")
def test_a_denial_that_could_concern_nobody_is_told(ad_people: AdPeople) -> None:
    """A denial whose identifier no membership can carry closes everything, until it is written as groups are held."""
    group = ad_people.group("readers", ad_people.person("jane"))
    take_over(document(rule("no", {"dn": group}, effect="deny")))
    assert len(current_rules().rules) == 1
    Rule.objects.update(group_id=guid(ad_people, group))
    with pytest.raises(RulesUnavailable, match="no directory has groups of this form"):
        current_rules()
    take_over(document(rule("no", {"id": guid(ad_people, group)}, effect="deny")))
    assert len(current_rules().rules) == 1


@pytest.mark.attack("LD-10")
@pytest.mark.usefixtures("key_dir")
def test_a_service_is_not_told_of_no_groups_where_their_names_are_not_known(ad_people: AdPeople) -> None:
    """While only an answer without names is there, a service that learns them gets nothing; another one is served."""
    ad_people.group("readers", ad_people.person("jane"))
    make_signing_key(now=timezone.now())
    person = person_who_enters("jane", RIGHT_PASSWORD)
    names, of_groups = "urn:example:names", Source.parse("person:group-names")
    learns = a_provider(attributes=(ReleasedAttribute(names, of_groups),))

    def statement(**changes: object) -> Statement:
        now = timezone.now()
        return issue_statement(
            provider=a_provider(**changes) if changes else learns,
            endpoint=learns.default_acs,
            wish=Wish(),
            signed_in=SignedIn(person, "a-session", now),
            origin=Origin("203.0.113.7", "REF"),
            now=now,
            ids=NewIds("_response", "_assertion", "_session"),
        )

    recent_answers.clear()
    assert not current_identity(person, now=timezone.now()).groups_named
    with directory_gone():
        recent_answers.clear()
        with pytest.raises(DirectoryUnavailable, match="names"):
            statement()
        statement(name="of no groups")
    recent_answers.clear()
    assert b"readers" in statement().response.document
    with directory_gone():
        recent_answers.clear()
        assert b"readers" in statement().response.document, "the last answer tells the names"
