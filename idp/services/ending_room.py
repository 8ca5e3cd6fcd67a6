"""Who shares a role's room for denials, who needs a moment of their own, and how full it is."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery

from idp.domain.aws.duration import LONGEST
from idp.models import AccessSession, EndingDue, EndingState, RoleEnding, RoleRoom

SEEN_AGAIN_AFTER = timedelta(hours=1)


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


def roles_to_look_at(*, now: datetime, limit: int) -> list[str]:
    """The roles in which denials must stand that nobody has seen there for an hour, the longest unseen first."""
    due = Q(denied_at__lte=now - SEEN_AGAIN_AFTER, next_try_at__lte=now)
    persons = EndingDue.objects.filter(due, state=EndingState.DENIED.value, until__gt=now)
    unseen = {**_unseen(persons, now, limit), **_unseen(_live_whole_roles(now).filter(due), now, limit)}
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(unseen, key=lambda role_arn: (unseen[role_arn] or never, role_arn))[:limit]


def _unseen(
    rows: QuerySet[EndingDue] | QuerySet[RoleEnding], now: datetime, limit: int
) -> dict[str, datetime | None]:
    """So many roles of these rows that nobody has seen for an hour, and when each was seen last, if ever."""
    seen = RoleRoom.objects.filter(role_arn=OuterRef("role_arn")).values("seen_at")
    roles = rows.order_by().values("role_arn").distinct().annotate(seen_at=Subquery(seen))
    due = roles.filter(Q(seen_at__isnull=True) | Q(seen_at__lte=now - SEEN_AGAIN_AFTER))
    first = due.order_by(F("seen_at").asc(nulls_first=True), "role_arn")
    return {row["role_arn"]: row["seen_at"] for row in first[:limit]}


def _live_whole_roles(now: datetime) -> QuerySet[RoleEnding]:
    """Denials of whole roles that a session which was issued before their moment could still outlive."""
    return RoleEnding.objects.filter(state=EndingState.DENIED.value, denied_before__gt=now - LONGEST)


def whole_role_denied(role_arn: str, *, now: datetime) -> datetime | None:
    """The moment that must stand in AWS's own policy of this role; None where no session from before it can live."""
    live = _live_whole_roles(now).filter(role_arn=role_arn)
    moment: datetime | None = live.aggregate(at=Max("denied_before"))["at"]
    return moment


def note_not_seen(role_arn: str, *, now: datetime) -> None:
    """AWS could not be asked about this role: others have their turn first."""
    denied = EndingDue.objects.filter(role_arn=role_arn, state=EndingState.DENIED.value, until__gt=now)
    denied.update(next_try_at=now + SEEN_AGAIN_AFTER)
    whole = _live_whole_roles(now).filter(role_arn=role_arn)
    whole.update(next_try_at=now + SEEN_AGAIN_AFTER)
