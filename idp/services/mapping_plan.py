"""What a change of the rules would do: who gains and who loses, as the directory answers now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import product

from idp.directory.directories import directories
from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import AwsRole
from idp.domain.entitlements import Entitlement, RuleBook, entitlements
from idp.domain.identity import DirectoryIdentity, GroupMembership
from idp.domain.rules import Rule
from idp.services.groups import groups_below
from idp.services.mapping import complete_mapping, readable_rows
from idp.services.workloads import workload_identity


class Difference(StrEnum):
    """What a change does to one role of one person."""

    GAINED = "gained"
    LOST = "lost"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class RoleChange:
    """One role that a person gains or loses, or has for another length; each length in seconds, by its rule."""

    difference: Difference
    role: RoleArn
    seconds_before: int | None
    seconds_after: int | None
    rule: str


@dataclass(frozen=True, slots=True)
class PersonChange:
    """One person for whom something would change."""

    username: str
    display_name: str
    changes: tuple[RoleChange, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change, among how many people of how many groups, and what an administrator should look at.

    Nobody can tell which workloads there are: for each way in which a changed rule names some, `workloads` tells what
    changes for whoever is named so.
    """

    people: tuple[PersonChange, ...]
    people_asked: int
    groups_asked: int
    warnings: tuple[str, ...]
    workloads: tuple[PersonChange, ...] = ()


def plan_mapping(octets: bytes, *, now: datetime) -> Plan:
    """Who would gain and who would lose by this file: everyone in the groups that any changed rule concerns.

    Refuses like an import; Unavailable if the directory cannot tell every member.
    """
    complete = complete_mapping(octets)
    roles, rules = readable_rows()
    before = RuleBook(version=0, roles=roles, rules=rules)
    after = RuleBook(version=0, roles=complete.file.roles, rules=complete.rules)
    return plan_change(before, after, warnings=complete.warnings, now=now)


def plan_change(before: RuleBook, after: RuleBook, *, warnings: tuple[str, ...] = (), now: datetime) -> Plan:
    """Who gains and who loses between the two."""
    groups = _affected_groups(before, after)
    people: dict[str, DirectoryIdentity] = {}
    for source, group_id in product(directories(), sorted(groups)):
        for member in source.members_of(group_id):
            account_key = f"{source.name}:{member.immutable_id}"
            if account_key not in people:
                identity = source.find(member.immutable_id, now=now)
                if identity is not None:
                    people[account_key] = identity
    changed = [
        PersonChange(identity.username, identity.display_name, changes)
        for identity in sorted(people.values(), key=lambda identity: identity.username)
        if (changes := tuple(_differences(identity, before, after, now)))
    ]
    workloads = tuple(_workload_changes(before, after, now))
    return Plan(tuple(changed), len(people), len(groups), warnings, workloads)


def _workload_changes(before: RuleBook, after: RuleBook, now: datetime) -> Iterator[PersonChange]:
    named = {rule.workload for rule in _affected_rules(before, after) if rule.workload is not None}
    for workload in sorted(named, key=str):
        ids = (workload.group_id(denies=denies) for denies in (False, True))
        groups = {group_id: GroupMembership(group_id, "", ()) for group_id in ids}
        if workload.subject is not None:
            for book in (before, after):
                met = book.groups_of_workload(workload.issuer, {"sub": workload.subject})
                groups |= {group.group_id: group for group in met}
        identity = workload_identity(workload.issuer, workload.subject or "", tuple(groups.values()), now=now)
        if changes := tuple(_differences(identity, before, after, now)):
            yield PersonChange(str(workload), "workload", changes)


def _affected_groups(before: RuleBook, after: RuleBook) -> set[str]:
    rules = _affected_rules(before, after)
    numbers = {rule.number for rule in rules}
    groups = {rule.group_id for rule in rules if rule.group_id is not None}
    for base in sorted({rule.base for rule in rules if rule.base is not None}):
        for group in groups_below(base):
            membership = GroupMembership(group.group_id, group.dn, (group.dn,))
            leads = (lead for book in (before, after) for lead in book.leads_of(membership))
            if any(lead.rule.number in numbers for lead in leads):
                groups.add(group.group_id)
    return groups


def _affected_rules(before: RuleBook, after: RuleBook) -> list[Rule]:
    """Rules that are new, gone or different, as they were and as they will be; those of changed roles too."""
    old, new = _by_number(before), _by_number(after)
    changed = {number for number in old.keys() | new.keys() if _meaning(old, number) != _meaning(new, number)}
    arns = before.roles.keys() | after.roles.keys()
    roles = {arn for arn in arns if _given(before.roles, arn) != _given(after.roles, arn)}
    both = (*before.rules, *after.rules)
    return [rule for rule in both if rule.number in changed or _names_one(rule, roles)]


def _by_number(book: RuleBook) -> dict[int, Rule]:
    return {rule.number: rule for rule in book.rules}


def _meaning(rules: Mapping[int, Rule], number: int) -> Rule | None:
    """The rule without what is only there to be read."""
    rule = rules.get(number)
    return replace(rule, name="", note="", group_dn="") if rule is not None else None


def _given(roles: Mapping[RoleArn, AwsRole], arn: RoleArn) -> object:
    role = roles.get(arn)
    return role.longest if role is not None else None


def _names_one(rule: Rule, roles: set[RoleArn]) -> bool:
    if rule.role is not None:
        return rule.role in roles
    return any(rule.account in {None, arn.account} and rule.role_name in {None, arn.name} for arn in roles)


def _differences(
    identity: DirectoryIdentity, before: RuleBook, after: RuleBook, now: datetime
) -> Iterator[RoleChange]:
    old = {given.role.arn: given for given in entitlements(identity, before, now=now)}
    new = {given.role.arn: given for given in entitlements(identity, after, now=now)}
    for arn in sorted(old.keys() | new.keys()):
        change = _difference(arn, old.get(arn), new.get(arn))
        if change is not None:
            yield change


def _difference(arn: RoleArn, old: Entitlement | None, new: Entitlement | None) -> RoleChange | None:
    seconds_before = old.granted.seconds if old is not None else None
    seconds_after = new.granted.seconds if new is not None else None
    deciding = new or old
    if deciding is None or seconds_before == seconds_after:
        return None
    difference = Difference.LENGTH
    if old is None:
        difference = Difference.GAINED
    elif new is None:
        difference = Difference.LOST
    return RoleChange(difference, arn, seconds_before, seconds_after, deciding.ground.rule.name)
