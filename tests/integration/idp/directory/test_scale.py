"""Large directories: a person in 2,000 groups that are nested eight levels deep, and what a sign-in with them costs.

An operation is one question to the server; the pages of one answer are not counted, nor is what opens a
connection.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from idp.conf.directories import DirectoryConfig, GroupMethod, directory_config
from idp.directory import nesting, searches
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable
from tests.servers.large import (
    BASE,
    BUSY,
    GROUPS_OF_ONE,
    LEVELS,
    LargeSlapd,
    large_company,
    let_in,
    load_large_domain,
)
from tests.servers.operations import counted_operations
from tests.servers.samba import GROUPS as AD_GROUPS
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc, active_directory_settings, free_copies
from tests.servers.slapd import RIGHT_PASSWORD, directory_settings, settings_changed

MOST_OPERATIONS = 4
PEOPLE, GROUPS = 100_000, 10_000
GROUPS_IN_AD = 2_000


@pytest.fixture(scope="module")
def large_slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LargeSlapd]:
    with LargeSlapd(tmp_path_factory.mktemp("large"), ldif=large_company(PEOPLE, GROUPS)) as slapd:
        yield slapd


@pytest.fixture(scope="module")
def large_domain(samba_template: SambaDc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaDc]:
    folder = tmp_path_factory.mktemp("large-domain")
    dc = load_large_domain(samba_template, folder, groups=GROUPS_IN_AD, address=next(free_copies))
    with dc:
        let_in(dc)
        yield dc


@contextmanager
def openldap(slapd: LargeSlapd) -> Iterator[DirectoryConfig]:
    with settings_changed(**directory_settings(slapd)):
        yield patient(directory_config())


@contextmanager
def active_directory(dc: SambaDc) -> Iterator[DirectoryConfig]:
    with settings_changed(**active_directory_settings(dc)):
        yield patient(directory_config())


def patient(config: DirectoryConfig) -> DirectoryConfig:
    """How long a loaded machine takes is not what these tests hold."""
    return replace(config, operation_seconds=60.0, sign_in_seconds=120.0)


def test_openldap_with_a_hundred_thousand_people(large_slapd: LargeSlapd, now: datetime) -> None:
    """All 2,000 groups are found, each with its way, by four operations at most; and by fewer within seconds."""
    with openldap(large_slapd) as config:
        directory = LdapDirectory(replace(config, reuse_seconds=0))
        # Connections stand; what the server can do, and its policies, are known.
        directory.check_password("u1", RIGHT_PASSWORD, now=now)
        with counted_operations() as counted:
            identity = directory.check_password(BUSY, RIGHT_PASSWORD, now=now)
        assert len(identity.groups) == GROUPS_OF_ONE
        assert max(len(group.way) for group in identity.groups) == LEVELS
        assert counted.operations <= MOST_OPERATIONS, counted.told

        remembering = LdapDirectory(replace(config, reuse_seconds=60))
        assert remembering.check_password(BUSY, RIGHT_PASSWORD, now=now) == identity
        with counted_operations() as again:
            assert remembering.check_password(BUSY, RIGHT_PASSWORD, now=now) == identity
        assert again.operations < counted.operations, again.told


def test_level_by_level_finds_the_same(
    large_slapd: LargeSlapd, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that cannot tell the nesting at once is walked level by level, to the same groups and ways."""
    with openldap(large_slapd) as config:
        identity = LdapDirectory(config).find_by_name(BUSY, now=now)
        monkeypatch.setattr(nesting, "RULE", "noSuchMatch")
        assert LdapDirectory(config).find_by_name(BUSY, now=now) == identity


@pytest.mark.fault(3)
def test_the_usual_limit_is_no_answer_for_the_busy_one(large_slapd: LargeSlapd, now: datetime) -> None:
    """A service account that is given 500 entries at most never makes a person of 500 groups out of 2,000."""
    with openldap(large_slapd) as config:
        limited = replace(config, bind_dn=f"uid=u2,ou=people,{BASE}", bind_password=RIGHT_PASSWORD)
        with pytest.raises(DirectoryUnavailable):
            LdapDirectory(limited).find_by_name(BUSY, now=now)
        assert LdapDirectory(config).find_by_name(BUSY, now=now) is not None


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("names", [True, False])
def test_active_directory_with_two_thousand_groups(
    large_domain: SambaDc,
    now: datetime,
    names: bool,  # noqa: FBT001 - both ways of asking
) -> None:
    """All 2,000 groups are found by four operations at most, names and all; by three where no rule goes by names."""
    with active_directory(large_domain) as config:
        directory = LdapDirectory(replace(config, reuse_seconds=0))
        directory.check_password(BUSY, AD_PASSWORD, now=now, names=names)
        with counted_operations() as counted:
            identity = directory.check_password(BUSY, AD_PASSWORD, now=now, names=names)
        named = [group for group in identity.groups if group.dn]
        assert len(named) == (GROUPS_OF_ONE + 1 if names else 0)
        assert len(identity.groups) > GROUPS_OF_ONE
        assert counted.operations <= (MOST_OPERATIONS if names else MOST_OPERATIONS - 1), counted.told


@pytest.mark.attack("LD-10")
def test_all_methods_agree_on_two_thousand_groups(large_domain: SambaDc, now: datetime) -> None:
    """The in-chain rule and the walk find what the token holds, eight levels deep."""
    with active_directory(large_domain) as config:
        found = [
            LdapDirectory(replace(config, group_method=method)).find_by_name(BUSY, now=now)
            for method in GroupMethod
        ]
        named = [{(group.group_id, group.dn) for group in one.groups if group.dn} for one in found if one]
        assert [len(one) for one in named] == [GROUPS_OF_ONE + 1] * len(GroupMethod)
        assert named[0] == named[1] == named[2]


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("portions", [False, True])
def test_more_members_than_one_answer_holds(
    large_domain: SambaDc,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    portions: bool,  # noqa: FBT001 - both kinds of server
) -> None:
    """Who is in a group of 1,600 others is found, however the server portions them, and by primary group as well."""
    if portions:
        in_portions(monkeypatch)
    with active_directory(large_domain) as config, newcomers_of(large_domain) as newcomers:
        directory = LdapDirectory(config)
        big = directory.find_group(f"CN=big,{AD_GROUPS}")
        assert big is not None
        assert [member.username for member in directory.members_of(big.group_id)] == [BUSY]
        dn = newcomers.person("newcomer")
        newcomers.join(f"CN=big,{AD_GROUPS}", dn)
        newcomers.change(dn, primaryGroupID=big.group_id.rpartition("-")[2])
        assert {member.username for member in directory.members_of(big.group_id)} == {BUSY, "newcomer"}
        identity = directory.find_by_name("newcomer", now=now)
        assert identity is not None
        assert big.group_id in {group.group_id for group in identity.groups}


@contextmanager
def newcomers_of(dc: SambaDc) -> Iterator[AdPeople]:
    made = AdPeople(dc)
    try:
        yield made
    finally:
        made.leave()


def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samba gives all members at once unless it is asked for a portion; Active Directory begins with one unasked."""
    search: Any = searches.search

    def portioned(link: object, base: str, scope: int, wanted: str, names: Sequence[str], **more: Any) -> Any:
        asked = ["member;range=0-1499" if name == "member" else name for name in names]
        return search(link, base, scope, wanted, asked, **more)

    monkeypatch.setattr(searches, "search", portioned)
