"""The rules from directory group to role, each checked when made.

A rule names its group exactly, by immutable identifier, or by a pattern on the group's name under a
base DN. Patterns are RE2: linear time, full match, ASCII only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache

import re2

from idp.domain.aws.arn import RoleArn, account_grammar, role_name_grammar
from idp.domain.aws.duration import check_length
from idp.domain.errors import Malformed
from idp.domain.groups import MalformedDn, normal_group_id, parse_dn

LONGEST_PATTERN = 512
PATTERN_PARTS = frozenset({"account", "role"})


class MalformedRule(Malformed):
    """A rule that could not be applied as it stands; `field` names what is wrong, where it is one thing."""

    code = "malformed-rule"
    sentence = "This rule cannot be applied as it stands."

    def __init__(self, cause: str = "", *, sentence: str | None = None, field: str = "") -> None:
        """Keep which field is wrong."""
        super().__init__(cause, sentence=sentence)
        self.field = field


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

    Exact: `group_id` and `role`. Pattern: `pattern` and `base`, and for each of the named parts
    `account` and `role` that the pattern does not capture a literal: `role`, or `account`, or `role_name`.
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

    def __post_init__(self) -> None:
        """Refuse a rule that is neither exact nor a complete pattern, or that could never count."""
        if (self.group_id is None) == (self.pattern is None):
            raise MalformedRule(
                "neither or both of group and pattern",
                sentence="A rule names either one group or a pattern, not both and not neither.",
            )
        if self.group_id is not None:
            self._check_exact(self.group_id)
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

    def _check_exact(self, group_id: str) -> None:
        if normal_group_id(group_id) != group_id:
            # A denial under another spelling would silently deny nobody.
            raise MalformedRule(
                f"group identifier {group_id!r} is not in its normal form",
                sentence="A group identifier is written in lower case, without braces.",
                field="group_id",
            )
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
        if self.group_id is not None:
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


# Rules are read again after every change; few of the patterns are new then, and compiling is dear.
@lru_cache(maxsize=16_384)
def compile_pattern(pattern: str) -> "re2._Regexp[str]":
    """The pattern ready to match whole names; refuses what RE2 does not know."""
    if len(pattern) > LONGEST_PATTERN or not pattern.isascii():
        raise MalformedRule(
            f"pattern of {len(pattern)} characters, or not ASCII",
            sentence=f"A pattern has at most {LONGEST_PATTERN} characters, all of them ASCII.",
            field="pattern",
        )
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise MalformedRule(
            f"{pattern!r}: {reason}", sentence=f"The pattern cannot be read (RE2): {reason}.", field="pattern"
        ) from error


def _options() -> "re2.Options":
    """Quiet, UTF-8, case kept, memory bounded; an automaton that outgrows it falls back to slower, equal ways."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 4 << 20
    return options


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
