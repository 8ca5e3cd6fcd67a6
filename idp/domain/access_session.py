"""Kinds of access, their states, and when one is over: expiry is true when read, whoever marks it later."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import Road

WARNED_BEFORE = timedelta(minutes=10)


class AccessKind(StrEnum):
    """How the access was handed out."""

    CONSOLE = "console"
    CREDENTIALS = "credentials"


class AccessState(StrEnum):
    """What the record says; `is_over` says what is true."""

    OFFERED = "offered"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class EndingView:
    """How far it has come that an access ends before its time: asked for, denied in AWS, or what is in the way."""

    asked_at: datetime
    denied_at: datetime | None
    is_impossible: bool
    problem: str
    problem_code: str


@dataclass(frozen=True, slots=True)
class AccessSessionView:
    """One access as its owner sees it; `ends_at` is the latest possible end for a console session."""

    number: str
    kind: AccessKind
    state: AccessState
    role: RoleArn
    account_name: str
    environment: str
    colour: str
    session_name: str
    started_at: datetime
    ends_at: datetime
    warned_at: datetime | None
    road: Road
    narrowing: str
    packed_percent: int | None
    access_key_id: str
    address: str
    ending: EndingView | None

    @property
    def ends_at_latest(self) -> bool:
        """Whether the end is a bound: nobody tells us when a posted statement was used."""
        return self.kind is AccessKind.CONSOLE and not self.access_key_id

    def is_over(self, now: datetime) -> bool:
        """Whether the access has ended at this moment."""
        return is_over(ends_at=self.ends_at, now=now)

    def ends_soon(self, now: datetime) -> bool:
        """Whether the owner has been told, and it is not over yet."""
        return self.warned_at is not None and not self.is_over(now)


def is_over(*, ends_at: datetime, now: datetime) -> bool:
    """Whether an access with this end has ended: the end itself is no longer part of it."""
    return ends_at <= now
