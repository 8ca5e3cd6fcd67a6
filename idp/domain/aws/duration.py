"""How long an access lasts: the shortest of what the role, the rule, the request and AWS allow.

`SessionDuration` and `DurationSeconds` are 900 to 43,200 seconds (STS API Reference, AssumeRoleWithSAML).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from idp.domain.errors import Malformed

SHORTEST = timedelta(seconds=900)
LONGEST = timedelta(seconds=43_200)


class Limit(StrEnum):
    """Which of the limits was the shortest."""

    RULE = "rule"
    ROLE = "role"
    REQUEST = "request"
    AWS = "aws"


@dataclass(frozen=True, slots=True)
class GrantedDuration:
    """How long, and which limit decided it."""

    duration: timedelta
    limit: Limit

    @property
    def seconds(self) -> int:
        """Whole seconds, as AWS wants them."""
        return int(self.duration.total_seconds())


def shortest_duration(
    *, rule: timedelta | None, role: timedelta, request: timedelta | None = None
) -> GrantedDuration:
    """The shortest limit, never under what AWS accepts; of equal ones the narrowest decision is named.

    What lies under AWS's minimum cannot be stated to AWS; rules and roles refuse it when they are saved.
    """
    span, limit = LONGEST, Limit.AWS
    if role <= span:
        span, limit = role, Limit.ROLE
    if rule is not None and rule <= span:
        span, limit = rule, Limit.RULE
    if request is not None and request <= span:
        span, limit = request, Limit.REQUEST
    if span < SHORTEST:
        return GrantedDuration(SHORTEST, Limit.AWS)
    return GrantedDuration(span, limit)


class UnlawfulLength(Malformed):
    """A length that AWS would not accept."""

    code = "unlawful-length"
    sentence = "A length is 15 minutes to 12 hours (900 to 43,200 seconds), in whole seconds."


def check_length(span: timedelta) -> timedelta:
    """The same length; refuses one that AWS would refuse."""
    if not SHORTEST <= span <= LONGEST or span.microseconds:
        raise UnlawfulLength(f"{span}")
    return span
