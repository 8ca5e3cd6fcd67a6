"""Deny policies that end sessions of a role: what they say, how they grow, and when they may shrink.

IAM User Guide, "Revoke IAM role temporary security credentials": a session is over where everything is denied to
credentials issued before a moment. For one person the session's name is part of the condition, in a policy of our
own name; AWS's own name is for the whole role, as AWS's console writes it.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sts_bridge.domain.errors import ForeignPolicy

OURS = "DrawbridgeEndedSessions"
WHOLE_ROLE = "AWSRevokeOlderSessions"
VERSION = "2012-10-17"
# IAM and STS quotas: all inline policies of a role together, without white space.
ROOM = 10_240
# What AWS's own policy for the whole role takes: we leave it free, so that this way out is always there.
ROOM_FOR_WHOLE_ROLE = 250
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
    """The policy of our name: what we deny, and statements that we did not write and leave alone.

    `altered` are statements by a name of ours which say something else than we have written: they are replaced, and
    whom they name stays denied.
    """

    denials: Mapping[str, Denial]
    foreign: tuple[Mapping[str, Any], ...] = ()
    altered: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> "EndedSessions":
        """What stands in AWS; nothing where there is no policy. What is not ours is kept as it is."""
        statements = (document or {}).get("Statement", [])
        denials: dict[str, Denial] = {}
        foreign, altered = [], []
        for statement in statements if isinstance(statements, list) else [statements]:
            moments = _moments_of_sid(statement)
            if moments is None:
                foreign.append(statement)
                continue
            found = _denials_of(statement, *moments)
            if dict(statement) != _statement(*moments, [denial.session_name for denial in found]):
                altered.append(statement)
            for denial in found:
                denials[denial.session_name] = _joined(denials.get(denial.session_name), denial)
        return cls(denials, tuple(foreign), tuple(altered))

    def with_denials(self, wanted: Iterable[Denial]) -> "EndedSessions":
        """These too; of two for one name the later moments hold, so that nothing denied is given back."""
        denials = dict(self.denials)
        for denial in wanted:
            denials[denial.session_name] = _joined(denials.get(denial.session_name), denial)
        return EndedSessions(denials, self.foreign)

    def lasting(self, until: Mapping[str, datetime]) -> "EndedSessions":
        """Each of these names until its own moment: a shared statement tells only when the last of them may go."""
        denials = {
            name: replace(denial, until=_up(until[name])) if name in until else denial
            for name, denial in self.denials.items()
        }
        return replace(self, denials=denials)

    def gathered(self, *, past: datetime, but: Collection[str]) -> "EndedSessions":
        """Everybody whose moment is past shares the latest of these, so that they all stand in one statement.

        That denies nobody more, because only those are left out of it who hold something newer: the names in `but`.
        """
        quiet = {name for name, denial in self.denials.items() if denial.before <= past and name not in but}
        latest = max((self.denials[name].before for name in quiet), default=past)
        denials = {
            name: replace(denial, before=latest) if name in quiet else denial
            for name, denial in self.denials.items()
        }
        return replace(self, denials=denials)

    def without_past(self, now: datetime) -> "EndedSessions":
        """Only what still matters: a denial goes when every session it is about has ended by itself."""
        live = {name: denial for name, denial in self.denials.items() if denial.until > now}
        return replace(self, denials=live)

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


def _moments_of_sid(statement: Any) -> tuple[datetime, datetime] | None:
    """The two moments in a name of ours; None for a statement of another name, or of none."""
    try:
        found = sid_grammar.fullmatch(statement["Sid"])
        if found is None:
            return None
        until, before = (_moment(text, "%Y%m%dT%H%M%SZ") for text in found.groups())
    except (KeyError, TypeError, ValueError):
        return None
    return until, before


def _denials_of(statement: Mapping[str, Any], until: datetime, before: datetime) -> list[Denial]:
    """Whom a statement of ours names, as far as that can be read, whatever has become of the rest of it."""
    try:
        users = statement["Condition"]["StringLike"]["aws:userid"]
    except (KeyError, TypeError):
        return []
    names = [user_grammar.fullmatch(str(user)) for user in (users if isinstance(users, list) else [users])]
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
