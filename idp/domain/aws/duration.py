"""How long an access lasts: the shortest of what the role, the rule, the request and AWS allow.

`SessionDuration` and `DurationSeconds` are 900 to 43,200 seconds (STS API Reference, AssumeRole and
AssumeRoleWithSAML; IAM User Guide, "Configure SAML assertions"). A role that is taken with the credentials
of another role lasts an hour at most, and the console that such credentials open lasts no longer.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from idp.domain.errors import Malformed

SHORTEST = timedelta(seconds=900)
LONGEST = timedelta(seconds=43_200)
LONGEST_CHAINED = timedelta(hours=1)


class Limit(StrEnum):
    """What may bound a session; `CONSOLE` and `API` are AWS's own bounds, and `AWS` its least length."""

    AWS = "aws"
    CONSOLE = "console"
    API = "api"
    CHAIN = "chain"
    ROLE = "role"
    RULE = "rule"
    ASSERTION = "assertion"
    REQUEST = "request"

    @property
    def words(self) -> str:
        """What bounds the session, as people read it: it says who can change it."""
        return WORDS[self]


WORDS = {
    Limit.AWS: "AWS's least length",
    Limit.CONSOLE: "AWS's limit for consoles",
    Limit.API: "AWS's limit for credentials",
    Limit.CHAIN: "AWS's limit for a role taken through another role",
    Limit.ROLE: "the role's longest session",
    Limit.RULE: "the rule that gives you the role",
    Limit.ASSERTION: "the end of your sign-in",
    Limit.REQUEST: "what you chose",
}


@dataclass(frozen=True, slots=True)
class GrantedDuration:
    """How long, and which limit decided it."""

    duration: timedelta
    limit: Limit

    @property
    def seconds(self) -> int:
        """Whole seconds, as AWS wants them."""
        return int(self.duration.total_seconds())


@dataclass(frozen=True, slots=True)
class HonestTime:
    """For how long a session is given, and every limit that was asked, the widest decision first."""

    granted: GrantedDuration
    limits: tuple[tuple[Limit, timedelta], ...]


def honest_time(
    *,
    console: bool,
    role: timedelta,
    rule: timedelta | None,
    request: timedelta | None = None,
    assertion: timedelta | None = None,
    chained: bool = False,
) -> HonestTime:
    """The shortest of all limits of this kind of session; of equal ones the narrowest decision is named.

    `assertion` is how long the sign-in behind it may still count (AWS's SessionNotOnOrAfter). What lies under
    AWS's minimum cannot be stated to AWS: such a session has the minimum, and AWS is named.
    """
    own = Limit.CONSOLE if console else Limit.API
    asked: tuple[tuple[Limit, timedelta | None], ...] = (
        (own, LONGEST),
        (Limit.CHAIN, LONGEST_CHAINED if chained else None),
        (Limit.ROLE, role),
        (Limit.RULE, rule),
        (Limit.ASSERTION, assertion),
        (Limit.REQUEST, request),
    )
    limits = tuple((limit, span) for limit, span in asked if span is not None)
    winner, span = limits[0]
    for limit, candidate in limits:
        if candidate <= span:
            winner, span = limit, candidate
    granted = GrantedDuration(SHORTEST, Limit.AWS) if span < SHORTEST else GrantedDuration(span, winner)
    return HonestTime(granted, limits)


def shortest_duration(
    *, rule: timedelta | None, role: timedelta, request: timedelta | None = None, chained: bool = False
) -> GrantedDuration:
    """The shortest of what people decide, within what AWS allows of every session, never under its minimum.

    Which way the session will be opened is not asked: AWS's bound for consoles and for credentials is one.
    """
    granted = honest_time(console=True, role=role, rule=rule, request=request, chained=chained).granted
    return GrantedDuration(granted.duration, Limit.AWS) if granted.limit is Limit.CONSOLE else granted


class UnlawfulLength(Malformed):
    """A length that AWS would not accept."""

    code = "unlawful-length"
    sentence = "A length is 15 minutes to 12 hours (900 to 43,200 seconds), in whole seconds."


def check_length(span: timedelta) -> timedelta:
    """The same length; refuses one that AWS would refuse."""
    if not SHORTEST <= span <= LONGEST or span.microseconds:
        raise UnlawfulLength(f"{span}")
    return span
