"""Identity and rules in, entitlements out."""

from datetime import timedelta
from typing import Any

import pytest

from idp.domain.aws.duration import Limit
from idp.domain.aws.role import AwsRole
from idp.domain.entitlements import RuleBook, entitlements, find_entitlement_by_name
from idp.domain.errors import DirectoryUnavailable, RoleNotGranted
from idp.domain.identity import GOES_ON, AccountState, DirectoryIdentity
from idp.domain.rules import Effect, Rule
from tests.unit.idp.domain.made_up import (
    ACCOUNT,
    BASE,
    NOW,
    OTHER_ACCOUNT,
    arn,
    by_name,
    exact,
    group,
    person,
    role,
)

NAMED = f"cn=AWS-{ACCOUNT}-ReadOnly,{BASE}"


def book(*rules: Rule, roles: tuple[AwsRole, ...] = (role(), role("Admin"))) -> RuleBook:
    return RuleBook(version=1, roles=roles, rules=rules)


def names(identity: DirectoryIdentity, rules: RuleBook) -> list[str]:
    return [given.role.arn.name for given in entitlements(identity, rules, now=NOW)]


def test_no_rule_means_no_role() -> None:
    """Nobody has a role by default; one rule gives the one role that it names."""
    assert entitlements(person(group()), book(), now=NOW) == ()
    assert entitlements(person(), book(exact()), now=NOW) == ()
    assert names(person(group()), book(exact())) == ["ReadOnly"]


@pytest.mark.parametrize("state", list(AccountState))
def test_an_account_in_a_state_that_does_not_go_on_has_no_role(state: AccountState) -> None:
    """A disabled or expired account has nothing, whatever its groups; one that is only locked keeps its roles."""
    given = entitlements(person(group(), state=state), book(exact()), now=NOW)
    assert bool(given) is (state in GOES_ON)


def test_each_entitlement_tells_its_rule_and_its_way() -> None:
    """The rule that decides, the group that met it, and every further ground are told."""
    way = ("cn=inner,dc=example,dc=test", f"cn=g1,{BASE}")
    nested = group().__class__("g1", f"cn=g1,{BASE}", way)
    [given] = entitlements(person(nested, group("g2")), book(exact(1), exact(2, "g2")), now=NOW)
    assert given.ground.rule.number == 1
    assert given.ground.group.way == way
    assert [ground.rule.number for ground in given.further_grounds] == [2]


def test_deny_wins_over_everything() -> None:
    """One denial in force outweighs every permission, by identifier or by pattern, whatever the order."""
    denials = (exact(9, "g9", effect=Effect.DENY), by_name(9, "g[9]", effect=Effect.DENY, role=arn()))
    for denial in denials:
        for rules in ((exact(), denial), (denial, exact())):
            assert names(person(group(), group("g9")), book(*rules)) == []
            assert names(person(group()), book(*rules)) == ["ReadOnly"]


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"starts_at": NOW}, True),
        ({"starts_at": NOW + timedelta(seconds=1)}, False),
        ({"ends_at": NOW}, False),
        ({"ends_at": NOW + timedelta(seconds=1)}, True),
    ],
)
def test_a_rule_counts_only_while_it_is_in_force(changes: dict[str, Any], counts: bool) -> None:  # noqa: FBT001 - a table's column
    """From its start, until before its end, and while it is switched on; permissions and denials alike."""
    assert bool(names(person(group()), book(exact(**changes)))) is counts
    denial = exact(2, effect=Effect.DENY, **changes)
    assert bool(names(person(group()), book(exact(), denial))) is not counts


def test_the_more_specific_rule_decides_the_duration() -> None:
    """Identifier, then literal account and role, then one literal, then none, whichever is longer."""
    hours = [timedelta(hours=number) for number in (4, 3, 2, 1)]
    rules = [
        exact(4, duration=hours[0]),
        by_name(3, "AWS-.*", role=arn(), duration=hours[1]),
        by_name(2, f"AWS-{ACCOUNT}-(?P<role>.*)", account=ACCOUNT, duration=hours[2]),
        by_name(1, duration=hours[3]),
    ]
    someone = person(group("g1", NAMED))
    for place in range(len(rules)):
        [given] = entitlements(someone, book(*rules[place:]), now=NOW)
        assert given.granted.duration == hours[place]


def test_between_equals_the_shorter_then_the_earlier_decides() -> None:
    """Of two rules of one kind the shorter length counts; of equal lengths the lower number."""
    two, one = exact(1, duration=timedelta(hours=2)), exact(2, "g2", duration=timedelta(hours=1))
    [given] = entitlements(person(group(), group("g2")), book(two, one), now=NOW)
    assert given.granted.duration == timedelta(hours=1)
    [given] = entitlements(person(group(), group("g2")), book(exact(7), exact(3, "g2")), now=NOW)
    assert given.ground.rule.number == 3


def test_the_length_is_the_roles_where_the_rule_has_none() -> None:
    """Without a length of its own a rule gives as long as the role allows, and never longer."""
    for rule in (exact(), exact(duration=timedelta(hours=12))):
        [given] = entitlements(person(group()), book(rule), now=NOW)
        assert (given.granted.duration, given.granted.limit) == (timedelta(hours=4), Limit.ROLE)


def test_a_renamed_group_keeps_its_rules_and_is_noted() -> None:
    """The identifier decides; that the shown name is another one is told, spelling apart."""
    rules = book(exact(group_dn="cn=old,dc=example,dc=test"))
    [given] = entitlements(person(group()), rules, now=NOW)
    assert given.ground.group_was_renamed
    for shown in ("", f"CN=G1, {BASE}"):
        [given] = entitlements(person(group()), book(exact(group_dn=shown)), now=NOW)
        assert not given.ground.group_was_renamed


def test_a_role_is_found_by_account_and_name_or_refused() -> None:
    """A role that is given is found; one that is not, and one that is nowhere, are refused alike."""
    rules = book(exact())
    found = find_entitlement_by_name(person(group()), rules, ACCOUNT, "ReadOnly", now=NOW)
    assert found.role == role()
    refusals = set()
    for account, name in ((ACCOUNT, "Admin"), (OTHER_ACCOUNT, "ReadOnly"), (ACCOUNT, "readonly")):
        with pytest.raises(RoleNotGranted) as refusal:
            find_entitlement_by_name(person(group()), rules, account, name, now=NOW)
        refusals.add((refusal.value.code, refusal.value.told))
    assert len(refusals) == 1


def test_a_name_that_cannot_be_read_gives_nothing_and_escapes_no_denial() -> None:
    """A group whose DN is no DN meets no permission; where a denial could concern it, nobody can tell."""
    unreadable = group("g2", "no name at all")
    assert names(person(group(), unreadable), book(exact(), by_name(2))) == ["ReadOnly"]
    denial = by_name(3, "x", effect=Effect.DENY, role=arn("Admin"))
    with pytest.raises(DirectoryUnavailable):
        entitlements(person(group(), unreadable), book(exact(), denial), now=NOW)


def test_a_denial_by_pattern_cannot_be_dodged_by_another_spelling() -> None:
    """Wide forms, accents and a second value in the leaf escape no denial, and gain no permission."""
    denial = by_name(2, "contractors.*", effect=Effect.DENY, role=arn())
    for dn in (
        f"cn=contractors,{BASE}",
        "cn=contractors,ou=\uff21\uff37\uff33,ou=groups,dc=example,dc=test",
        "cn=contractors,ou=áws,ou=groups,dc=example,dc=test",
        f"cn=contractors-Zürich,{BASE}",
        f"cn=contractors+ou=x,{BASE}",
        f"ou=x+cn=contractors,{BASE}",
    ):
        assert names(person(group(), group("g2", dn)), book(exact(), denial)) == []
    permission = by_name(3, "contractors.*", role=arn("Admin"))
    assert names(person(group("g2", f"cn=contractors,{BASE}")), book(permission)) == ["Admin"]
    for dn in (
        "cn=contractors,ou=\uff21\uff37\uff33,ou=groups,dc=example,dc=test",
        "cn=contractors,ou=áws,ou=groups,dc=example,dc=test",
        f"cn=contractors-Zürich,{BASE}",
        f"cn=contractors+ou=x,{BASE}",
    ):
        assert names(person(group("g2", dn)), book(permission)) == []


def test_answers_do_not_change_when_a_group_is_seen_again() -> None:
    """What is remembered of a name is what was found out."""
    rules, someone = book(by_name()), person(group("g1", NAMED))
    assert entitlements(someone, rules, now=NOW) == entitlements(someone, rules, now=NOW) != ()
