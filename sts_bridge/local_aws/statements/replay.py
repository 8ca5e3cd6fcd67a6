"""Marks of used statements: AWS takes one again within its five minutes, a strict world does not."""

from datetime import datetime
from typing import Final

_MOST_MARKS: Final = 100_000


class ReplayMarks:
    """Remembers each use until the statement is too old to be used at all."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str, str], datetime] = {}

    def claim(self, mark: tuple[str, str, str], *, until: datetime, now: datetime) -> bool:
        """Tell whether this is the first use; where no more marks can be kept, no use is the first."""
        if len(self._until) >= _MOST_MARKS:
            self._until = {known: end for known, end in self._until.items() if end > now}
        if mark in self._until or len(self._until) >= _MOST_MARKS:
            return False
        self._until[mark] = until
        return True
