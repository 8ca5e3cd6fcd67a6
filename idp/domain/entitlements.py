"""Identity and rules in, entitlements out, each with the rule and the group that gave it.

A denial wins over everything; the most specific rule decides the duration; no rule means no role.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import re2

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.duration import GrantedDuration, shortest_duration
from idp.domain.errors import RoleNotGranted
from idp.domain.groups import MalformedDn, is_at_or_below, leaf_value, same_dn
from idp.domain.identity import DirectoryIdentity, GroupMembership
from idp.domain.rules import AwsRole, Effect, Rule, compile_pattern, pattern_options

NO_LIMIT = timedelta.max
REMEMBERED_GROUPS = 100_000


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a role is given or denied: this rule, by way of this group."""

    rule: Rule
    group: GroupMembership

    @property
    def group_was_renamed(self) -> bool:
        """Whether the rule shows a DN that the group no longer has; the identifier decides all the same."""
        return self.rule.group_id is not None and not same_dn(self.rule.group_dn, self.group.dn)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One role that this person may take, how long, and by which rule."""

    role: AwsRole
    granted: GrantedDuration
    ground: Ground
    further_grounds: tuple[Ground, ...] = ()


class Outcome(StrEnum):
    """What became of one rule for one person and role."""

    ALLOWS = "allows"
    DENIES = "denies"
    NOT_IN_GROUP = "the person is in no group that it names"
    SWITCHED_OFF = "the rule is switched off"
    NOT_YET = "the rule is not in force yet"
    OVER = "the rule is no longer in force"


@dataclass(frozen=True, slots=True)
class Consideration:
    """One rule that concerns the role, and what became of it for this person."""

    rule: Rule
    outcome: Outcome
    group: GroupMembership | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole chain for one person and role; `entitlement` is None where the answer is no."""

    arn: RoleArn
    role: AwsRole | None
    entitlement: Entitlement | None
    considered: tuple[Consideration, ...]
    account_may_sign_in: bool


class RuleBook:
    """All roles and rules, compiled once: cost per person grows with the groups, not with the rules."""

    def __init__(self, *, version: int, roles: Iterable[AwsRole], rules: Iterable[Rule]) -> None:
        """Index the exact rules by group and compile the patterns into one automaton."""
        self.version = version
        self.roles = {role.arn: role for role in roles}
        self.rules = tuple(sorted(rules, key=lambda rule: rule.number))
        self._by_name = {(arn.account, arn.name): arn for arn in self.roles}
        self._exact: dict[str, list[Rule]] = {}
        for rule in self.rules:
            if rule.group_id is not None:
                self._exact.setdefault(rule.group_id, []).append(rule)
        self._patterns = [rule for rule in self.rules if rule.pattern is not None]
        self._compiled = [compile_pattern(rule.pattern or "") for rule in self._patterns]
        self._any_pattern = self._compile_set()
        self._remembered: dict[str, tuple[tuple[Rule, RoleArn], ...]] = {}

    def _compile_set(self) -> "re2.Set | None":
        if not self._patterns:
            return None
        patterns = re2.Set.FullMatchSet(pattern_options())
        for rule in self._patterns:
            patterns.Add(rule.pattern)
        patterns.Compile()
        return patterns

    def led_to(self, group: GroupMembership) -> Iterator[tuple[Rule, RoleArn]]:
        """Every rule that this group meets, with the role it names, registered or not, in force or not."""
        for rule in self._exact.get(group.group_id, ()):
            if rule.role is not None:
                yield rule, rule.role
        if self._any_pattern is not None:
            yield from self._by_pattern(group.dn)

    def _by_pattern(self, dn: str) -> tuple[tuple[Rule, RoleArn], ...]:
        found = self._remembered.get(dn)
        if found is None:
            if len(self._remembered) >= REMEMBERED_GROUPS:
                self._remembered.clear()
            found = self._remembered[dn] = tuple(self._match_patterns(dn))
        return found

    def _match_patterns(self, dn: str) -> Iterator[tuple[Rule, RoleArn]]:
        try:
            name = leaf_value(dn)
        except MalformedDn:
            return
        # RE2's classes are ASCII already; a name with anything else is no name of ours at all.
        if self._any_pattern is None or not name.isascii():
            return
        for index in sorted(self._any_pattern.Match(name)):
            rule = self._patterns[index]
            if rule.base and is_at_or_below(dn, rule.base):
                arn = self._role_of_match(rule, self._compiled[index].fullmatch(name).groupdict())
                if arn is not None:
                    yield rule, arn

    def _role_of_match(self, rule: Rule, parts: dict[str, str]) -> RoleArn | None:
        """Only a registered role; what a name of a group spells never becomes an ARN by itself."""
        if rule.role is not None:
            return rule.role
        account = rule.account or parts.get("account") or ""
        name = rule.role_name or parts.get("role") or ""
        return self._by_name.get((account, name))


def entitlements(identity: DirectoryIdentity, book: RuleBook, *, now: datetime) -> tuple[Entitlement, ...]:
    """Every role that this person may take at this moment, in the order of the ARNs."""
    if not identity.may_sign_in:
        return ()
    denied: set[RoleArn] = set()
    grounds: dict[RoleArn, list[Ground]] = {}
    for group in identity.groups:
        for rule, arn in book.led_to(group):
            if not rule.is_in_force(now):
                continue
            if rule.effect is Effect.DENY:
                denied.add(arn)
            elif arn in book.roles:
                grounds.setdefault(arn, []).append(Ground(rule, group))
    return tuple(
        _entitlement(book.roles[arn], found) for arn, found in sorted(grounds.items()) if arn not in denied
    )


def find_entitlement_by_name(
    identity: DirectoryIdentity, book: RuleBook, account: str, role_name: str, *, now: datetime
) -> Entitlement:
    """The entitlement to this role; refuses with RoleNotGranted if no rule gives it now.

    A role that is not registered is refused alike: outside they cannot be told apart.
    """
    for entitlement in entitlements(identity, book, now=now):
        arn = entitlement.role.arn
        if (arn.account, arn.name) == (account, role_name):
            return entitlement
    raise RoleNotGranted(f"{identity.account_key} has no rule that gives {account}/{role_name}")


def _entitlement(role: AwsRole, grounds: list[Ground]) -> Entitlement:
    first, *further = sorted(grounds, key=_precedence)
    granted = shortest_duration(rule=first.rule.duration, role=role.longest)
    return Entitlement(role, granted, first, tuple(further))


def _precedence(ground: Ground) -> tuple[int, timedelta, int, str]:
    rule = ground.rule
    return (rule.specificity, rule.duration or NO_LIMIT, rule.number, ground.group.dn)


def explain(identity: DirectoryIdentity, book: RuleBook, arn: RoleArn, *, now: datetime) -> Explanation:
    """Why this person may, or may not, take this role: every rule that concerns it and what became of it."""
    met: dict[int, GroupMembership] = {}
    for group in identity.groups:
        for rule, led_to in book.led_to(group):
            if led_to == arn:
                met.setdefault(rule.number, group)
    considered = tuple(
        Consideration(rule, _outcome(rule, met.get(rule.number), now), met.get(rule.number))
        for rule in book.rules
        if rule.number in met or _could_name(rule, arn)
    )
    granted = {e.role.arn: e for e in entitlements(identity, book, now=now)}
    return Explanation(arn, book.roles.get(arn), granted.get(arn), considered, identity.may_sign_in)


def _could_name(rule: Rule, arn: RoleArn) -> bool:
    if rule.role is not None:
        return rule.role == arn
    return rule.account in {None, arn.account} and rule.role_name in {None, arn.name}


def _outcome(rule: Rule, group: GroupMembership | None, now: datetime) -> Outcome:
    if not rule.enabled:
        return Outcome.SWITCHED_OFF
    if rule.starts_at is not None and now < rule.starts_at:
        return Outcome.NOT_YET
    if rule.ends_at is not None and rule.ends_at <= now:
        return Outcome.OVER
    if group is None:
        return Outcome.NOT_IN_GROUP
    return Outcome.DENIES if rule.effect is Effect.DENY else Outcome.ALLOWS
