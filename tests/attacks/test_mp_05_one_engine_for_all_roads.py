"""One engine decides for every road: the road changes how a role is opened, never who gets it or for how long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import AwsRole, Road
from idp.domain.entitlements import RuleBook, entitlements, find_entitlement_by_name
from idp.domain.errors import RoleNotGranted
from idp.domain.identity import GroupMembership
from idp.domain.rules import Rule
from idp.domain.workload import Workload
from tests.unit.idp.domain.made_up import GROUP_IDS, NOW, ROLES, exact_rules, group_sets, person, rule_lists

HUB = RoleArn.parse("arn:aws:iam::999900001111:role/Hub")
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
HOUR = timedelta(hours=1)

pytestmark = [pytest.mark.attack("MP-05"), pytest.mark.attack("MP-06")]


def on_every_road(role: AwsRole) -> tuple[AwsRole, ...]:
    return (
        role,
        replace(role, road=Road.BROKER),
        replace(role, road=Road.BROKER, hub=HUB),
        replace(role, road=Road.FEDERATION, policies=(POLICY,)),
        replace(role, road=Road.WEB_IDENTITY),
    )


@given(group_sets, rule_lists)
def test_every_road_gives_the_same_verdict(members: list[GroupMembership], rules: list[Rule]) -> None:
    """For random people and rules: who has the role, by which rule and group, and how long but for AWS's one hour."""
    who = person(*members)
    roads = list(zip(*(on_every_road(role) for role in ROLES), strict=True))
    books = [RuleBook(version=1, roles=roles, rules=rules) for roles in roads]
    by_statement, *others = (entitlements(who, book, now=NOW) for book in books)
    for found in others:
        assert [(one.role.arn, one.ground, one.further_grounds) for one in found] == [
            (one.role.arn, one.ground, one.further_grounds) for one in by_statement
        ]
        for one, same in zip(found, by_statement, strict=True):
            longest = same.granted.duration
            assert one.granted.duration == (min(longest, HOUR) if one.role.is_chained else longest)
    for role in ROLES:
        verdicts = set()
        for book in books:
            try:
                find_entitlement_by_name(who, book, role.arn.account, role.arn.name, now=NOW)
                verdicts.add(True)
            except RoleNotGranted:
                verdicts.add(False)
        assert len(verdicts) == 1


ISSUER = "https://builds.example"
OWNER = {"repository_owner_id": "4711"}


@given(st.sets(st.sampled_from(GROUP_IDS)), st.lists(exact_rules, max_size=10))
def test_a_workload_gets_what_a_person_of_like_groups_gets(
    groups: set[str], values: list[dict[str, Any]]
) -> None:
    """Each group told as a claim, each rule by that claim: the same roles, by the same rules, for the same time."""
    rules = [Rule(number=number, name=str(number), **one) for number, one in enumerate(values, 1)]
    by_claim = [
        replace(
            rule,
            group_id=None,
            workload=Workload(ISSUER, None, ((str(rule.group_id), "yes"), *OWNER.items())),
        )
        for rule in rules
    ]
    of_people, of_workloads = (RuleBook(version=1, roles=ROLES, rules=each) for each in (rules, by_claim))
    members = tuple(GroupMembership(group, f"cn={group},dc=x", ()) for group in sorted(groups))
    claims = dict.fromkeys(groups, "yes") | OWNER
    workload = person(*of_workloads.groups_of_workload(ISSUER, claims), directory="workload")
    given = entitlements(person(*members), of_people, now=NOW)
    assert [(one.role, one.granted, one.ground.rule.number) for one in given] == [
        (one.role, one.granted, one.ground.rule.number)
        for one in entitlements(workload, of_workloads, now=NOW)
    ]
    # Neither is ever taken for the other.
    assert entitlements(person(*members), of_workloads, now=NOW) == ()
    assert of_workloads.groups_of_workload("https://other.example", claims) == ()
    assert of_people.groups_of_workload(ISSUER, claims) == ()
