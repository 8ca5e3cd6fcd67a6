"""How long, and which limit decided it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.duration import LONGEST, SHORTEST, GrantedDuration, Limit, shortest_duration


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
