"""The rules from directory group or workload to role, each checked when made.

A rule names its group exactly, by immutable identifier, or by a pattern on the group's name under a
base DN; or it names workloads, which are in no directory. Patterns are RE2: linear time, full match, ASCII only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from idp.domain.aws.arn import RoleArn, account_grammar, role_name_grammar
from idp.domain.aws.duration import check_length
from idp.domain.groups import MalformedDn, normal_group_id, parse_dn
from idp.domain.re2_patterns import MalformedRule, compile_pattern
from idp.domain.workload import Workload

PATTERN_PARTS = frozenset({"account", "role"})


class Effect(StrEnum):
    """What a rule does; a denial wins over everything."""

    ALLOW = "allow"
    DENY = "deny"


class Specificity(IntEnum):
    """How narrowly a rule names what it gives; the narrower decides the duration."""

    IDENTIFIER = 0
    LITERAL_ACCOUNT_AND_ROLE = 1
    ONE_LITERAL = 2
    NO_LITERAL = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `ends_at` is exclusive, `duration` of None leaves the length to the role.

    Exact: `group_id` and `role`. Workloads: `workload` and `role`. Pattern: `pattern` and `base`, and for each of
    the named parts `account` and `role` that the pattern does not capture a literal: `role`, or `account`, or
    `role_name`.
    """

    number: int
    name: str
    effect: Effect
    group_id: str | None = None
    group_dn: str = ""
    role: RoleArn | None = None
    pattern: str | None = None
    base: str | None = None
    account: str | None = None
    role_name: str | None = None
    duration: timedelta | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    enabled: bool = True
    note: str = ""
    workload: Workload | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that is neither exact nor a complete pattern, or that could never count."""
        if sum(one is not None for one in (self.group_id, self.pattern, self.workload)) != 1:
            raise MalformedRule(
                "not one of group, pattern and workload",
                sentence="A rule names either one group, or a pattern, or workloads: one of these and no more.",
            )
        if self.group_id is not None:
            self._check_group(self.group_id)
        if self.workload is not None and self.effect is Effect.ALLOW and not self.workload.names_its_owner:
            raise MalformedRule(
                f"nobody owns {self.workload}",
                sentence="Anybody with a token of this issuer could meet these patterns: one of them must name the"
                " owner as plain text, such as repository_owner_id, or sub beginning with repo:acme/ or"
                " system:serviceaccount:payments:",
                field="workload.claims",
            )
        if self.pattern is None:
            self._check_exact()
        else:
            check_pattern(self)
        if self.duration is not None:
            check_length(self.duration)
        if any(moment is not None and moment.tzinfo is None for moment in (self.starts_at, self.ends_at)):
            raise MalformedRule(
                "a moment without a zone", sentence="The rule's moments need a time zone.", field="starts_at"
            )
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise MalformedRule(
                "starts after its end", sentence="The rule would end before it starts.", field="ends_at"
            )

    def _check_group(self, group_id: str) -> None:
        if normal_group_id(group_id) != group_id:
            # A denial under another spelling would silently deny nobody.
            raise MalformedRule(
                f"group identifier {group_id!r} is not in its normal form",
                sentence="A group identifier is written in lower case, without braces.",
                field="group_id",
            )

    def _check_exact(self) -> None:
        if self.role is None:
            raise MalformedRule(
                "an exact rule without a role", sentence="An exact rule needs a role.", field="role"
            )
        if self.base or self.account or self.role_name:
            raise MalformedRule(
                "an exact rule with parts of a pattern",
                sentence="Base, account and role name belong to pattern rules only.",
            )

    @property
    def specificity(self) -> Specificity:
        """How narrowly this rule names what it gives."""
        if self.group_id is not None or (self.workload is not None and self.workload.subject is not None):
            return Specificity.IDENTIFIER
        if self.role is not None:
            return Specificity.LITERAL_ACCOUNT_AND_ROLE
        literals = (self.account is not None) + (self.role_name is not None)
        return (Specificity.NO_LITERAL, Specificity.ONE_LITERAL, Specificity.LITERAL_ACCOUNT_AND_ROLE)[
            literals
        ]

    def is_in_force(self, now: datetime) -> bool:
        """Whether the rule counts at this moment."""
        started = self.starts_at is None or self.starts_at <= now
        ended = self.ends_at is not None and self.ends_at <= now
        return self.enabled and started and not ended


def check_pattern(rule: Rule) -> None:
    """Refuse a pattern rule without base, with unknown parts, or whose parts are missing or given twice."""
    if rule.pattern is None or not rule.base:
        raise MalformedRule(
            "a pattern without a base",
            sentence="A pattern rule needs a base DN; only groups at or below it count.",
            field="base",
        )
    _check_base(rule.base)
    captured = set(compile_pattern(rule.pattern).groupindex)
    if captured - PATTERN_PARTS:
        raise MalformedRule(
            f"unknown parts {sorted(captured - PATTERN_PARTS)}",
            sentence="The named parts of a pattern are account and role, no others.",
            field="pattern",
        )
    literal = _literal_parts(rule)
    for part in sorted(PATTERN_PARTS):
        if (part in captured) == (part in literal):
            raise MalformedRule(
                f"part {part} is captured: {part in captured}, literal: {part in literal}",
                sentence=f"The pattern must either capture (?P<{part}>...) or the rule must name the {part}.",
                field="pattern",
            )


def _check_base(base: str) -> None:
    try:
        parse_dn(base)
    except MalformedDn as error:
        raise MalformedRule(error.cause, sentence=error.told, field="base") from error


def _literal_parts(rule: Rule) -> frozenset[str]:
    """What the rule names itself; refuses names that AWS would not accept."""
    if rule.role is not None:
        if rule.account is not None or rule.role_name is not None:
            raise MalformedRule(
                "role and its parts",
                sentence="Give the role, or its account and name, not both.",
                field="role",
            )
        return PATTERN_PARTS
    if rule.account is not None and not account_grammar.fullmatch(rule.account):
        raise MalformedRule(
            f"account {rule.account!r}", sentence="An account has 12 digits.", field="account"
        )
    if rule.role_name is not None and not role_name_grammar.fullmatch(rule.role_name):
        raise MalformedRule(
            f"role name {rule.role_name!r}", sentence="This is no name of an IAM role.", field="role_name"
        )
    named = {"account": rule.account, "role": rule.role_name}
    return frozenset(part for part, value in named.items() if value is not None)
