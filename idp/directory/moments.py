"""Moments as directories write them: LDAP's generalized time, and Active Directory's count since 1601."""

import re
from datetime import UTC, datetime, timedelta

BEGIN_OF_FILE_TIME = datetime(1601, 1, 1, tzinfo=UTC)

generalized_time = re.compile(
    r"(?P<day>[0-9]{8})(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})(?P<second>[0-5][0-9]|60)?)?"
    r"(?:[.,](?P<fraction>[0-9]{1,20}))?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3])(?P<minutes>[0-5][0-9])?)",
    re.ASCII,
)


def generalized_moment(text: str) -> datetime | None:
    """The moment in any form of RFC 4517, 3.3.13: without seconds, with a fraction, with an offset; or None."""
    found = generalized_time.fullmatch(text)
    if found is None:
        return None
    spelt = found["day"] + found["hour"] + (found["minute"] or "00")
    try:
        minute = datetime.strptime(spelt, "%Y%m%d%H%M").replace(tzinfo=UTC)
        return minute + timedelta(seconds=int(found["second"] or 0)) + _fraction(found) - _offset(found)
    except (ValueError, OverflowError):
        return None


def file_moment(value: int) -> datetime | None:
    """The moment of so many times 100 ns ([MS-DTYP] 2.3.3); None where no calendar has it."""
    try:
        return BEGIN_OF_FILE_TIME + timedelta(microseconds=value // 10)
    except OverflowError:
        return None


def _fraction(found: re.Match[str]) -> timedelta:
    """The fraction is one of the last part that is spelt out."""
    if found["fraction"] is None:
        return timedelta(0)
    unit = timedelta(hours=1) if found["minute"] is None else timedelta(minutes=1)
    unit = unit if found["second"] is None else timedelta(seconds=1)
    return unit * float(f"0.{found['fraction']}")


def _offset(found: re.Match[str]) -> timedelta:
    """How far the clock is ahead of UTC."""
    ahead = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    return -ahead if found["sign"] == "-" else ahead
