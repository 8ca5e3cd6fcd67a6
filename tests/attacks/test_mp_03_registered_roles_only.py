"""MP-03: what a name of a group spells is never an ARN; only registered roles are given."""

import pytest
from hypothesis import given

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.role import MalformedRole
from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.identity import GroupMembership
from idp.domain.rules import Effect, Rule
from tests.unit.idp.domain.made_up import (
    ACCOUNT,
    BASE,
    NOW,
    OTHER_ACCOUNT,
    ROLES,
    arn,
    by_name,
    group,
    group_sets,
    person,
    role,
    rule_lists,
)

pytestmark = pytest.mark.attack("MP-03")


def test_an_account_or_role_that_is_not_registered_gives_nothing() -> None:
    """A well-formed name of an unknown account or role leads nowhere; registering it makes the difference."""
    rules = [by_name()]
    for account, name in (("999999999999", "Admin"), (ACCOUNT, "Unheard"), (OTHER_ACCOUNT, "Admin")):
        someone = person(group("g1", f"cn=AWS-{account}-{name},{BASE}"))
        assert entitlements(someone, RuleBook(version=1, roles=[role("Admin")], rules=rules), now=NOW) == ()
        registered = RuleBook(version=1, roles=[role(name, account)], rules=rules)
        assert [one.role.arn.name for one in entitlements(someone, registered, now=NOW)] == [name]


def test_an_exact_rule_for_an_unregistered_role_gives_nothing() -> None:
    """A role that was taken out of the register is given by no rule that still names it."""
    rule = Rule(number=1, name="x", effect=Effect.ALLOW, group_id="g1", role=arn("Gone"))
    assert entitlements(person(group()), RuleBook(version=1, roles=[role()], rules=[rule]), now=NOW) == ()


def test_the_registered_path_and_partition_are_used() -> None:
    """The role's own ARN is given, with the path and partition under which it is registered."""
    registered = RoleArn("aws-cn", ACCOUNT, "/teams/a/", "Admin")
    with pytest.raises(MalformedRole):
        role(arn=registered)
    book = RuleBook(
        version=1,
        roles=[role(arn=registered, provider=ProviderArn("aws-cn", ACCOUNT, "x"))],
        rules=[by_name()],
    )
    [found] = entitlements(person(group("g1", f"cn=AWS-{ACCOUNT}-Admin,{BASE}")), book, now=NOW)
    assert found.role.arn == registered


@given(group_sets, rule_lists)
def test_nothing_but_registered_roles_is_ever_given(groups: list[GroupMembership], rules: list[Rule]) -> None:
    """For any groups and rules, what is given is registered, lawful, and of one account with its provider."""
    for found in entitlements(person(*groups), RuleBook(version=1, roles=ROLES, rules=rules), now=NOW):
        assert found.role in ROLES
        assert RoleArn.parse(str(found.role.arn)) == found.role.arn
        assert found.role.provider.account == found.role.arn.account
