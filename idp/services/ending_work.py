"""The work on endings, role by role: what is due, who works on it, what became of it.

One at a time writes the policies of a role, because each writes the whole of them: a lease, taken by
compare-and-set, that ends by itself where its holder is gone.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Q

from idp.domain.access_session import AccessKind, AccessState
from idp.domain.assertion import BACKDATED_FOR, VALID_FOR
from idp.domain.aws.role import Road
from idp.domain.events import AuditEvent
from idp.models import AccessSession, EndingDue, EndingState, RoleEnding, RoleLease
from idp.services.access_events import write_of_access
from idp.services.audit import write_event
from idp.services.endings import JUST_AFTER

LEASED_FOR = timedelta(seconds=90)
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=15)
CLEARED_AGAIN_AFTER = timedelta(hours=1)
LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class WantedDenial:
    """Sessions of this name issued before this moment must be denied, until none of them can live.

    `is_due` says that nobody has seen this denial in AWS yet.
    """

    access: UUID
    is_due: bool
    session_name: str
    before: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class RoleWork:
    """What the policies of one role must say: all live denials, old and new, and the moment for the whole role."""

    role_arn: str
    denials: tuple[WantedDenial, ...]
    whole_role_before: datetime | None

    def without_due(self) -> "RoleWork":
        """What has been seen in AWS before, and nothing new."""
        denied = tuple(one for one in self.denials if not one.is_due)
        return replace(self, denials=denied, whole_role_before=None)

    def by_their_clock(self, ahead: timedelta) -> "RoleWork":
        """The same where AWS's clock is ahead of ours: what is due ends with what AWS has issued until the wish.

        Where it is behind, our own moments are the later ones and hold.
        """
        if ahead <= timedelta():
            return self
        whole = self.whole_role_before
        return replace(
            self,
            denials=tuple(
                replace(one, before=one.before + ahead) if one.is_due else one for one in self.denials
            ),
            whole_role_before=whole + ahead if whole is not None else None,
        )


def roles_with_work(*, now: datetime, limit: int) -> list[str]:
    """The roles with endings that are due to be tried now, the longest due first."""
    due = Q(state=EndingState.DUE.value, next_try_at__lte=now)
    whole, persons = RoleEnding.objects.filter(due), EndingDue.objects.filter(due, until__gt=now)
    first = [
        role_arn
        for rows in (whole, persons)
        for role_arn, _ in rows.order_by()
        .values_list("role_arn")
        .annotate(at=Min("next_try_at"))
        .order_by("at", "role_arn")[:limit]
    ]
    return list(dict.fromkeys(first))[:limit]


def roles_to_clear(*, now: datetime, limit: int) -> list[str]:
    """The roles in whose policies something stands that no longer matters."""
    past = EndingDue.objects.filter(state=EndingState.DENIED.value, until__lte=now, next_try_at__lte=now)
    return list(past.order_by().values_list("role_arn", flat=True).distinct()[:limit])


def lease_role(role_arn: str, *, now: datetime) -> bool:
    """Whether this caller alone may write the policies of this role now."""
    until = now + LEASED_FOR
    if RoleLease.objects.filter(role_arn=role_arn, leased_until__lte=now).update(leased_until=until):
        return True
    try:
        with transaction.atomic():
            RoleLease.objects.create(role_arn=role_arn, leased_until=until)
    except IntegrityError:
        return False
    return True


def keep_lease(role_arn: str, *, leased_at: datetime, now: datetime) -> bool:
    """Whether the lease of that moment is still the caller's; then it lasts as long as one taken now."""
    mine = RoleLease.objects.filter(role_arn=role_arn, leased_until=leased_at + LEASED_FOR)
    return bool(mine.update(leased_until=now + LEASED_FOR))


def release_role(role_arn: str, *, leased_at: datetime) -> None:
    """The next may write; a lease that another has taken meanwhile stays theirs."""
    RoleLease.objects.filter(role_arn=role_arn, leased_until=leased_at + LEASED_FOR).delete()


def work_of(role_arn: str, *, now: datetime) -> RoleWork:
    """All that must stand in the role's policies now."""
    live = EndingDue.objects.filter(role_arn=role_arn, until__gt=now).exclude(
        state__in=[EndingState.IMPOSSIBLE.value, EndingState.CLEARED.value]
    )
    rows = live.order_by("due_since", "pk").values_list(
        "pk", "state", "session_name", "denied_before", "until"
    )
    denials = tuple(
        WantedDenial(number, state == EndingState.DUE.value, name, before, until)
        for number, state, name, before, until in rows
        if before and until
    )
    return RoleWork(role_arn, denials, _whole_role_before(role_arn))


def _whole_role_before(role_arn: str) -> datetime | None:
    """The moment for the whole role, if it must end; later where a statement turned up that was signed meanwhile."""
    due = RoleEnding.objects.filter(role_arn=role_arn, state=EndingState.DUE.value)
    wanted = due.aggregate(before=Max("denied_before"), asked_at=Max("due_since"))
    if wanted["before"] is None:
        return None
    posted = AccessSession.objects.filter(
        role_arn=role_arn, kind=AccessKind.CONSOLE.value, access_key_id="", started_at__lte=wanted["asked_at"]
    ).exclude(state=AccessState.ENDED.value)
    youngest = posted.aggregate(at=Max("started_at"))["at"]
    older = AccessSession.objects.filter(role_arn=role_arn, started_at__lte=wanted["asked_at"])
    issued = older.exclude(state=AccessState.ENDED.value).aggregate(at=Max("issued_at"))["at"]
    moments: list[datetime] = [wanted["before"]]
    if youngest is not None:
        moments.append(youngest + VALID_FOR + BACKDATED_FOR)
    if issued is not None:
        moments.append(issued + JUST_AFTER)
    return max(moments)


def note_denied(work: RoleWork, denied: Collection[UUID], *, now: datetime) -> int:
    """What was due of these accesses is denied in AWS and was read back; they are over from now on, on record.

    The record has the moment that stands in AWS. An access whose credentials AWS has issued later than that is none
    of them: it stays due.
    """
    moments = {one.access: one.before for one in work.denials if one.access in denied}
    with transaction.atomic():
        rows = EndingDue.objects.filter(pk__in=list(moments), state=EndingState.DUE.value)
        due = [
            row
            for row in rows.select_related("access__user").select_for_update(of=("self",))
            if row.access.issued_at is None or row.access.issued_at < moments[row.pk]
        ]
        for row in due:
            row.state, row.denied_at = EndingState.DENIED.value, now
            row.problem = row.problem_code = ""
            row.denied_before = moments[row.pk]
        EndingDue.objects.bulk_update(due, ["state", "problem", "problem_code", "denied_at", "denied_before"])
        denied_now = AccessSession.objects.filter(pk__in=[row.pk for row in due], ends_at__gt=now)
        denied_now.locked().update(ends_at=now)
        for row in due:
            _write(AuditEvent.ENDING_DONE, row, now)
    return len(due)


def note_role_denied(work: RoleWork, *, now: datetime) -> int:
    """Every session of the role that was issued before the moment is denied; what is on record of them is over."""
    before = work.whole_role_before
    if before is None:
        return 0
    with transaction.atomic():
        due = RoleEnding.objects.filter(
            role_arn=work.role_arn, state=EndingState.DUE.value, denied_before__lte=before
        )
        rows = list(due)
        RoleEnding.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=EndingState.DENIED.value,
            denied_at=now,
            denied_before=before,
            problem="",
            problem_code="",
        )
        # What began after the wish may have been issued after the moment too: it lives on, on record as in AWS.
        asked_at = max((row.due_since for row in rows), default=before)
        older = AccessSession.objects.open_at(now).filter(role_arn=work.role_arn, started_at__lte=asked_at)
        # So may what a statement opens that was still young at the moment.
        posted = Q(kind=AccessKind.CONSOLE.value, access_key_id="")
        young = posted & Q(started_at__gt=before - VALID_FOR - BACKDATED_FOR)
        ended = older.exclude(road=Road.FEDERATION.value).exclude(young).locked().update(ends_at=now)
        for row in rows:
            write_event(
                AuditEvent.ROLE_ENDED,
                at=now,
                person=row.asked_by,
                role_arn=row.role_arn,
                reason=row.reason,
                details={
                    "asked_at": row.due_since.isoformat(),
                    "before": before.isoformat(),
                    "accesses": ended,
                },
            )
    return len(rows)


def note_problem(
    role_arn: str,
    problem: str,
    *,
    code: str,
    hopeless_after: int | None,
    now: datetime,
    of_persons: bool = True,
    of_role: bool = True,
    but: Collection[UUID] = (),
) -> None:
    """What is due in this role was not done, and why; it is tried again later, or no more after so many tries.

    `of_persons` and `of_role` say which: persons' sessions and those of the whole role are denied apart. Some of
    the accesses, named by `but`, may have been denied all the same.
    """
    text = problem[:LONGEST_PROBLEM]
    with transaction.atomic():
        persons = EndingDue.objects.filter(role_arn=role_arn, state=EndingState.DUE.value)
        persons = persons.exclude(pk__in=list(but))
        whole = RoleEnding.objects.filter(role_arn=role_arn, state=EndingState.DUE.value)
        for row in [
            *(persons.select_related("access__user") if of_persons else ()),
            *(whole if of_role else ()),
        ]:
            row.tries += 1
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.tries, 10))
            hopeless = hopeless_after is not None and row.tries >= hopeless_after
            state = EndingState.IMPOSSIBLE if hopeless else EndingState.DUE
            row.state, row.problem, row.problem_code = state.value, text, code
            row.next_try_at = now + wait
            row.save(update_fields=["tries", "state", "problem", "problem_code", "next_try_at"])
            if hopeless and isinstance(row, EndingDue):
                _write(AuditEvent.ENDING_IMPOSSIBLE, row, now)


def note_cleared(role_arn: str, *, now: datetime) -> int:
    """The role's policies hold nothing of what no longer matters."""
    with transaction.atomic():
        past = EndingDue.objects.filter(role_arn=role_arn, state=EndingState.DENIED.value, until__lte=now)
        cleared = past.update(state=EndingState.CLEARED.value, cleared_at=now)
        if cleared:
            write_event(AuditEvent.DENIAL_CLEARED, at=now, role_arn=role_arn, details={"endings": cleared})
    return cleared


def note_not_cleared(role_arn: str, *, now: datetime) -> None:
    """The role's past denials could not be cleared: others have their turn first."""
    past = EndingDue.objects.filter(role_arn=role_arn, state=EndingState.DENIED.value, until__lte=now)
    past.update(next_try_at=now + CLEARED_AGAIN_AFTER)


def note_repaired(role_arn: str, statement: str, *, now: datetime) -> None:
    """Somebody had changed or removed a denial in AWS: what stood there is on record, and ours stands again."""
    write_event(AuditEvent.DENIAL_REPAIRED, at=now, role_arn=role_arn, details={"stood_there": statement})


def _write(event: AuditEvent, row: EndingDue, now: datetime) -> None:
    write_of_access(
        event,
        row.access,
        now=now,
        reason=row.reason,
        details={
            "asked_at": row.due_since.isoformat(),
            "asked_by": row.asked_by,
            "tries": row.tries,
            "problem": row.problem,
        },
    )
