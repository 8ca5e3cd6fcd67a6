"""The walk on OpenLDAP: the nesting of all groups in one question finds what going level by level finds."""

import random
from dataclasses import replace
from datetime import datetime

import pytest

from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import nesting
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.member_levels import shown_members
from idp.domain.errors import DirectoryUnavailable
from tests.integration.idp.directory.test_ad_groups import reachable
from tests.servers.operations import counted_operations
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

GROUPS = 14


@pytest.fixture
def config(newcomers: Newcomers) -> DirectoryConfig:
    assert newcomers.slapd.process is not None
    return directory_config()


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("seed", range(6))
def test_both_ways_of_walking_agree(
    config: DirectoryConfig, newcomers: Newcomers, now: datetime, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """In random directories with diamonds and circles both find every group, by the same shortest ways."""
    chance = random.Random(seed)
    base = newcomers.slapd.base
    people = {f"w{number}": newcomers.person(f"w{number}") for number in range(3)}
    names = [f"cn=walk-{number},ou=groups,{base}" for number in range(GROUPS)]
    members: dict[str, list[str]] = {name: [f"cn=nobody,ou=people,{base}"] for name in names}
    edges: dict[str, set[str]] = {}
    for child in (*people.values(), *names):
        for parent in chance.sample(names, chance.choice([0, 1, 2, 3])):
            members[parent].append(child)
            edges.setdefault(child, set()).add(parent)
    newcomers.add_many(
        {
            name: {"objectClass": "groupOfNames", "cn": name[3:].partition(",")[0], "member": inside}
            for name, inside in members.items()
        }
    )
    at_once = {uid: LdapDirectory(config).find_by_name(uid, now=now) for uid in people}
    monkeypatch.setattr(nesting, "RULE", "noSuchMatch")
    by_level = {uid: LdapDirectory(config).find_by_name(uid, now=now) for uid in people}
    for uid, dn in people.items():
        found = at_once[uid]
        assert found is not None
        assert {group.dn for group in found.groups} == reachable(dn, edges)
        assert found == by_level[uid]


def test_four_operations_however_deep(config: DirectoryConfig, newcomers: Newcomers, now: datetime) -> None:
    """Ten levels cost what two cost."""
    inner = newcomers.person("deep")
    for level in range(10):
        inner = newcomers.group(f"level-{level}", inner)
    directory = LdapDirectory(config)
    directory.check_password("deep", RIGHT_PASSWORD, now=now)
    with counted_operations() as counted:
        identity = directory.check_password("deep", RIGHT_PASSWORD, now=now)
    assert len(identity.groups) == 10
    assert counted.operations <= 4, counted.told


def test_people_below_the_base_of_groups(
    config: DirectoryConfig, newcomers: Newcomers, now: datetime
) -> None:
    """Where people lie below the groups' base too, nobody's members are sent along: it goes level by level."""
    dn = newcomers.person("both")
    top = newcomers.group("above-it", newcomers.group("beneath-it", dn))
    whole = replace(config, group_base=newcomers.slapd.base)
    identity = LdapDirectory(whole).find_by_name("both", now=now)
    assert identity is not None
    assert top in {group.dn for group in identity.groups}
    assert identity == LdapDirectory(config).find_by_name("both", now=now)


@pytest.mark.fault(3)
def test_a_hidden_member_is_no_answer(
    config: DirectoryConfig, newcomers: Newcomers, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that is found by members which it does not show makes the directory unavailable."""
    newcomers.group("outer-one", newcomers.group("inner-one", newcomers.person("hidden")))
    assert LdapDirectory(config).find_by_name("hidden", now=now) is not None
    monkeypatch.setattr(
        nesting, "shown_members", lambda shown, given: shown_members({**shown, "member": []}, given)
    )
    with pytest.raises(DirectoryUnavailable, match="does not show"):
        LdapDirectory(config).find_by_name("hidden", now=now)
