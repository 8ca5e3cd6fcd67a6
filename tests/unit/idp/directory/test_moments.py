"""Moments as directories write them, and what is none."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.directory.moments import BEGIN_OF_FILE_TIME, file_moment, generalized_moment

HALF_PAST_NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.spec("RFC 4517", "3.3.13", "generalized time in all its forms")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20260302093000Z", 0),
        ("202603020930Z", 0),
        ("2026030209Z", -1_800),
        ("2026030209.5Z", 0),
        ("202603020930,5Z", 30),
        ("20260302093000.25Z", 0.25),
        ("20260302093060Z", 60),
        ("20260302103000+0100", 0),
        ("20260302103000+01", 0),
        ("20260302050000-0430", 0),
        ("202603020930-0000", 0),
    ],
)
def test_every_legal_form_is_read(text: str, seconds: float) -> None:
    """With and without minutes, seconds and fraction, in UTC and beside it, it is one moment."""
    assert generalized_moment(text) == HALF_PAST_NINE + timedelta(seconds=seconds)


@pytest.mark.spec("RFC 4517", "3.3.13", "generalized time in all its forms")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "20260302093000",
        "20260302093000z",
        "20260302093000Z\n",
        "20260302093061Z",
        "20260302096000Z",
        "20260302240000Z",
        "20260230093000Z",
        "20260302093000.Z",
        "20260302093000+2400",
        "20260302093000+0160",
        "000001010000Z",
        "99991231235959-0100",
        "2026030209300\N{ARABIC-INDIC DIGIT ZERO}Z",
    ],
)
def test_what_is_no_moment_is_none(text: str) -> None:
    """Nothing is guessed: a day that is in no calendar, a foreign digit or a missing zone is no moment."""
    assert generalized_moment(text) is None


@pytest.mark.spec("MS-DTYP", "2.3.3", "FILETIME counts 100 ns since 1601")
def test_a_count_since_1601() -> None:
    """A number is its moment; one that lies beyond every calendar is none."""
    assert file_moment(0) == BEGIN_OF_FILE_TIME
    assert (
        file_moment((HALF_PAST_NINE - BEGIN_OF_FILE_TIME) // timedelta(microseconds=1) * 10) == HALF_PAST_NINE
    )
    for beyond in (0x7FFF_FFFF_FFFF_FFFE, -0x8000_0000_0000_0000):
        assert file_moment(beyond) is None
