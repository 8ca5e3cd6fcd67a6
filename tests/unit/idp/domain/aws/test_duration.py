"""How long, and which limit decided it."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.duration import (
    LONGEST,
    LONGEST_CHAINED,
    SHORTEST,
    GrantedDuration,
    Limit,
    honest_time,
    shortest_duration,
)


@pytest.mark.parametrize(
    ("rule", "role", "request_hours", "granted", "limit"),
    [
        (None, 4, None, 4, Limit.ROLE),
        (2, 4, None, 2, Limit.RULE),
        (4, 2, None, 2, Limit.ROLE),
        (2, 4, 1, 1, Limit.REQUEST),
        (2, 4, 3, 2, Limit.RULE),
        (None, 13, None, 12, Limit.AWS),
        (4, 4, 4, 4, Limit.REQUEST),
        (4, 4, None, 4, Limit.RULE),
        (None, 12, None, 12, Limit.ROLE),
        (None, 4, 0.1, 0.25, Limit.AWS),
    ],
)
def test_the_shortest_limit_wins_and_is_named(
    rule: float | None, role: float, request_hours: float | None, granted: float, limit: Limit
) -> None:
    """Of equal limits the narrowest decision is named; under AWS's minimum nothing can be stated."""
    spans = [timedelta(hours=hours) if hours is not None else None for hours in (rule, request_hours)]
    found = shortest_duration(rule=spans[0], role=timedelta(hours=role), request=spans[1])
    assert found == GrantedDuration(timedelta(hours=granted), limit)


spans = st.integers(1, 200_000).map(lambda seconds: timedelta(seconds=seconds))


@given(st.none() | spans, spans, st.none() | spans)
def test_it_is_never_longer_than_any_limit_nor_outside_what_aws_allows(
    rule: timedelta | None, role: timedelta, request_span: timedelta | None
) -> None:
    """Whatever is asked for, no limit is exceeded but for AWS's own minimum."""
    granted = shortest_duration(rule=rule, role=role, request=request_span)
    assert SHORTEST <= granted.duration <= LONGEST
    for limit in (rule, role, request_span):
        assert limit is None or granted.duration <= max(limit, SHORTEST)
    assert granted.seconds == granted.duration.total_seconds()


HOURS = (None, 0.5, 1, 2, 12)
LONG = (0.5, 1, 2, 12)


@pytest.mark.parametrize("console", [True, False])
@pytest.mark.parametrize("chained", [True, False])
@pytest.mark.attack("AW-06")
def test_every_combination_of_limits_gives_the_shortest_and_names_it(*, console: bool, chained: bool) -> None:
    """The whole grid: no limit is exceeded, the one named is the shortest, and a chained role has one hour."""
    cells = 0
    for role, rule, request, assertion in product(LONG, HOURS, HOURS, HOURS):
        spans = [timedelta(hours=hours) if hours else None for hours in (rule, request, assertion)]
        found = honest_time(
            console=console,
            role=timedelta(hours=role),
            rule=spans[0],
            request=spans[1],
            assertion=spans[2],
            chained=chained,
        )
        own = Limit.CONSOLE if console else Limit.API
        expected = {own: LONGEST, Limit.ROLE: timedelta(hours=role)}
        expected |= {Limit.CHAIN: LONGEST_CHAINED} if chained else {}
        named = zip((Limit.RULE, Limit.REQUEST, Limit.ASSERTION), spans, strict=True)
        expected |= {limit: span for limit, span in named if span is not None}
        assert dict(found.limits) == expected
        assert found.granted.duration == min(expected.values())
        assert expected[found.granted.limit] == found.granted.duration
        assert not chained or found.granted.duration <= timedelta(hours=1)
        cells += 1
    assert cells == len(LONG) * len(HOURS) ** 3


def test_of_equal_limits_the_narrowest_decision_is_named() -> None:
    """What the person asked for is narrower than the sign-in, that than the rule, that than the role, than AWS."""
    hour = timedelta(hours=1)
    order = [Limit.REQUEST, Limit.ASSERTION, Limit.RULE, Limit.ROLE]
    given = {"request": hour, "assertion": hour, "rule": hour}
    found = []
    for name in ("request", "assertion", "rule"):
        found.append(honest_time(console=False, role=hour, chained=True, **given).granted.limit)
        given[name] = None  # type: ignore[assignment] # likewise
    found.append(honest_time(console=False, role=hour, chained=True, rule=None).granted.limit)
    assert found == order


def test_a_sign_in_that_is_nearly_over_gives_aws_s_minimum() -> None:
    """AWS takes no less than a quarter of an hour; who has less left gets that, and AWS is named."""
    found = honest_time(
        console=True, role=timedelta(hours=1), rule=None, assertion=timedelta(minutes=3)
    ).granted
    assert (found.duration, found.limit) == (SHORTEST, Limit.AWS)
