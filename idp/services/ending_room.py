"""Who shares a role's room for denials, who needs a moment of their own, and how full it is."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Max

from idp.models import AccessSession, EndingDue, RoleRoom


def needed_until(role_arn: str, names: Collection[str]) -> dict[str, datetime]:
    """Until when the denial of each of these names matters in this role, as far as that is on record here."""
    known = EndingDue.objects.filter(role_arn=role_arn, session_name__in=names, until__isnull=False)
    return dict(known.order_by().values_list("session_name").annotate(Max("until")))


def names_with_more(role_arn: str, names: Collection[str], *, now: datetime) -> frozenset[str]:
    """Those of these names who hold something in this role, or are about to, that nobody has asked to end."""
    held = AccessSession.objects.open_at(now).filter(
        role_arn=role_arn, session_name__in=names, ending_due__isnull=True
    )
    return frozenset(held.order_by().values_list("session_name", flat=True).distinct())


def note_room(role_arn: str, *, taken: int, ours: int, of: int, now: datetime) -> None:
    """How much of AWS's room for inline policies this role takes, and our denials in it."""
    RoleRoom.objects.update_or_create(
        role_arn=role_arn,
        defaults={
            "percent": min(100, 100 * taken // of),
            "of_ours_percent": min(100, 100 * ours // of),
            "seen_at": now,
        },
    )
