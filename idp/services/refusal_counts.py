"""Refusals that get no audit row of their own, because anybody could fill the trail: counted, one row a minute."""

import logging
from datetime import datetime

from django.db import DatabaseError
from django.db.models import F

from idp.models import RefusalCount
from idp.services.audit import storable
from idp.services.throttle import host_of

LONGEST_REASON = 80

logger = logging.getLogger("drawbridge.services")


def count_by_minute(reason: str, *, address: str, now: datetime) -> None:
    """One more for this reason and address in this minute; counting must not stand in the refusal's way."""
    row = {
        "reason": storable(reason, LONGEST_REASON),
        "address": host_of(address)[:45],
        "minute": now.replace(second=0, microsecond=0),
    }
    try:
        if not RefusalCount.objects.filter(**row).update(number=F("number") + 1):
            made = RefusalCount.objects.bulk_create([RefusalCount(**row, number=0)], ignore_conflicts=True)
            RefusalCount.objects.filter(**row).update(number=F("number") + len(made))
    except DatabaseError:
        logger.exception("refusal.not_counted")
