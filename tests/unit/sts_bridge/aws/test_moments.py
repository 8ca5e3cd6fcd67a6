"""When credentials were issued, by the clock of AWS: a date counts as far as the answer itself bears it out."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sts_bridge.aws.sts import _answered_at, _credentials

ISSUED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ASKED_FOR = timedelta(hours=1)


def answer(date: str | None, *, lasts: timedelta = ASKED_FOR) -> dict[str, Any]:
    """What STS says, or a proxy before it."""
    return {
        "Credentials": {
            "AccessKeyId": "ASIAMADEUPMADEUPMADE",
            "SecretAccessKey": "made/up",
            "SessionToken": "made/up",
            "Expiration": ISSUED_AT + lasts,
        },
        "ResponseMetadata": {"HTTPHeaders": {} if date is None else {"date": date}},
    }


def issued_at(date: str | None, *, lasts: timedelta = ASKED_FOR) -> datetime:
    return _credentials(answer(date, lasts=lasts), "arn", ASKED_FOR).issued_at


@pytest.mark.fault(15)
def test_a_date_counts_up_to_the_end_of_what_was_given() -> None:
    """Years off, it would deny a role for years; a statement that shortened the session is what it is for."""
    at = ISSUED_AT + timedelta(seconds=2)
    assert issued_at(format_datetime(at, usegmt=True)) == at
    assert issued_at(format_datetime(at, usegmt=True), lasts=timedelta(minutes=20)) == at
    assert issued_at(None) == ISSUED_AT
    kept_by_a_cache = format_datetime(ISSUED_AT - timedelta(days=400), usegmt=True)
    assert issued_at(kept_by_a_cache) == ISSUED_AT
    for years_off in ("Fri, 02 Mar 2046 09:30:02 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert issued_at(years_off) == ISSUED_AT + ASKED_FOR, "what has ended is not issued later"


@pytest.mark.parametrize("date", ["", "now", "Fri, 31 Dec 9999 23:59:59 -0100"])
def test_a_date_that_is_none_says_nothing(date: str) -> None:
    """Unreadable, or no moment that can be told: as if there were none."""
    assert _answered_at(answer(date)) is None
    assert issued_at(date) == ISSUED_AT
