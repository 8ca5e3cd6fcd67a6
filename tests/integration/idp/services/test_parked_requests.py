"""What strangers may have kept: so many waiting requests and octets, and one count for a host of many addresses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given
from hypothesis import strategies as st

from idp.conf.access import throttle_config
from idp.domain.authn_request import RequestNotTrusted
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.saml_names import Binding
from idp.models import AuditRecord, ParkedRequest, RefusalCount
from idp.services.audit import event_row
from idp.services.incoming import RawMessage, count_refusal
from idp.services.parked_requests import (
    WAITS_FOR,
    Parked,
    RequestGone,
    find_parked,
    new_secret,
    parked_row,
    take_parked,
)
from idp.services.waiting_room import ROW_OCTETS, TooManyWait, fair_share, tally
from idp.tasks import clear_marks

pytestmark = [pytest.mark.django_db, pytest.mark.attack("BF-03")]

MOST = 10
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def few() -> Iterator[None]:
    """Ten may wait of an address, or one megabyte; four megabytes in all."""
    with override_settings(
        DRAWBRIDGE_WAITING_PER_ADDRESS=MOST,
        DRAWBRIDGE_WAITING_MEGABYTES_PER_ADDRESS=1,
        DRAWBRIDGE_WAITING_MEGABYTES_IN_TOTAL=4,
    ):
        throttle_config.cache_clear()
        tally.forget()
        yield
    throttle_config.cache_clear()
    tally.forget()


def park(address: str, *, at: datetime = NOW, octets: int = 0) -> Parked:
    """A request from this address waits; of this size, if one is named."""
    parked = Parked(new_secret(), new_secret())
    text = "x" * (octets - ROW_OCTETS) if octets else "x"
    origin = Origin(address, "REF")
    row = parked_row(text, parked, binding=Binding.HTTP_REDIRECT, origin=origin, now=at)
    row.save(force_insert=True)
    return parked


def waits(parked: Parked, *, at: datetime = NOW) -> bool:
    """Whether the request waits still."""
    try:
        find_parked(parked.number, browser_secrets=[parked.secret], now=at)
    except RequestGone:
        return False
    return True


def held() -> int:
    """The octets that wait in all."""
    return int(ParkedRequest.objects.aggregate(held=Sum("octets"))["held"] or 0)


@pytest.mark.parametrize(
    ("here", "elsewhere"),
    [("203.0.113.7", "203.0.113.8"), ("2001:db8:0:1::{:x}", "2001:db8:0:2::1"), ("", "203.0.113.7")],
)
def test_a_stranger_does_not_fill_the_table(here: str, elsewhere: str) -> None:
    """So many wait of one address, or of one IPv6 host that changes its own; everybody else waits as before."""
    parked = [park(here.format(number)) for number in range(MOST)]
    with pytest.raises(TooManyWait) as refusal:
        park(here.format(MOST))
    assert refusal.value.retry_after > 0
    assert RefusalCount.objects.get(reason="saml.waiting.full").number == 1
    assert ParkedRequest.objects.count() == MOST
    park(elsewhere)
    # Whoever has signed in waits no longer, and makes room.
    take_parked(find_parked(parked[0].number, browser_secrets=[parked[0].secret], now=NOW))
    park(here.format(MOST))
    with pytest.raises(TooManyWait):
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


def test_a_few_large_requests_are_as_many_as_many_small_ones() -> None:
    """An address has so many octets waiting and no more, however few requests they are; others are not concerned."""
    large = [park("203.0.113.7", octets=300_000) for _ in range(3)]
    with pytest.raises(TooManyWait):
        park("203.0.113.7", octets=300_000)
    park("203.0.113.7", octets=100_000)
    park("203.0.113.8", octets=300_000)
    take_parked(find_parked(large[0].number, browser_secrets=[large[0].secret], now=NOW))
    park("203.0.113.7", octets=300_000)
    with pytest.raises(TooManyWait):
        park("203.0.113.7", octets=300_000)


@pytest.mark.parametrize("flood", ["198.51.100.{}", "2001:db8:1:{:x}::1"])
def test_a_flood_from_one_network_keeps_nobody_out(flood: str) -> None:
    """A network of many addresses fills the room: what it brought first gives way, and others wait undisturbed."""
    second = timedelta(seconds=1)
    before = [park("203.0.113.7"), park("192.0.2.9", octets=500_000)]
    brought, most = [], 0
    for number in range(60):
        brought.append(park(flood.format(number % 250), at=NOW + number * second, octets=200_000))
        most = max(most, held())
    assert most <= 4_000_000 + 200_000
    late = NOW + 60 * second
    after = [park("203.0.113.8", at=late), park("192.0.2.10", at=late, octets=500_000)]
    assert all(waits(one, at=late) for one in (*before, *after))
    kept = [waits(one, at=late) for one in brought]
    assert kept == sorted(kept), "the newest are kept"
    assert 0 < sum(kept) < len(kept)


def test_many_networks_share_the_room_fairly() -> None:
    """Where everybody floods, whoever holds less than a fair share gives nothing."""
    small = park("203.0.113.7", octets=100_000)
    second = timedelta(seconds=1)
    for number in range(40):
        park(f"198.51.{number % 5}.{number}", at=NOW + number * second, octets=400_000)
    assert waits(small, at=NOW + 41 * second)
    assert held() <= 4_400_000


def test_what_is_over_gives_way_first_and_the_timetable_clears_it() -> None:
    """Requests that nobody can take up any more make room before any other; once cleared nothing is left of them."""
    for number in range(9):
        park(f"198.51.100.{number}", at=NOW - WAITS_FOR, octets=400_000)
    waiting = [park(f"198.51.100.{number}", octets=400_000) for number in range(8)]
    park("203.0.113.7", at=NOW + timedelta(seconds=1), octets=400_000)
    assert all(waits(one) for one in waiting)
    ParkedRequest.objects.update(expires_at=NOW - timedelta(seconds=1))
    clear_marks()
    assert not ParkedRequest.objects.exists()


def test_where_there_is_room_nothing_is_asked() -> None:
    """What waits in all is counted once a second; a request that comes in between asks nothing before it is kept."""
    park("203.0.113.7")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for number in range(3):
            park(f"203.0.113.{number}", at=NOW + timedelta(milliseconds=100))
    assert [one["sql"].split()[0] for one in asked] == ["INSERT"] * 3


@pytest.mark.postgresql
def test_what_waits_is_counted_without_reading_what_it_says() -> None:
    """Of all together and of one address: a flood's messages lie beside the index that holds their sizes."""
    with CaptureQueriesContext(connection) as asked:
        for _ in range(MOST + 1):
            try:
                park("192.0.2.1")
            except TooManyWait:
                break
    counts = [one["sql"] for one in asked.captured_queries if "SUM(" in one["sql"]]
    assert len(counts) == 2
    with connection.cursor() as cursor:
        # The planner would read all of a table that is almost empty and was never vacuumed.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        for count in counts:
            cursor.execute(f"EXPLAIN {count}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Index Only Scan using what_waits_by_address" in plan, plan


@given(held=st.lists(st.integers(1, 1_000), max_size=12), room=st.integers(1, 3_000))
def test_fair_shares(held: list[int], room: int) -> None:
    """What is left has room, and no share could be larger by one for each of those that give way."""
    share = fair_share(held, room)
    left = sum(min(octets, share) for octets in held)
    crowded = sum(octets > share for octets in held)
    assert left <= max(room, 0) or not crowded
    assert not crowded or left + crowded > room


@pytest.mark.attack("RQ-06")
def test_what_waits_is_taken_up_once() -> None:
    """Whoever comes second writes nothing; whoever comes first has the rows written with that."""
    parked = park("203.0.113.7")
    waiting = find_parked(parked.number, browser_secrets=[parked.secret], now=NOW)
    rows = [event_row(AuditEvent.SERVICE_ANSWERED, at=NOW), event_row(AuditEvent.REQUEST_UNMET, at=NOW)]
    take_parked(waiting, *rows)
    with pytest.raises(RequestGone):
        take_parked(waiting, *rows)
    with pytest.raises(RequestGone):
        take_parked(waiting)
    assert AuditRecord.objects.count() == len(rows)
    assert not ParkedRequest.objects.exists()


@given(value=st.text(st.characters(exclude_categories=["Cs"])))
@example("%2B&+=;\0#")
def test_what_a_form_held_is_read_again_as_it_came(value: str) -> None:
    """Whatever stands in a field: it cannot become another field, and the table can hold it."""
    raw = RawMessage.of_form({"SAMLRequest": [value], "RelayState": ["x"], "other": ["y"]})
    assert parse_qs(raw.text, keep_blank_values=True) == {"SAMLRequest": [value], "RelayState": ["x"]}
    assert "\0" not in raw.text
