"""A breaker for one server: who keeps failing, or keeps us waiting, is left alone until a probe has been answered."""

import threading
import time
from enum import StrEnum

FAILURES_IN_A_ROW = 5
HOLD_OFF = 3.0
NEVER = -float("inf")
# A wrong service password must not be tried again and again: the directory would lock the account. Each time
# that it is refused once more it is left alone for twice as long.
HOLD_OFF_AFTER_REFUSED_BIND = 60.0
LONGEST_HOLD_OFF = 3_600.0


class BreakerState(StrEnum):
    """Closed lets everybody through, open nobody, half-open one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Opens after some failures in a row, and at once after a stall; only an answer closes it."""

    def __init__(self) -> None:
        """Closed: nothing bad is known."""
        self._lock = threading.Lock()
        self._failures = 0
        self._is_open = False
        self._is_probed = False
        self._probe_from = 0.0
        self._bind_from = 0.0
        self._bind_hold_off = 0.0
        self._bind_is_claimed = False
        self.answered_at = NEVER
        self.failed_at = NEVER

    @property
    def state(self) -> BreakerState:
        """Whether the server may be used."""
        if not self._is_open:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._is_probed else BreakerState.OPEN

    @property
    def is_probed(self) -> bool:
        """Whether somebody is finding out how the server does."""
        return self._is_probed

    @property
    def is_closed(self) -> bool:
        """Whether everybody may use the server."""
        return not self._is_open

    @property
    def has_answered(self) -> bool:
        """Whether the server has ever answered."""
        return self.answered_at > NEVER

    def answered(self) -> None:
        """The server is well."""
        self.answered_at = time.monotonic()
        if self._failures or self._is_open:
            with self._lock:
                self._failures = 0
                self._is_open = False

    def failed(self) -> None:
        """The server could not be reached, or sent us away."""
        with self._lock:
            self.failed_at = time.monotonic()
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                self._open(HOLD_OFF)

    def stalled(self, *, since: float) -> None:
        """Something that was asked at that moment was not answered in time.

        If others have been answered meanwhile, the question was too hard and the server is not dead.
        """
        if self.answered_at > since:
            self.failed()
            return
        with self._lock:
            self.failed_at = time.monotonic()
            self._open(HOLD_OFF if self._is_open else 0.0)

    def refused_our_bind(self) -> None:
        """The server answers, and not to our service account."""
        with self._lock:
            now = time.monotonic()
            self.failed_at = now
            if self._bind_is_claimed:
                self._bind_hold_off = min(2 * self._bind_hold_off, LONGEST_HOLD_OFF)
            elif not self._bind_hold_off:
                self._bind_hold_off = HOLD_OFF_AFTER_REFUSED_BIND
            self._bind_is_claimed = False
            self._bind_from = now + self._bind_hold_off
            self._open(self._bind_hold_off)

    def took_our_bind(self) -> None:
        """The server takes our service account: only that ends what a refusal began, no other answer does."""
        with self._lock:
            self._bind_from = self._bind_hold_off = 0.0
            self._bind_is_claimed = False

    def claim_bind(self) -> bool:
        """Whether our service password may be tried now; after a refusal by one at a time, and seldom."""
        with self._lock:
            now = time.monotonic()
            if now < self._bind_from:
                return False
            if self._bind_hold_off:
                self._bind_is_claimed = True
                self._bind_from = now + self._bind_hold_off
            return True

    def _open(self, hold_off: float) -> None:
        self._is_open = True
        self._probe_from = time.monotonic() + hold_off

    def claim_probe(self) -> bool:
        """Whether the asker, and nobody else meanwhile, is to try the server now; ends with `probe_ended`."""
        with self._lock:
            if self._is_probed or (self._is_open and time.monotonic() < self._probe_from):
                return False
            self._is_probed = True
            return True

    def probe_ended(self) -> None:
        """The next probe may be claimed, once its time has come."""
        with self._lock:
            self._is_probed = False
