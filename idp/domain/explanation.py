"""Why a person may, or may not, take a role: every rule that concerns it, and what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import AwsRole
from idp.domain.entitlements import Entitlement, RuleBook, entitlements
from idp.domain.identity import DirectoryIdentity, GroupMembership
from idp.domain.rules import Effect, Rule


class Outcome(StrEnum):
    """What became of one rule for one person and role."""

    ALLOWS = "allows"
    DENIES = "denies"
    NOT_IN_GROUP = "the person is in no group that it names"
    NOT_THIS_WORKLOAD = "it is for workloads, and not for whoever asks"
    NOT_REGISTERED = "the role is not registered"
    SWITCHED_OFF = "the rule is switched off"
    NOT_YET = "the rule is not in force yet"
    OVER = "the rule is no longer in force"


@dataclass(frozen=True, slots=True)
class Consideration:
    """One rule that concerns the role, and what became of it for this person; `group` is the way it was met."""

    rule: Rule
    outcome: Outcome
    group: GroupMembership | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole chain for one person and role; `entitlement` is None where the answer is no.

    `arn` is None where a group spells a role that is not registered: what a group spells is no ARN.
    """

    account: str
    role_name: str
    arn: RoleArn | None
    role: AwsRole | None
    entitlement: Entitlement | None
    considered: tuple[Consideration, ...]
    account_may_receive: bool


def explain(identity: DirectoryIdentity, book: RuleBook, arn: RoleArn, *, now: datetime) -> Explanation:
    """The whole chain for this role, registered or not, whether the answer is yes or no."""
    return _explain(identity, book, arn.account, arn.name, arn, now)


def explain_all(identity: DirectoryIdentity, book: RuleBook, *, now: datetime) -> tuple[Explanation, ...]:
    """The chain for every role to which a group of this person leads, given or denied or not registered."""
    named = {(lead.account, lead.role_name) for group in identity.groups for lead in book.leads_of(group)}
    return tuple(
        _explain(identity, book, account, role_name, book.registered(account, role_name), now)
        for account, role_name in sorted(named)
    )


def _explain(
    identity: DirectoryIdentity,
    book: RuleBook,
    account: str,
    role_name: str,
    arn: RoleArn | None,
    now: datetime,
) -> Explanation:
    role = book.roles.get(arn) if arn is not None else None
    granted = {entitlement.role.arn: entitlement for entitlement in entitlements(identity, book, now=now)}
    return Explanation(
        account=account,
        role_name=role_name,
        arn=arn,
        role=role,
        entitlement=granted.get(arn) if arn is not None else None,
        considered=tuple(_considered(identity, book, account, role_name, arn, now)),
        account_may_receive=identity.may_go_on,
    )


def _considered(
    identity: DirectoryIdentity,
    book: RuleBook,
    account: str,
    role_name: str,
    arn: RoleArn | None,
    now: datetime,
) -> Iterator[Consideration]:
    met: dict[int, GroupMembership] = {}
    for group in sorted(identity.groups, key=lambda group: (group.dn, group.group_id)):
        for lead in book.leads_of(group):
            if (lead.account, lead.role_name) == (account, role_name):
                met.setdefault(lead.rule.number, group)
    for rule in book.rules:
        group_met = met.get(rule.number)
        if group_met is not None or _could_name(rule, account, role_name, arn):
            registered = arn in book.roles and rule.role in {None, arn}
            yield Consideration(rule, _outcome(rule, group_met, registered=registered, now=now), group_met)


def _could_name(rule: Rule, account: str, role_name: str, arn: RoleArn | None) -> bool:
    if rule.role is not None:
        return rule.role == arn
    return rule.account in {None, account} and rule.role_name in {None, role_name}


def _outcome(rule: Rule, group: GroupMembership | None, *, registered: bool, now: datetime) -> Outcome:
    if not rule.enabled:
        return Outcome.SWITCHED_OFF
    if rule.starts_at is not None and now < rule.starts_at:
        return Outcome.NOT_YET
    if rule.ends_at is not None and rule.ends_at <= now:
        return Outcome.OVER
    if group is None:
        return Outcome.NOT_IN_GROUP if rule.workload is None else Outcome.NOT_THIS_WORKLOAD
    if not registered:
        return Outcome.NOT_REGISTERED
    return Outcome.DENIES if rule.effect is Effect.DENY else Outcome.ALLOWS
