"""What was read a moment ago and still counts: one thread reads it, and whoever asks meanwhile shares it."""

import time
from collections.abc import Callable, Sized
from typing import Generic, TypeVar

from idp.directory.deadline import Deadline
from idp.directory.turns import Turns

# What is smaller is read each time: one page or two cost less than being seconds behind.
WORTH_KEEPING = 500
# A large directory is read in a second or two; whoever waits for it has no turn at the directory, but a thread.
READING_MAY_TAKE = 1.0

Value = TypeVar("Value", bound=Sized)


class Recent(Generic[Value]):
    """One value, as old as `seconds` at most; a reading that fails leaves nothing behind."""

    def __init__(self, seconds: float, *, worth_keeping: int = WORTH_KEEPING, may_wait: int = 0) -> None:
        """Nothing has been read yet; so many may wait for a reader who takes long."""
        self._seconds = seconds
        self._worth_keeping = worth_keeping
        self._reader = Turns(1, may_wait=may_wait, nothing_moves_after=READING_MAY_TAKE)
        self._kept: tuple[float, Value] | None = None

    def peek(self) -> Value | None:
        """The value, if it is there and young enough; nothing is read."""
        kept = self._kept
        return kept[1] if kept is not None and time.monotonic() - kept[0] < self._seconds else None

    def get(self, read: Callable[[], Value], *, patience: Deadline) -> Value:
        """The value, read anew if it is too old; Unavailable where another reader takes too long.

        Its age counts from before it was read: what changed meanwhile may be missing in it.
        """
        asked_at = time.monotonic()
        kept = self._kept
        if kept is not None and asked_at - kept[0] < self._seconds:
            return kept[1]
        with self._reader.one(patience):
            kept = self._kept
            # Whoever waited takes what was begun after they asked, even where nothing may be kept for long.
            if kept is not None and (kept[0] >= asked_at or asked_at - kept[0] < self._seconds):
                return kept[1]
            began_at = time.monotonic()
            value = read()
            self._kept = (began_at, value) if len(value) >= self._worth_keeping else None
            return value
