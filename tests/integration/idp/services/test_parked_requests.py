"""What strangers may have kept: so many waiting requests an address, and one count for a host of many addresses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from idp.conf import throttle_config
from idp.domain.authn_request import RequestNotTrusted
from idp.domain.errors import Throttled
from idp.domain.origin import Origin
from idp.models import ParkedRequest, RefusalCount
from idp.services.incoming import RawMessage, count_refusal
from idp.services.parked_requests import (
    WAITS_FOR,
    Parked,
    find_parked,
    new_secret,
    parked_row,
    take_parked,
)

pytestmark = [pytest.mark.django_db, pytest.mark.attack("BF-03")]

MOST = 10
NOW = datetime.now(UTC)
RAW = RawMessage.of_query("SAMLRequest=x")


@pytest.fixture(autouse=True)
def few() -> Iterator[None]:
    """Ten may wait."""
    with override_settings(DRAWBRIDGE_WAITING_PER_ADDRESS=MOST):
        throttle_config.cache_clear()
        yield
    throttle_config.cache_clear()


def park(address: str, *, at: datetime = NOW) -> Parked:
    """A request from this address waits."""
    parked = Parked(new_secret(), new_secret())
    origin = Origin(address, "REF")
    parked_row(RAW, number=parked.number, secret=parked.secret, origin=origin, now=at).save(force_insert=True)
    return parked


@pytest.mark.parametrize(
    ("here", "elsewhere"),
    [("203.0.113.7", "203.0.113.8"), ("2001:db8:0:1::{:x}", "2001:db8:0:2::1"), ("", "203.0.113.7")],
)
def test_a_stranger_does_not_fill_the_table(here: str, elsewhere: str) -> None:
    """So many wait of one address, or of one IPv6 host that changes its own; everybody else waits as before."""
    parked = [park(here.format(number)) for number in range(MOST)]
    with pytest.raises(Throttled) as refusal:
        park(here.format(MOST))
    assert refusal.value.retry_after > 0
    assert ParkedRequest.objects.count() == MOST
    park(elsewhere)
    # Whoever has signed in waits no longer, and makes room.
    take_parked(find_parked(parked[0].number, browser_secrets=[parked[0].secret], now=NOW))
    park(here.format(MOST))
    with pytest.raises(Throttled):
        park(here.format(MOST))
    park(here.format(MOST), at=NOW + WAITS_FOR + timedelta(seconds=1))


def test_a_host_of_many_addresses_has_one_count() -> None:
    """A refusal more is a number more, not a row more, however many addresses a host gives itself."""
    refusal = RequestNotTrusted("saml.request.acs")
    for number in range(5):
        count_refusal(refusal, origin=Origin(f"2001:db8:0:1::{number:x}", "REF"), now=NOW)
    count_refusal(refusal, origin=Origin("2001:db8:0:2::1", "REF"), now=NOW)
    assert sorted(RefusalCount.objects.values_list("address", "number")) == [
        ("2001:db8:0:1::/64", 5),
        ("2001:db8:0:2::/64", 1),
    ]
