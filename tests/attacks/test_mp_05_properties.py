"""MP-05: groups only ever matter in one direction, and nothing depends on order or locale."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.arn import RoleArn
from idp.domain.entitlements import Entitlement, RuleBook, entitlements
from idp.domain.identity import GroupMembership
from idp.domain.rules import Effect, Rule
from tests.unit.idp.domain.made_up import NOW, ROLES, group_sets, groups, person, rule_lists

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.attack("MP-05")


def found(members: list[GroupMembership], rules: list[Rule]) -> tuple[Entitlement, ...]:
    return entitlements(person(*members), RuleBook(version=1, roles=ROLES, rules=rules), now=NOW)


def roles(members: list[GroupMembership], rules: list[Rule]) -> set[RoleArn]:
    return {one.role.arn for one in found(members, rules)}


def denied(members: list[GroupMembership], rules: list[Rule]) -> set[RoleArn]:
    """Every role that is denied: those that a permission for everybody would not give."""
    book = RuleBook(version=1, roles=ROLES, rules=rules)
    leads = [lead for member in members for lead in book.leads_of(member)]
    return {
        lead.role.arn
        for lead in leads
        if lead.role is not None and lead.rule.effect is Effect.DENY and lead.rule.is_in_force(NOW)
    }


@given(group_sets, groups, rule_lists)
def test_adding_a_group_never_removes_a_denial(
    members: list[GroupMembership], another: GroupMembership, rules: list[Rule]
) -> None:
    """What is denied stays denied, whatever group comes to it; and what is denied is not given."""
    before, after = denied(members, rules), denied([*members, another], rules)
    assert before <= after
    assert not after & roles([*members, another], rules)


@given(group_sets.filter(bool), st.data(), rule_lists)
def test_removing_a_group_never_adds_a_role_unless_a_denial_named_it(
    members: list[GroupMembership], data: st.DataObject, rules: list[Rule]
) -> None:
    """Leaving a group gains a role only where a denial in force named that very group for that role."""
    left = data.draw(st.sampled_from(members))
    remaining = [member for member in members if member != left]
    gained = roles(remaining, rules) - roles(members, rules)
    assert gained <= denied([left], rules)


@given(group_sets, rule_lists, st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_any_order(
    members: list[GroupMembership], rules: list[Rule], chance: random.Random
) -> None:
    """Groups, rules and roles in any order, even groups told twice: the same roles, lengths and deciding rules."""
    expected = found(members, rules)
    shuffled_members, shuffled_rules, shuffled_roles = list(members), list(rules), list(ROLES)
    for anything in (shuffled_members, shuffled_rules, shuffled_roles):
        chance.shuffle(anything)
    book = RuleBook(version=1, roles=shuffled_roles, rules=shuffled_rules)
    assert entitlements(person(*shuffled_members), book, now=NOW) == expected
    doubled = entitlements(person(*shuffled_members, *members), book, now=NOW)
    assert [(one.role, one.granted, one.ground) for one in doubled] == [
        (one.role, one.granted, one.ground) for one in expected
    ]


PROGRAM = r"""
import locale
locale.setlocale(locale.LC_ALL, "")
from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.groups import parse_dn
from tests.unit.idp.domain.made_up import *
members = [group("g1")]
members += [group(name, f"CN=AWS-{account}-{name},{BASE.upper()}") for account in ACCOUNTS for name in NAMES]
rules = [exact(1, duration=timedelta(hours=1)), by_name(2), by_name(3, "(?i)aws-.*-ADMIN2", role=arn("Admin2"))]
book = RuleBook(version=1, roles=ROLES, rules=rules)
for one in entitlements(person(*members), book, now=NOW):
    print(one.role.arn, one.granted.seconds, one.ground.rule.number)
print(ascii(parse_dn("CN=I\u0130i\u0131,OU=AWS")))
"""


def test_the_result_does_not_depend_on_the_locale() -> None:
    """In every locale of the machine, and with and without UTF-8, the same groups give the same roles."""
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=True).stdout.split()
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"LC_ALL": name, "PYTHONUTF8": utf8, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in {"C", *known[:3]}
        for utf8 in ("0", "1")
    }
    [answer] = answers
    assert answer.count("arn:aws:iam::") == len(ROLES)
