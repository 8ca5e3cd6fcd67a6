"""How many signed calls an account may make in a region each second, where the world sets a limit."""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from sts_bridge.local_aws.errors import AwsError


@dataclass(slots=True)
class Pace:
    """A bucket for each account and region: it holds as many calls as a second brings, and fills steadily."""

    per_second: int | None
    _buckets: dict[tuple[str, str | None], tuple[float, datetime]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, account: str, region: str | None, *, now: datetime) -> None:
        """Let one more call go on, or refuse it with Throttling, which clients try again."""
        if self.per_second is None:
            return
        with self._lock:
            left, since = self._buckets.get((account, region), (float(self.per_second), now))
            gained = max(0.0, (now - since).total_seconds()) * self.per_second
            left = min(float(self.per_second), left + gained)
            self._buckets[account, region] = left - 1 if left >= 1 else left, now
        if left < 1:
            raise AwsError("Throttling", "Rate exceeded", reason="throttled")
