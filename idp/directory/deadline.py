"""How long one use-case may wait in all: a value that is handed on, so that all its parts share one limit."""

import math
import time
from dataclasses import dataclass
from typing import Self

from idp.domain.errors import DirectoryUnavailable


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the machine's steady clock after which nobody waits any more."""

    ends_at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """So many seconds from here on."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """How many seconds are left, never below zero."""
        return max(0.0, self.ends_at - time.monotonic())

    def at_most(self, seconds: float) -> float:
        """The limit of one wait: so long, or what is left of the whole; Unavailable where nothing is left."""
        left = self.remaining()
        if not left:
            raise DirectoryUnavailable("the time for asking the directory has run out")
        return min(seconds, left)

    def or_within(self, seconds: float) -> "Deadline":
        """This one, or so many seconds from here on, whichever comes first."""
        return Deadline(min(self.ends_at, time.monotonic() + seconds))


# No limit on the whole; each single wait still has its own.
NO_DEADLINE = Deadline(math.inf)
