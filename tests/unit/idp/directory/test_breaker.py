"""A breaker, second by second."""

import pytest

from idp.directory import breaker as breakers
from idp.directory.breaker import (
    FAILURES_IN_A_ROW,
    HOLD_OFF,
    HOLD_OFF_AFTER_REFUSED_BIND,
    LONGEST_HOLD_OFF,
    Breaker,
)


class Clock:
    """A steady clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """The moment that the test has set."""
        return self.now


def state_of(breaker: Breaker) -> str:
    """The breaker's state as an operator reads it."""
    return breaker.state.value


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(breakers, "time", made)
    return made


@pytest.mark.fault(2)
@pytest.mark.usefixtures("clock")
def test_it_opens_after_failures_in_a_row() -> None:
    """One failure less leaves it closed, and an answer in between begins the count anew."""
    breaker = Breaker()
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker.failed()
    breaker.answered()
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker.failed()
    assert state_of(breaker) == "closed"
    breaker.failed()
    assert state_of(breaker) == "open"


@pytest.mark.fault(2)
def test_one_prober_at_a_time_and_only_after_the_hold_off(clock: Clock) -> None:
    """An open breaker lends one probe; while it is out, and for the hold-off after it failed, there is none."""
    breaker = Breaker()
    breaker.stalled(since=clock.now)
    assert state_of(breaker) == "open"
    assert breaker.claim_probe()
    assert state_of(breaker) == "half-open"
    assert not breaker.claim_probe()
    breaker.stalled(since=clock.now)
    breaker.probe_ended()
    assert not breaker.is_probed
    clock.now += HOLD_OFF - 0.1
    assert not breaker.claim_probe()
    clock.now += 0.2
    assert breaker.claim_probe()
    breaker.answered()
    breaker.probe_ended()
    assert state_of(breaker) == "closed"


def test_a_question_that_was_too_hard_is_no_stall(clock: Clock) -> None:
    """Where others were answered while one waited, the server is not shut off: it counts as one failure."""
    breaker = Breaker()
    began = clock.now
    clock.now += 1
    breaker.answered()
    clock.now += 2
    breaker.stalled(since=began)
    assert state_of(breaker) == "closed"
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker.stalled(since=began)
    assert state_of(breaker) == "open"


def test_a_wrong_service_password_is_left_alone_for_longer(clock: Clock) -> None:
    """A server that refuses our own bind is not tried again soon: it would lock the account."""
    breaker = Breaker()
    breaker.refused_our_bind()
    clock.now += HOLD_OFF_AFTER_REFUSED_BIND - 1
    assert not breaker.claim_probe()
    clock.now += 2
    assert breaker.claim_probe()


@pytest.mark.fault(4)
def test_each_refusal_of_our_bind_doubles_the_wait_and_nothing_but_a_bind_ends_it(clock: Clock) -> None:
    """Six tries in the first hour, one in each after it; what a kept connection answers changes nothing."""
    breaker = Breaker()
    tried_at: list[float] = []
    while clock.now < 1_000 + 4 * 3_600:
        if breaker.claim_bind():
            assert len(tried_at) == 0 or not breaker.claim_bind()
            tried_at.append(clock.now)
            breaker.refused_our_bind()
        breaker.answered()
        clock.now += 10
    assert sum(moment < 1_000 + 3_600 for moment in tried_at) == 6
    assert tried_at[-1] - tried_at[-2] == LONGEST_HOLD_OFF
    clock.now += LONGEST_HOLD_OFF
    assert breaker.claim_bind()
    breaker.took_our_bind()
    assert breaker.claim_bind()
    breaker.refused_our_bind()
    clock.now += HOLD_OFF_AFTER_REFUSED_BIND
    assert breaker.claim_bind()


def test_who_is_refused_at_the_same_moment_counts_once(clock: Clock) -> None:
    """Several threads that open connections just then are one refusal, not one doubling each."""
    breaker = Breaker()
    assert all(breaker.claim_bind() for _ in range(4))
    for _ in range(4):
        breaker.refused_our_bind()
    clock.now += HOLD_OFF_AFTER_REFUSED_BIND
    assert breaker.claim_bind()
    assert not breaker.claim_bind()
