"""The pace of signed calls: as many as a second brings, each account and region for itself."""

from datetime import UTC, datetime, timedelta

import pytest

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.pace import Pace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def admitted(pace: Pace, calls: int, *, account: str = "1", region: str = "a", later: float = 0) -> int:
    count = 0
    for _ in range(calls):
        try:
            pace.admit(account, region, now=NOW + timedelta(seconds=later))
        except AwsError:
            continue
        count += 1
    return count


def test_a_bucket_empties_and_fills_again() -> None:
    """Three a second: three at once, one more after a third of a second, three again after a long while."""
    pace = Pace(3)
    assert admitted(pace, 10) == 3
    assert admitted(pace, 10, later=0.4) == 1
    assert admitted(pace, 10, later=60) == 3
    assert admitted(pace, 10, region="b") == 3
    assert admitted(pace, 10, account="2") == 3


def test_without_a_limit_nobody_waits() -> None:
    """A world that says nothing throttles nothing; a refusal has the code that clients try again."""
    assert admitted(Pace(None), 10_000) == 10_000
    pace = Pace(1)
    pace.admit("1", "a", now=NOW)
    with pytest.raises(AwsError) as refusal:
        pace.admit("1", "a", now=NOW)
    assert (refusal.value.status, refusal.value.code) == (400, "Throttling")
