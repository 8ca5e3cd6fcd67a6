"""So many may ask a directory at once, fewer than the web server has threads: a silent one stops no other page."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from idp.directory.deadline import Deadline
from idp.domain.errors import DirectoryUnavailable

# While answers come, whoever waits for a turn waits milliseconds; after this long without one they do not come.
NOTHING_MOVES_AFTER = 0.25


class Turns:
    """Lends turns; when nothing moves any more only a few may go on waiting for theirs."""

    def __init__(
        self, at_once: int, *, may_wait: int | None = None, nothing_moves_after: float = NOTHING_MOVES_AFTER
    ) -> None:
        """So many turns; so many may wait for one while nothing moves, where it is not said half as many."""
        self._at_once = at_once
        self._may_wait = at_once // 2 if may_wait is None else may_wait
        self._nothing_moves_after = nothing_moves_after
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nobody has a turn: those who had one stayed behind in the process that we were forked from."""
        self._changed = threading.Condition()
        self._taken = 0
        self._waiting = 0
        self._moved_at = 0.0

    @contextmanager
    def one(self, patience: Deadline) -> Iterator[None]:
        """Inside, the caller has a turn; Unavailable if none comes free in time."""
        with self._changed:
            if self._taken >= self._at_once:
                self._wait(patience)
            self._taken += 1
            self._moved_at = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._moved_at = time.monotonic()
                self._changed.notify()

    def _wait(self, patience: Deadline) -> None:
        self._waiting += 1
        try:
            while self._taken >= self._at_once:
                left = patience.remaining()
                if self._waiting > self._may_wait:
                    left = min(left, self._moved_at + self._nothing_moves_after - time.monotonic())
                if left <= 0:
                    raise DirectoryUnavailable("as many as may are waiting for the directory already")
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
        finally:
            self._waiting -= 1
