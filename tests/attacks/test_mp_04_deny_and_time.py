"""MP-04: a denial wins; rules that are off, over or not yet in force do not count; no rule, no role."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.identity import GroupMembership
from idp.domain.rules import Effect, Rule
from tests.unit.idp.domain.made_up import NOW, ROLES, exact, group, group_sets, person, role, rule_lists

pytestmark = pytest.mark.attack("MP-04")


def has_role(*rules: Rule) -> bool:
    book = RuleBook(version=1, roles=[role()], rules=rules)
    return bool(entitlements(person(group(), group("g2")), book, now=NOW))


def test_any_number_of_permissions_yields_to_one_denial() -> None:
    """Doubled and overlapping permissions are one; a single denial by the same or another group ends them."""
    permissions = [exact(number, name) for number, name in enumerate(("g1", "g1", "g2"), 1)]
    assert has_role(*permissions)
    for name in ("g1", "g2"):
        assert not has_role(*permissions, exact(9, name, effect=Effect.DENY))
    assert has_role(*permissions, exact(9, "g3", effect=Effect.DENY))


@pytest.mark.parametrize(
    "changes",
    [{"enabled": False}, {"ends_at": NOW}, {"starts_at": NOW + timedelta(microseconds=1)}],
)
def test_a_rule_out_of_force_neither_gives_nor_denies(changes: dict[str, Any]) -> None:
    """Switched off, over or future rules are as if they were not there."""
    assert not has_role(exact(1, **changes))
    assert has_role(exact(1), exact(2, effect=Effect.DENY, **changes))
    assert not has_role(exact(1), exact(2, effect=Effect.DENY))


def test_no_rule_means_no_role_never_a_usual_one() -> None:
    """Registered roles and many groups are nothing without a rule."""
    assert not has_role()


@given(group_sets, rule_lists)
def test_each_role_given_has_a_permission_in_force_and_no_denial(
    groups: list[GroupMembership], rules: list[Rule]
) -> None:
    """For any groups and rules the answer is what the rules say when each is read by itself."""
    expected = set()
    for one in ROLES:
        alone = [
            rule.effect
            for rule in rules
            if rule.is_in_force(NOW)
            for member in groups
            if any(
                lead.role == one for lead in RuleBook(version=1, roles=ROLES, rules=[rule]).leads_of(member)
            )
        ]
        if Effect.ALLOW in alone and Effect.DENY not in alone:
            expected.add(one.arn)
    found = entitlements(person(*groups), RuleBook(version=1, roles=ROLES, rules=rules), now=NOW)
    assert {given_role.role.arn for given_role in found} == expected
