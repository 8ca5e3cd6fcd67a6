"""How much may wait for sign-ins: so many requests and octets of one address, and so many octets in all.

Whose a request is nobody knows before the sign-in, so anybody may bring as many as they like. Where too much waits
in all, the oldest give way of those networks that hold the most: no flood keeps anybody else's request out.
"""

import logging
import threading
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Count, F, Sum, Window

from idp.conf.access import throttle_config
from idp.domain.errors import Throttled
from idp.models import ParkedRequest

COUNTED_AT_MOST_EVERY = timedelta(seconds=1)
FULL_FOR = 60
# What a row takes beside its message, keys and indexes included.
ROW_OCTETS = 512
# So much of the room is left where some had to give way, so that not everybody who comes must ask them again.
KEPT_OF_FOUR = 3

logger = logging.getLogger("drawbridge.saml")


class TooManyWait(Throttled):
    """As many requests of this address wait as may."""

    code = "too-many-wait"
    reason = "saml.waiting.full"
    sentence = "Too many sign-ins from your network are waiting. Please try again in a minute."


class Tally:
    """What waits in all, as this process knows it: counted once a second at most, and its own added to that."""

    def __init__(self) -> None:
        """Nothing has been counted yet."""
        self._lock = threading.Lock()
        self._counted_at: datetime | None = None
        self._rows = 0
        self._octets = 0

    def with_one_more(self, octets: int, *, now: datetime) -> tuple[int, int]:
        """How many wait and how much they take, with one more of this size."""
        with self._lock:
            is_due = self._counted_at is None or abs(now - self._counted_at) >= COUNTED_AT_MOST_EVERY
            if is_due:
                # Whoever comes meanwhile goes by the former count.
                self._counted_at = now
        if is_due:
            counted = ParkedRequest.objects.aggregate(rows=Count("*"), octets=Sum("octets"))
            with self._lock:
                self._rows, self._octets = counted["rows"], counted["octets"] or 0
        with self._lock:
            self._rows += 1
            self._octets += octets
            return self._rows, self._octets

    def forget(self) -> None:
        """What waits is counted anew when the next one comes."""
        with self._lock:
            self._counted_at = None


tally = Tally()


def check_room(address: str, octets: int, *, now: datetime) -> None:
    """One more request of this size and address may wait; refuses with TooManyWait where the address holds too much.

    One statement a second tells that there is room for everybody; only where there may not be, another one is asked.
    """
    limits = throttle_config()
    rows, total = tally.with_one_more(octets, now=now)
    if rows > limits.waiting_per_address or total > limits.waiting_octets_per_address:
        held = ParkedRequest.objects.filter(address=address, expires_at__gt=now).aggregate(
            rows=Count("*"), octets=Sum("octets")
        )
        if held["rows"] >= limits.waiting_per_address:
            raise TooManyWait(f"{held['rows']} requests of {address} wait", retry_after=FULL_FOR)
        if (held["octets"] or 0) + octets > limits.waiting_octets_per_address:
            raise TooManyWait(f"{held['octets']} octets of {address} wait", retry_after=FULL_FOR)
    if total > limits.waiting_octets_in_total:
        make_room(now=now)


def make_room(*, now: datetime) -> int:
    """No more waits in all than may; gives how many gave way that somebody might still have wanted."""
    try:
        with transaction.atomic():
            ParkedRequest.objects.filter(expires_at__lte=now).delete()
            gone = _the_most_crowded_give_way()
    except DatabaseError:
        # Two may have done it at once; whoever is next sees to it again.
        logger.exception("saml.waiting.not_cleared")
        return 0
    finally:
        tally.forget()
    if gone:
        logger.warning("saml.waiting.gave_way", extra={"facts": {"requests": gone}})
    return gone


def _the_most_crowded_give_way() -> int:
    total = throttle_config().waiting_octets_in_total
    rows = ParkedRequest.objects.order_by().values_list("network").annotate(held=Sum("octets"))
    held = {str(network): int(octets) for network, octets in rows}
    if sum(held.values()) <= total:
        return 0
    share = fair_share(held.values(), total * KEPT_OF_FOUR // 4)
    crowded = [network for network, octets in held.items() if octets > share]
    newest_first = Window(
        Sum("octets"), partition_by=F("network"), order_by=[F("received_at").desc(), F("key_hash").asc()]
    )
    too_much = ParkedRequest.objects.filter(network__in=crowded).annotate(held=newest_first)
    keys = too_much.filter(held__gt=share).values("key_hash")
    return ParkedRequest.objects.filter(key_hash__in=keys).delete()[0]


def fair_share(held: Collection[int], room: int) -> int:
    """The most that each may keep so that all together have room: whoever holds less gives nothing."""
    left, others = room, len(held)
    for octets in sorted(held):
        if octets > left // others:
            return left // others
        left, others = left - octets, others - 1
    return max(held, default=0)
