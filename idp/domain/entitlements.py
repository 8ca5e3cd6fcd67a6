"""Identity and rules in, entitlements out, each with the rule and the group (or the workload) that gave it.

A denial wins over everything; the most specific rule decides the duration; no rule means no role.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.duration import GrantedDuration, shortest_duration
from idp.domain.aws.role import AwsRole
from idp.domain.errors import DirectoryUnavailable, RoleNotGranted
from idp.domain.groups import MalformedDn, is_at_or_below, leaf_values, may_be_at_or_below, same_dn
from idp.domain.identity import DirectoryIdentity, GroupMembership
from idp.domain.patterns import Match, PatternIndex
from idp.domain.rules import Effect, Rule

if TYPE_CHECKING:
    from idp.domain.workload import Workload

NO_LIMIT = timedelta.max
REMEMBERED_GROUPS = 50_000
UNREGISTERED = -1


class Ground(NamedTuple):
    """Why a role is given or denied: this rule, by way of this group."""

    rule: Rule
    group: GroupMembership

    @property
    def group_was_renamed(self) -> bool:
        """Whether the rule shows a DN that the group no longer has; the identifier decides all the same."""
        shown = self.rule.group_dn
        has = self.group.dn
        return self.rule.group_id is not None and "" not in {shown, has} and not same_dn(shown, has)

    @property
    def group_dn(self) -> str:
        """The DN of the group; where the directory told the identifier only, the one that the rule shows.

        What a rule for workloads names stands for itself.
        """
        if self.rule.workload is not None:
            return str(self.rule.workload)
        return self.group.dn or self.rule.group_dn or self.group.group_id


class Entitlement(NamedTuple):
    """One role that this person may take, how long, and by which rule.

    A named tuple: somebody in hundreds of groups has hundreds, and frozen classes take three times as long.
    """

    role: AwsRole
    granted: GrantedDuration
    ground: Ground
    further_grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """One rule that a group meets, and where it leads; `role` is None where that is not registered.

    `place` is the role's place in the order of the ARNs; `granted` for how long this rule gives it.
    """

    rule: Rule
    account: str
    role_name: str
    role: AwsRole | None
    place: int
    granted: GrantedDuration | None
    in_force_always: bool


class RuleBook:
    """All roles and rules, filed once: cost per person grows with the groups, not with the rules."""

    def __init__(self, *, version: int, roles: Iterable[AwsRole], rules: Iterable[Rule]) -> None:
        """File the exact rules by group, and the patterns by the text they begin and end with."""
        self.version = version
        self.roles = {role.arn: role for role in sorted(roles, key=lambda role: role.arn)}
        self.rules = tuple(sorted(rules, key=lambda rule: rule.number))
        self._places = {arn: place for place, arn in enumerate(self.roles)}
        self._by_name = {(arn.account, arn.name): arn for arn in self.roles}
        self._exact: dict[str, list[Lead]] = {}
        self._workloads: dict[tuple[Workload, bool], GroupMembership] = {}
        for rule in self.rules:
            group_id = self._exact_group(rule)
            if group_id is not None and rule.role is not None:
                lead = self._lead(rule, rule.role.account, rule.role.name, rule.role)
                self._exact.setdefault(group_id, []).append(lead)
        self._patterns = PatternIndex(self.rules)
        self._denies_by_pattern = any(
            rule.pattern is not None and rule.effect is Effect.DENY for rule in self.rules
        )
        self._remembered: dict[str, tuple[Lead, ...]] = {}

    def _exact_group(self, rule: Rule) -> str | None:
        """The group under which an exact rule is filed; workloads get one for each way of naming them."""
        if rule.workload is None:
            return rule.group_id
        denies = rule.effect is Effect.DENY
        group_id = rule.workload.group_id(denies=denies)
        self._workloads[rule.workload, denies] = GroupMembership(group_id, "", ())
        return group_id

    def groups_of_workload(self, issuer: str, claims: Mapping[str, Any]) -> tuple[GroupMembership, ...]:
        """What stands for groups where a workload asks: every way in which some rule means these verified claims."""
        return tuple(
            group
            for (workload, denies), group in self._workloads.items()
            if workload.issuer == issuer and workload.is_met(claims, denies=denies)
        )

    def registered(self, account: str, role_name: str) -> RoleArn | None:
        """The registered role of this name: what the name of a group spells never becomes an ARN by itself."""
        return self._by_name.get((account, role_name))

    @property
    def goes_by_names(self) -> bool:
        """Whether some rule needs to know what the groups are called."""
        return bool(self._patterns)

    def check_names(self, identity: DirectoryIdentity) -> None:
        """Unavailable if a denial by pattern might concern groups whose names this answer does not tell."""
        if self._denies_by_pattern and not identity.groups_named:
            raise DirectoryUnavailable("a denial goes by names of groups, and these were not asked for")

    def leads_of(self, group: GroupMembership) -> Iterable[Lead]:
        """Every rule that this group meets, in force or not, also where the role is not registered."""
        exact = self._exact.get(group.group_id, ())
        by_pattern = self._by_pattern(group.dn) if self._patterns and group.dn else ()
        return (*exact, *by_pattern) if by_pattern else exact

    def _by_pattern(self, dn: str) -> tuple[Lead, ...]:
        found = self._remembered.get(dn)
        if found is None:
            if len(self._remembered) >= REMEMBERED_GROUPS:
                self._remembered.clear()
            found = self._remembered[dn] = self._match_patterns(dn)
        return found

    def _match_patterns(self, dn: str) -> tuple[Lead, ...]:
        leads = []
        try:
            names = leaf_values(dn)
            for name in names:
                for match in self._patterns.matches(name):
                    counting = (rule for rule in match.rules if _counts(rule, name, names, dn))
                    leads += [self._lead_of_match(rule, match) for rule in counting]
        except MalformedDn as error:
            if self._denies_by_pattern:
                raise DirectoryUnavailable(
                    f"whether a denial by pattern concerns this group cannot be told: {error.cause}"
                ) from error
            return ()
        return tuple(leads)

    def _lead_of_match(self, rule: Rule, match: Match) -> Lead:
        if rule.role is not None:
            return self._lead(rule, rule.role.account, rule.role.name, rule.role)
        account = match.account if rule.account is None else rule.account
        role_name = match.role_name if rule.role_name is None else rule.role_name
        return self._lead(rule, account, role_name, self.registered(account, role_name))

    def _lead(self, rule: Rule, account: str, role_name: str, arn: RoleArn | None) -> Lead:
        always = rule.enabled and rule.starts_at is None and rule.ends_at is None
        role = self.roles.get(arn) if arn is not None else None
        if arn is None or role is None:
            return Lead(rule, account, role_name, None, UNREGISTERED, None, always)
        granted = shortest_duration(rule=rule.duration, role=role.longest, chained=role.is_chained)
        return Lead(rule, account, role_name, role, self._places[arn], granted, always)


def _counts(rule: Rule, name: str, names: tuple[str, ...], dn: str) -> bool:
    """Whether a match counts: a permission only where no directory could doubt it, a denial wherever one could.

    RE2 ignores case beyond ASCII (`(?i)k` matches the Kelvin sign), so that a permission needs an ASCII
    name; and a leaf of several values has no one name.
    """
    if rule.effect is Effect.DENY:
        return may_be_at_or_below(dn, rule.base or "")
    return len(names) == 1 and name.isascii() and is_at_or_below(dn, rule.base or "")


def entitlements(identity: DirectoryIdentity, book: RuleBook, *, now: datetime) -> tuple[Entitlement, ...]:
    """Every role that this person may take at this moment, in the order of the ARNs."""
    if not identity.may_go_on:
        return ()
    book.check_names(identity)
    denied: set[int] = set()
    met: dict[int, list[tuple[Lead, GroupMembership]]] = {}
    for group in identity.groups:
        for lead in book.leads_of(group):
            if lead.role is None or not (lead.in_force_always or lead.rule.is_in_force(now)):
                continue
            if lead.rule.effect is Effect.DENY:
                denied.add(lead.place)
            elif lead.place in met:
                met[lead.place].append((lead, group))
            else:
                met[lead.place] = [(lead, group)]
    return tuple([_entitlement(met[place]) for place in sorted(met.keys() - denied)])


def _entitlement(met: list[tuple[Lead, GroupMembership]]) -> Entitlement:
    if len(met) > 1:
        met.sort(key=_precedence)
    (first, group), *others = met
    if first.role is None or first.granted is None:
        raise RoleNotGranted(f"rule {first.rule.number} leads to no registered role")
    further = tuple([Ground(lead.rule, other) for lead, other in others]) if others else ()
    return Entitlement(first.role, first.granted, Ground(first.rule, group), further)


def _precedence(met: tuple[Lead, GroupMembership]) -> tuple[int, timedelta, int, str, str]:
    lead, group = met
    length = lead.rule.duration if lead.rule.duration is not None else NO_LIMIT
    return (lead.rule.specificity, length, lead.rule.number, group.dn, group.group_id)


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
