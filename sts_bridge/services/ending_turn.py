"""One worker's turn at the policies of one role: whoever was overtaken writes nothing over what stands."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Self

from idp.domain.errors import Unavailable
from idp.services.ending_work import keep_lease, lease_role, release_role

# With a slow AWS a worker begins no further role after this; the next tick goes on with those that are left.
ONE_TURN = timedelta(seconds=20)


class TurnLost(Unavailable):
    """Another worker has taken the role meanwhile: what we have read of it is too old to be written over."""


class Turn:
    """One worker's turn at the policies of one role, by a lease that is kept before each writing."""

    def __init__(self, role_arn: str, *, now: datetime) -> None:
        """Nothing is leased yet; the moment goes on from `now` while AWS is waited for."""
        self.role_arn = role_arn
        self._now, self._began_at = now, time.monotonic()
        self._leased_at = now

    def now(self) -> datetime:
        """The moment, as it has gone on."""
        return self._now + timedelta(seconds=time.monotonic() - self._began_at)

    def take(self) -> bool:
        """Whether it is this worker's turn."""
        return lease_role(self.role_arn, now=self._leased_at)

    def keep(self) -> None:
        """It is still this worker's turn, for long enough to write; refuses with TurnLost otherwise."""
        now = self.now()
        if not keep_lease(self.role_arn, leased_at=self._leased_at, now=now):
            raise TurnLost(f"another worker writes the policies of {self.role_arn}")
        self._leased_at = now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The next may have it."""
        release_role(self.role_arn, leased_at=self._leased_at)


def turns(roles: Iterable[str], *, now: datetime) -> Iterator[Turn]:
    """A turn at one role after the other, to be given back by `with`; a role that another worker has is left to them.

    They end when the time is up, well before the worker's own limit would cut one off.
    """
    began_at = time.monotonic()
    for role_arn in roles:
        gone_by = timedelta(seconds=time.monotonic() - began_at)
        if gone_by > ONE_TURN:
            return
        # The role before this one may have taken its time: a lease from the beginning would be over by now.
        turn = Turn(role_arn, now=now + gone_by)
        if turn.take():
            yield turn
