"""Whether people who are not there any more have left: a right to read that was taken from us looks the same.

Believed at once it would end the work of a whole company, so that most of it must not be missing.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from idp.conf.access import access_config
from idp.directory.directories import find_each
from idp.domain.errors import DirectoryUnavailable
from idp.models import DirectorySnapshot
from idp.services.snapshots import last_there

logger = logging.getLogger("drawbridge.services")

# So many, and more than half of those asked about: rather a fault of the directory than people who left.
MANY_GONE = 10
OTHERS_ASKED = 20


def have_left(absent: Sequence[DirectorySnapshot], *, directory: str, asked: int, now: datetime) -> bool:
    """Whether these, of so many of this directory who were asked about, are gone for good.

    Where most of them are missing, others are asked about too; where most of all seem to have left at once it
    is not believed before everybody's recheck deadline.
    """
    if 2 * len(absent) <= asked:
        return True
    try:
        others = _others(directory, besides=absent)
        missing = sum(answer is None for _, answer in find_each(directory, others, now=now, names=False))
    except DirectoryUnavailable as problem:
        logger.warning("sweep.directory.unavailable", extra={"facts": {"cause": problem.cause}})
        return False
    gone, of = len(absent) + missing, asked + len(others)
    if gone < MANY_GONE or 2 * gone <= of:
        return True
    oldest_that_counts = now - access_config().recheck_deadline
    believed = all(last_there(row) <= oldest_that_counts for row in absent)
    facts = {"directory": directory, "gone": gone, "asked": of, "believed": believed}
    logger.error("sweep.many-gone", extra={"facts": facts})
    return believed


def _others(directory: str, *, besides: Sequence[DirectorySnapshot]) -> list[str]:
    """The identifiers of some other people of this directory, the last taken up first."""
    rows = DirectorySnapshot.objects.filter(user__directory=directory).exclude(
        pk__in=[row.pk for row in besides]
    )
    newest = rows.order_by("-swept_at").values_list("identity__immutable_id", flat=True)
    return list(newest[:OTHERS_ASKED])
