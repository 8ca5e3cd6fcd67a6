"""The budget of wrong passwords, kept below every threshold."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.password_policy import MARGIN, NEVER_FORGOTTEN, Lockout, budget, strictest

WINDOW = timedelta(minutes=15)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.attack("BF-02")
@given(
    threshold=st.integers(min_value=2, max_value=999),
    tries=st.integers(min_value=1, max_value=20),
    reserve=st.integers(min_value=0, max_value=20),
)
def test_no_budget_reaches_the_threshold(threshold: int, tries: int, reserve: int) -> None:
    """Whatever is configured: everybody has a try, all together stay below, and something is kept where it can be."""
    found = budget(Lockout(threshold, HALF_AN_HOUR), tries=tries, reserve=reserve, window=WINDOW)
    assert 1 <= found.tries <= found.known_tries < threshold
    assert found.seen is not None
    assert found.known_seen == threshold - 1 >= found.seen
    if threshold > 2 and reserve:
        assert found.tries < found.known_tries
        assert found.seen < found.known_seen
    assert found.window == HALF_AN_HOUR + MARGIN


@pytest.mark.parametrize(
    ("threshold", "strangers", "together"),
    [(0, 5, 8), (50, 5, 8), (10, 5, 8), (5, 3, 4), (4, 2, 3), (3, 1, 2), (2, 1, 1)],
)  # fmt: skip
def test_the_usual_budgets(threshold: int, strangers: int, together: int) -> None:
    """What the handbook promises for the thresholds that companies have."""
    found = budget(Lockout(threshold, HALF_AN_HOUR), tries=5, reserve=3, window=WINDOW)
    assert (found.tries, found.known_tries) == (strangers, together)


def test_a_directory_that_never_locks_or_never_forgets() -> None:
    """Without a threshold nothing that is seen matters; without forgetting we remember for very long."""
    free = budget(Lockout(0, None), tries=5, reserve=3, window=WINDOW)
    assert (free.seen, free.known_seen, free.window) == (None, None, WINDOW)
    assert budget(Lockout(5, None), tries=5, reserve=3, window=WINDOW).window > NEVER_FORGOTTEN


def test_the_strictest_of_several() -> None:
    """The lowest threshold, the longest memory and the longest lock, whichever policies they stand in."""
    lax, strict, free = Lockout(10, WINDOW, None), Lockout(3, HALF_AN_HOUR, WINDOW), Lockout(0, None)
    assert strictest([lax, free, strict]) == Lockout(3, HALF_AN_HOUR, None)
    assert strictest([free, free]) == free
    assert strictest([strict]) == strict
    assert strictest([strict, Lockout(4, None, WINDOW)]) == Lockout(3, None, WINDOW)
