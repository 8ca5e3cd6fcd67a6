"""One limit for all parts of a use-case."""

import pytest

from idp.directory.deadline import NO_DEADLINE, Deadline
from idp.domain.errors import DirectoryUnavailable


def test_a_wait_ends_with_the_whole() -> None:
    """A single wait has its own limit, or what is left of the whole, whichever is less."""
    deadline = Deadline.after(100)
    assert deadline.at_most(3) == 3
    assert 99 < deadline.at_most(1_000) <= 100
    assert NO_DEADLINE.at_most(3) == 3
    assert 2 < NO_DEADLINE.or_within(3).remaining() <= 3
    assert 99 < deadline.or_within(1_000).remaining() <= 100


def test_where_nothing_is_left_nobody_waits() -> None:
    """After its end every further wait is refused; before, it is not."""
    assert Deadline.after(60).at_most(3)
    with pytest.raises(DirectoryUnavailable, match="run out"):
        Deadline.after(-1).at_most(3)
    assert not Deadline.after(-1).remaining()
