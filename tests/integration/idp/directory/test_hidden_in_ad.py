"""What a real Active Directory hides from our service account by its access lists is no answer about anybody."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.conf.directories import GroupMethod, directory_config
from idp.directory.connections import Connections
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.password_policy import Policies
from idp.directory.sids import sid_text
from idp.directory.typed_names import typed_name
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import AccountState
from idp.domain.password_policy import Lockout
from tests.servers.operations import counted_operations
from tests.servers.samba import (
    BASE,
    DISABLED,
    NORMAL_ACCOUNT,
    PEOPLE,
    RIGHT_PASSWORD,
    SERVICE_DN,
    AdPeople,
    SambaDc,
    active_directory_settings,
    controller,
)
from tests.servers.slapd import settings_changed

pytestmark = pytest.mark.fault(3)

METHODS = tuple(GroupMethod)
READS_EVERYTHING = f"CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{BASE}"
READS_TOKENS = f"CN=Windows Authorization Access Group,CN=Builtin,{BASE}"
# [MS-ADTS] 3.1.1.2.3.3 and [MS-ADA2], [MS-ADA3]: property sets, attributes and a class, by their GUIDs.
ACCOUNT_RESTRICTIONS = "4c164200-20c0-11d0-a768-00aa006e0529"
ACCOUNT_CONTROL = "bf967a68-0de6-11d0-a285-00aa003049e2"
ACCOUNT_EXPIRES = "bf967915-0de6-11d0-a285-00aa003049e2"
MEMBER_OF = "bf967991-0de6-11d0-a285-00aa003049e2"
USER = "bf967aba-0de6-11d0-a285-00aa003049e2"
# What is hidden of somebody, and what is then done to their account.
HIDDEN = (ACCOUNT_RESTRICTIONS, ACCOUNT_CONTROL, ACCOUNT_EXPIRES)
CLOSED = {
    ACCOUNT_RESTRICTIONS: {"userAccountControl": str(NORMAL_ACCOUNT | DISABLED)},
    ACCOUNT_CONTROL: {"userAccountControl": str(NORMAL_ACCOUNT | DISABLED)},
    ACCOUNT_EXPIRES: {"accountExpires": "131000000000000000"},
}


@pytest.fixture(scope="module")
def own_controller(samba_template: SambaDc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaDc]:
    with controller(samba_template, tmp_path_factory.mktemp("hiding")) as dc:
        yield dc


@pytest.fixture
def people(own_controller: SambaDc) -> Iterator[AdPeople]:
    made = AdPeople(own_controller)
    with settings_changed(**active_directory_settings(own_controller)):
        yield made
    made.leave()


@pytest.fixture
def everybody_reads_nothing(people: AdPeople) -> Iterator[AdPeople]:
    """The domain as hardening guides want it: who has signed in may not read everything of everybody."""
    members = [member.decode() for member in people.read(READS_EVERYTHING, "member")["member"]]
    people.leave_group(READS_EVERYTHING, *members)
    yield people
    people.join(READS_EVERYTHING, *members)


def let_read(people: AdPeople, unit: str) -> None:
    """Our service account has the right that the handbook names: all properties of the users below this unit."""
    grant = f"(OA;CIIO;RP;;{USER};{service_sid(people)})"
    people.dc.tool("dsacl", "set", f"--objectdn={unit}", f"--sddl={grant}")


def by(method: GroupMethod) -> LdapDirectory:
    return LdapDirectory(replace(directory_config(), group_method=method))


def service_sid(people: AdPeople) -> str:
    return sid_text(people.read(SERVICE_DN, "objectSid")["objectSid"][0]).upper()


def hide(people: AdPeople, dn: str, what: str) -> None:
    """Our service account may not read this of the entry."""
    people.dc.tool("dsacl", "set", f"--objectdn={dn}", f"--sddl=(OD;;RP;{what};;{service_sid(people)})")


@pytest.mark.attack("LD-07")
@pytest.mark.parametrize("what", HIDDEN)
def test_a_hidden_state_is_no_answer(people: AdPeople, now: datetime, what: str) -> None:
    """Somebody whose state may not be read is neither enabled nor tried; the one beside them is found as before."""
    people.group("both", people.person("jack"), people.person("jane"))
    directory = LdapDirectory(directory_config())
    jane = directory.check_password("jane", RIGHT_PASSWORD, now=now)
    assert jane.state is AccountState.ENABLED
    hide(people, jane.dn, what)
    people.change(jane.dn, **CLOSED[what])
    asks: tuple[Callable[[], object], ...] = (
        lambda: directory.find_by_name("jane", now=now),
        lambda: directory.find(jane.immutable_id, now=now),
        lambda: directory.check_password("jane", RIGHT_PASSWORD, now=now),
        lambda: directory.change_password("jane", RIGHT_PASSWORD, "Another-Passw0rd-2", now=now),
    )
    for ask in asks:
        with (
            counted_operations() as counted,
            pytest.raises(DirectoryUnavailable, match=r"does not show .*may we"),
        ):
            ask()
        assert not [told for told in counted.told if "=jane," in told.lower() and "bind" in told]
    look = directory.look_for(typed_name("jane"), now=now)
    assert (look.found, look.state, look.identity) == ((jane.dn,), None, None)
    assert look.problem is not None
    jack = directory.find_by_name("jack", now=now)
    assert jack is not None
    assert (jack.state, len(jack.groups)) == (AccountState.ENABLED, len(jane.groups))
    answers = dict(directory.find_each([jane.immutable_id, jack.immutable_id], now=now))
    assert isinstance(answers[jane.immutable_id], DirectoryUnavailable)
    assert answers[jack.immutable_id] == jack


def test_what_is_hidden_of_people_is_told_to_the_operator(people: AdPeople) -> None:
    """The examination finds it; without anything hidden all is well."""
    people.group("some", people.person("jane"))
    assert LdapDirectory(directory_config()).examine().is_well
    hide(people, f"CN=jane,{PEOPLE}", HIDDEN[0])
    (amiss,) = [found for found in LdapDirectory(directory_config()).examine().findings if not found.is_well]
    assert amiss.what == "their state"
    assert "userAccountControl" in amiss.told


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("method", METHODS)
def test_where_people_show_nothing_but_their_names(
    everybody_reads_nothing: AdPeople, now: datetime, method: GroupMethod
) -> None:
    """By no method is that an answer, nor with the right to read tokens; by every one once people may be read."""
    people = everybody_reads_nothing
    unit = people.add(f"OU=Read,{PEOPLE}", objectClass="organizationalUnit")
    outer = people.group("outer", people.group("inner", people.person("jane", below=unit)))
    people.person("alone", below=unit)
    for may_read_tokens in (False, True):
        if may_read_tokens:
            people.join(READS_TOKENS, SERVICE_DN)
        with pytest.raises(DirectoryUnavailable, match="may we read all properties of people"):
            by(method).find_by_name("jane", now=now)
    people.leave_group(READS_TOKENS, SERVICE_DN)
    let_read(people, unit)
    jane, alone = (by(method).find_by_name(name, now=now) for name in ("jane", "alone"))
    assert jane is not None
    assert alone is not None
    assert jane.state is AccountState.ENABLED
    assert outer in {group.dn for group in jane.groups}
    assert not [group for group in alone.groups if group.dn]


@pytest.mark.attack("BF-02")
def test_a_hidden_policy_is_not_taken_for_the_domains(everybody_reads_nothing: AdPeople) -> None:
    """Where the entry would not show who has a policy of their own, the assumed one holds; else the domain's."""
    people, config = everybody_reads_nothing, directory_config()
    unit = people.add(f"OU=Policy,{PEOPLE}", objectClass="organizationalUnit")
    people.person("jane", below=unit)
    grant = f"(OA;CIIO;RP;{ACCOUNT_RESTRICTIONS};{USER};{service_sid(people)})"
    people.dc.tool("dsacl", "set", f"--objectdn={unit}", f"--sddl={grant}")
    held = []
    for may_read_all in (False, True):
        if may_read_all:
            let_read(people, unit)
        ((_, jane),) = LdapDirectory(config).people_named(typed_name("jane"))
        assert jane["userAccountControl"]
        assumed = Lockout(5, timedelta(minutes=30))
        policies = Policies(config, Connections(config).service, assumed=assumed)
        held.append((policies.of(jane).lockout.threshold, policies.of(jane).is_read))
    assert held == [(5, False), (0, True)]


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize("whose", ["jane", "inner"])
def test_a_hidden_back_link_is_no_answer(people: AdPeople, now: datetime, whose: str) -> None:
    """The walk takes nobody for a member of fewer groups, wherever on the way a back link is hidden."""
    jane = people.person("jane")
    inner = people.group("inner", jane)
    outer = people.group("outer", inner)
    before = by(GroupMethod.WALK).find_by_name("jane", now=now)
    assert before is not None
    assert {group.dn for group in before.groups} == {inner, outer}
    hide(people, {"jane": jane, "inner": inner}[whose], MEMBER_OF)
    with pytest.raises(DirectoryUnavailable, match="shows no memberOf"):
        by(GroupMethod.WALK).find_by_name("jane", now=now)
    for other in (GroupMethod.IN_CHAIN, GroupMethod.TOKEN_GROUPS):
        found = by(other).find_by_name("jane", now=now)
        assert found is not None
        assert {inner, outer} <= {group.dn for group in found.groups}
