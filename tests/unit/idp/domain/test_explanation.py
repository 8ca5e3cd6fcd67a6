"""Why, and why not."""

from datetime import timedelta

import pytest

from idp.domain.entitlements import RuleBook
from idp.domain.explanation import Outcome, explain, explain_all
from idp.domain.identity import AccountState
from idp.domain.rules import Effect, Rule
from tests.unit.idp.domain.made_up import ACCOUNT, BASE, NOW, arn, by_name, exact, group, person, role

SOMEONE = person(group(), group("g7", f"cn=AWS-{ACCOUNT}-ReadOnly,{BASE}"))


def book(*rules: Rule) -> RuleBook:
    return RuleBook(version=1, roles=[role(), role("Admin")], rules=rules)


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (exact(), Outcome.ALLOWS),
        (by_name(), Outcome.ALLOWS),
        (exact(effect=Effect.DENY), Outcome.DENIES),
        (exact(enabled=False), Outcome.SWITCHED_OFF),
        (exact(starts_at=NOW + timedelta(days=1)), Outcome.NOT_YET),
        (exact(ends_at=NOW), Outcome.OVER),
        (exact(1, "g2"), Outcome.NOT_IN_GROUP),
    ],
)
def test_each_rule_that_concerns_the_role_tells_what_became_of_it(rule: Rule, outcome: Outcome) -> None:
    """Met or not, in force or not: the outcome says which, and a yes goes with exactly the permissions."""
    told = explain(SOMEONE, book(rule), arn(), now=NOW)
    assert [one.outcome for one in told.considered] == [outcome]
    assert (told.entitlement is not None) is (outcome is Outcome.ALLOWS)
    assert (told.considered[0].group is None) is (outcome is Outcome.NOT_IN_GROUP)


def test_rules_for_other_roles_are_left_out() -> None:
    """Only what could give or deny the role in question is told."""
    other = exact(2, role=arn("Admin"))
    assert [one.rule.number for one in explain(SOMEONE, book(exact(), other), arn(), now=NOW).considered] == [
        1
    ]


def test_a_role_that_is_not_registered_is_told_as_such() -> None:
    """A group may spell what it likes: without registration there is no role, and the answer says so."""
    spelling = person(group("g7", f"cn=AWS-{ACCOUNT}-Unheard,{BASE}"))
    [told] = explain_all(spelling, book(by_name()), now=NOW)
    assert (told.account, told.role_name, told.arn, told.role) == (ACCOUNT, "Unheard", None, None)
    assert [one.outcome for one in told.considered] == [Outcome.NOT_REGISTERED]
    asked = explain(spelling, book(by_name()), arn("Unheard"), now=NOW)
    assert asked.role is None
    assert [one.outcome for one in asked.considered] == [Outcome.NOT_REGISTERED]


def test_without_a_role_every_lead_is_explained() -> None:
    """Given, denied and unregistered roles each have their chain, in the order of account and name."""
    rules = book(exact(), exact(2, role=arn("Admin")), exact(3, effect=Effect.DENY, role=arn("Admin")))
    told = explain_all(SOMEONE, rules, now=NOW)
    assert [(one.role_name, one.entitlement is not None) for one in told] == [
        ("Admin", False),
        ("ReadOnly", True),
    ]


def test_a_disabled_account_is_told() -> None:
    """The chain stands, but the answer is no, and why."""
    told = explain(person(group(), state=AccountState.DISABLED), book(exact()), arn(), now=NOW)
    assert told.entitlement is None
    assert not told.account_may_receive
