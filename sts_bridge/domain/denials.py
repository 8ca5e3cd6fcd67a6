"""Deny policies that end sessions of a role: what they say, how they grow, and when they may shrink.

IAM User Guide, "Revoke IAM role temporary security credentials": a session is over where everything is denied to
credentials issued before a moment. For one person the session's name is part of the condition, in a policy of our
own name; AWS's own name is for the whole role, as AWS's console writes it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sts_bridge.domain.errors import ForeignPolicy

OURS = "DrawbridgeEndedSessions"
WHOLE_ROLE = "AWSRevokeOlderSessions"
VERSION = "2012-10-17"
_SECOND = timedelta(seconds=1)

sid_grammar = re.compile(r"Until([0-9]{8}T[0-9]{6}Z)Before([0-9]{8}T[0-9]{6}Z)", re.ASCII)
user_grammar = re.compile(r"\*:([A-Za-z0-9_+=,.@-]{2,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Denial:
    """Sessions of this name that were issued before this moment are denied; after `until` none of them lives."""

    session_name: str
    before: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """The policy of our name: what we deny, and statements that we did not write and leave alone."""

    denials: Mapping[str, Denial]
    foreign: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> "EndedSessions":
        """What stands in AWS; nothing where there is no policy. What is not ours is kept as it is."""
        statements = (document or {}).get("Statement", [])
        denials: dict[str, Denial] = {}
        foreign = []
        for statement in statements if isinstance(statements, list) else [statements]:
            found = _denials_of(statement)
            if found is None:
                foreign.append(statement)
            for denial in found or ():
                denials[denial.session_name] = _joined(denials.get(denial.session_name), denial)
        return cls(denials, tuple(foreign))

    def with_denials(self, wanted: Iterable[Denial]) -> "EndedSessions":
        """These too; of two for one name the later moments hold, so that nothing denied is given back."""
        denials = dict(self.denials)
        for denial in wanted:
            denials[denial.session_name] = _joined(denials.get(denial.session_name), denial)
        return EndedSessions(denials, self.foreign)

    def without_past(self, now: datetime) -> "EndedSessions":
        """Only what still matters: a denial goes when every session it is about has ended by itself."""
        live = {name: denial for name, denial in self.denials.items() if denial.until > now}
        return EndedSessions(live, self.foreign)

    def covers(self, wanted: Iterable[Denial]) -> bool:
        """Whether all of these are denied, for at least as long."""
        for denial in wanted:
            found = self.denials.get(denial.session_name)
            if found is None or found.before < denial.before or found.until < denial.until:
                return False
        return True

    def document(self) -> str:
        """The policy as AWS takes it, without white space; empty where nothing is denied.

        Everybody with one moment stands in one statement, so that a whole team fits into a role: it is needed
        until the last of them needs it, and denies nobody more for that.
        """
        groups: dict[datetime, list[Denial]] = {}
        for denial in sorted(self.denials.values(), key=lambda one: (one.before, one.session_name)):
            groups.setdefault(denial.before, []).append(denial)
        statements: list[Mapping[str, Any]] = [
            _statement(max(one.until for one in group), before, [one.session_name for one in group])
            for before, group in groups.items()
        ]
        statements += self.foreign
        if not statements:
            return ""
        return json.dumps({"Version": VERSION, "Statement": statements}, separators=(",", ":"))


def revoke_older(document: Mapping[str, Any] | None, *, before: datetime) -> str | None:
    """AWS's own policy that ends every session issued before this moment; None where AWS's says so already.

    Its time only ever moves forward: what an administrator did in AWS's console is never undone. Refuses a policy
    of that name which says something else.
    """
    if document is not None and _moment_of_whole_role(document) >= before:
        return None
    statement = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": iso(before)}},
    }
    return json.dumps({"Version": VERSION, "Statement": [statement]}, separators=(",", ":"))


def is_revoked(document: Mapping[str, Any] | None, *, before: datetime) -> bool:
    """Whether AWS's policy, as it was read back, ends what was issued before this moment."""
    return document is not None and _moment_of_whole_role(document) >= before


def iso(moment: datetime) -> str:
    """A moment as policies write it; a part of a second counts as a whole one, so that nothing slips through."""
    return _up(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def _up(moment: datetime) -> datetime:
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return whole if whole == moment else whole + _SECOND


def _statement(until: datetime, before: datetime, names: list[str]) -> dict[str, Any]:
    return {
        "Sid": f"Until{_compact(until)}Before{_compact(before)}",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": iso(before)},
            "StringLike": {"aws:userid": [f"*:{name}" for name in names]},
        },
    }


def _denials_of(statement: Any) -> list[Denial] | None:
    """What a statement of ours denies; None for anything that we would not have written."""
    try:
        found = sid_grammar.fullmatch(statement["Sid"])
        users = statement["Condition"]["StringLike"]["aws:userid"]
        if found is None:
            return None
        until, before = (_moment(text, "%Y%m%dT%H%M%SZ") for text in found.groups())
        names = [user_grammar.fullmatch(user) for user in users]
        ours = _statement(until, before, [name[1] for name in names if name is not None])
    except (KeyError, TypeError, ValueError):
        return None
    if ours != dict(statement):
        return None
    return [Denial(name[1], before, until) for name in names if name is not None]


def _moment_of_whole_role(document: Mapping[str, Any]) -> datetime:
    try:
        statements = document["Statement"]
        (statement,) = statements if isinstance(statements, list) else [statements]
        ((operator, keys),) = statement["Condition"].items()
        ((key, moment),) = keys.items()
        says = [
            statement["Effect"],
            *(_one(statement[name]) for name in ("Action", "Resource")),
            operator,
            key,
        ]
        read = datetime.fromisoformat(str(_one(moment)))
    except (AttributeError, KeyError, TypeError, ValueError):
        says, read = [], datetime.min.replace(tzinfo=UTC)
    if says != ["Deny", "*", "*", "DateLessThan", "aws:TokenIssueTime"]:
        raise ForeignPolicy(f"{WHOLE_ROLE} says something else than AWS's console writes")
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _joined(one: Denial | None, other: Denial) -> Denial:
    later = Denial(other.session_name, _up(other.before), _up(other.until))
    if one is None:
        return later
    return Denial(one.session_name, max(one.before, later.before), max(one.until, later.until))


def _compact(moment: datetime) -> str:
    return _up(moment).strftime("%Y%m%dT%H%M%SZ")


def _moment(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)
