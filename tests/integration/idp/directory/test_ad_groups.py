"""Groups of groups in a real Active Directory, by each of the three methods."""

import random
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

import ldap
import pytest

from idp.conf.directories import DirectoryConfig, GroupMethod, directory_config
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.sids import sid_text
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import DirectoryIdentity
from tests.servers.samba import BASE, GROUPS, PEOPLE, AdPeople, SambaDc

METHODS = tuple(GroupMethod)
DOMAIN_USERS = f"CN=Domain Users,CN=Users,{BASE}"


@pytest.fixture
def config(active_directory: SambaDc) -> DirectoryConfig:
    assert active_directory.process is not None
    return directory_config()


def by(method: GroupMethod, config: DirectoryConfig) -> LdapDirectory:
    return LdapDirectory(replace(config, group_method=method))


def groups(identity: DirectoryIdentity | None) -> dict[str, str]:
    """The groups below the group base, by identifier."""
    assert identity is not None
    return {group.group_id: group.dn for group in identity.groups if group.dn}


def sid(ad_people: AdPeople, dn: str) -> str:
    return sid_text(ad_people.read(dn, "objectSid")["objectSid"][0])


def cn(number: int) -> str:
    return f"CN=random-{number},{GROUPS}"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_methods_agree(config: DirectoryConfig, ad_people: AdPeople, now: datetime, seed: int) -> None:
    """In random directories with diamonds and circles the three methods find the same groups, and the right ones."""
    chance = random.Random(seed)
    people = [ad_people.person(f"p{number}") for number in range(4)]
    for number in range(12):
        ad_people.group(f"random-{number}")
    edges: dict[str, set[str]] = {}
    for child in (*people, *map(cn, range(12))):
        for parent in chance.sample(range(12), chance.choice([0, 1, 2, 3])):
            if child != cn(parent):
                ad_people.join(cn(parent), child)
                edges.setdefault(child, set()).add(cn(parent))
    for number, dn in enumerate(people):
        expected = reachable(dn, edges)
        found = [groups(by(method, config).find_by_name(f"p{number}", now=now)) for method in METHODS]
        assert [set(one.values()) for one in found] == [expected] * len(METHODS)
        assert found[0] == found[1] == found[2]
        assert all(sid(ad_people, name) == group_id for group_id, name in found[0].items())


def reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    """Everything that can be reached from here."""
    seen: set[str] = set()
    pending = [start]
    while pending:
        for above in edges.get(pending.pop(), set()) - seen:
            seen.add(above)
            pending.append(above)
    return seen


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("method", METHODS)
def test_a_circle_ends_and_the_primary_group_counts(
    config: DirectoryConfig, ad_people: AdPeople, now: datetime, method: GroupMethod
) -> None:
    """A nested circle, the primary group, and what is above a primary group that lies outside the group base."""
    jane = ad_people.person("jane")
    one, two = ad_people.group("one", jane), ad_people.group("two")
    ad_people.join(two, one)
    ad_people.join(one, two)
    above = ad_people.group("above-everybody", DOMAIN_USERS)
    assert set(groups(by(method, config).find_by_name("jane", now=now)).values()) == {one, two, above}

    primary, higher = ad_people.group("primary", jane), ad_people.group("higher")
    ad_people.join(higher, primary)
    relative = sid(ad_people, primary).rpartition("-")[2]
    ad_people.change(jane, primaryGroupID=relative)
    found = set(groups(by(method, config).find_by_name("jane", now=now)).values())
    # Whoever has another primary group is named as a member of Domain Users instead.
    assert found == {one, two, above, primary, higher}
    ad_people.change(jane, primaryGroupID="513")


@pytest.mark.parametrize("method", METHODS)
def test_only_security_groups_count(
    config: DirectoryConfig, ad_people: AdPeople, now: datetime, method: GroupMethod
) -> None:
    """A distribution list gives nothing, though its name may say so; the security group beside it does."""
    jane = ad_people.person("jane")
    ad_people.group("mailing-list", jane, groupType="2")
    real = ad_people.group("real", jane)
    assert set(groups(by(method, config).find_by_name("jane", now=now)).values()) == {real}


def test_the_walk_tells_the_way(config: DirectoryConfig, ad_people: AdPeople, now: datetime) -> None:
    """The walk shows each group with a shortest way to it."""
    jane = ad_people.person("jane")
    inner = ad_people.group("inner", jane)
    outer = ad_people.group("outer", inner)
    identity = by(GroupMethod.WALK, config).find_by_name("jane", now=now)
    assert identity is not None
    assert {group.dn: group.way for group in identity.groups} == {inner: (inner,), outer: (inner, outer)}


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("method", METHODS)
def test_a_look_alike_is_another_group(
    config: DirectoryConfig, ad_people: AdPeople, now: datetime, method: GroupMethod
) -> None:
    """Same name in a delegated unit, in another script, with a trailing space: none of them is the group."""
    jane, mallory = ad_people.person("jane"), ad_people.person("mallory")
    real = ad_people.group("aws-admins", jane)
    delegated = ad_people.add(f"OU=Delegated,{PEOPLE}", objectClass="organizationalUnit")
    ad_people.group("aws-admins", mallory, below=delegated, sAMAccountName="aws-admins-2")
    homoglyph = ad_people.group("aws-\u0430dmins", mallory, sAMAccountName="aws-admins-3")
    unit = ad_people.add(f"OU=Own,{GROUPS}", objectClass="organizationalUnit")
    padded = ad_people.add(
        f"CN=AWS-Admins\\20,{unit}", objectClass="group", sAMAccountName="aws-admins-4", member=mallory
    )
    directory = by(method, config)
    admins = directory.find_group(real)
    assert admins is not None
    assert admins.group_id == sid(ad_people, real)
    assert set(groups(directory.find_by_name("jane", now=now))) == {admins.group_id}
    found = groups(directory.find_by_name("mallory", now=now))
    assert admins.group_id not in found
    assert set(found) == {sid(ad_people, homoglyph), sid(ad_people, padded)}


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_principal_is_nobody_here(
    config: DirectoryConfig, ad_people: AdPeople, now: datetime, method: GroupMethod
) -> None:
    """A group whose member is somebody of another domain gives nothing to whoever is named like them here."""
    foreign = "S-1-5-21-1111111111-2222222222-3333333333-1105"
    jane = ad_people.person("jane")
    mixed = ad_people.group("mixed")
    ad_people.link.modify_s(mixed, [(ldap.MOD_ADD, "member", [f"<SID={foreign}>".encode()])])
    ad_people.person("foreigner", cn=foreign)
    own = ad_people.group("own", jane)
    directory = by(method, config)
    assert set(groups(directory.find_by_name("foreigner", now=now)).values()) == set()
    assert set(groups(directory.find_by_name("jane", now=now)).values()) == {own}
    found = directory.find_group(mixed)
    assert found is not None
    assert list(directory.members_of(found.group_id)) == []


def test_a_renamed_and_moved_group_stays_the_same(
    config: DirectoryConfig, ad_people: AdPeople, now: datetime
) -> None:
    """The identifier survives another name and another unit; whoever gets the old name is another group."""
    jane = ad_people.person("jane")
    dn = ad_people.group("before", jane)
    directory = LdapDirectory(config)
    first = directory.find_group(dn)
    assert first is not None
    unit = ad_people.add(f"OU=Elsewhere,{GROUPS}", objectClass="organizationalUnit")
    moved = ad_people.rename(dn, "CN=after", below=unit)
    ad_people.group("before", sAMAccountName="before-2")
    assert groups(directory.find_by_name("jane", now=now)) == {first.group_id: moved}
    again, other = directory.find_group(moved), directory.find_group(dn)
    assert again is not None
    assert other is not None
    assert again.group_id == first.group_id != other.group_id
    assert directory.find_group(first.group_id.upper()) == again
    ad_people.remove(moved)
    ad_people.remove(unit)


def test_a_group_is_found_by_its_guid_as_well(config: DirectoryConfig, ad_people: AdPeople) -> None:
    """Who knows a group by its objectGUID finds it, and learns the SID by which rules hold it."""
    dn = ad_people.group("known")
    directory = LdapDirectory(config)
    guid = ad_people.read(dn, "objectGUID")["objectGUID"][0]
    found = directory.find_group(str(uuid.UUID(bytes_le=guid)))
    assert found is not None
    assert (found.dn, found.group_id) == (dn, sid(ad_people, dn))
    assert directory.find_group("no-identifier") is None


def test_without_names_the_identifiers_are_the_same(
    config: DirectoryConfig, ad_people: AdPeople, now: datetime
) -> None:
    """Where no rule goes by names, the token's identifiers come alone, and say so."""
    jane = ad_people.person("jane")
    inner = ad_people.group("inner", jane)
    outer = ad_people.group("outer", inner)
    directory = LdapDirectory(config)
    named = directory.find_by_name("jane", now=now)
    assert named is not None
    bare = directory.find(named.immutable_id, now=now, names=False)
    assert bare is not None
    assert (named.groups_named, bare.groups_named) == (True, False)
    assert {sid(ad_people, inner), sid(ad_people, outer)} < {group.group_id for group in bare.groups}
    assert {group.group_id for group in bare.groups} == {group.group_id for group in named.groups}
    assert {group.dn for group in bare.groups} == {""}


@pytest.mark.fault(3)
@pytest.mark.parametrize("hidden", ["tokenGroups", "objectSid", "primaryGroupID"])
def test_what_is_hidden_is_no_answer(
    config: DirectoryConfig,
    ad_people: AdPeople,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    hidden: str,
) -> None:
    """Where our service account may not read the token, or what completes it, the directory is unavailable."""
    ad_people.group("some", ad_people.person("jane"))
    directory = LdapDirectory(config)
    assert directory.find_by_name("jane", now=now) is not None
    hide(monkeypatch, hidden)
    with pytest.raises(DirectoryUnavailable, match=hidden):
        LdapDirectory(config).find_by_name("jane", now=now)


def hide(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    """The server's answers come without this attribute, as to somebody who may not read it."""
    from idp.directory import searches  # noqa: PLC0415 - what is changed for this test

    search: Any = searches.search

    def without(*args: object, **kwargs: object) -> list[tuple[str, dict[str, list[bytes]]]]:
        found = search(*args, **kwargs)
        return [
            (dn, {name: values for name, values in shown.items() if name != hidden}) for dn, shown in found
        ]

    monkeypatch.setattr(searches, "search", without)
