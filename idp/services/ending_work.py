"""The work on endings, role by role: what is due, who works on it, what became of it.

One at a time writes the policies of a role, because each writes the whole of them: a lease, taken by
compare-and-set, that ends by itself where its holder is gone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from idp.domain.access_session import AccessKind, AccessState
from idp.domain.assertion import BACKDATED_FOR, VALID_FOR
from idp.domain.aws.role import Road
from idp.domain.events import AuditEvent
from idp.models import AccessSession, EndingDue, EndingState, RoleEnding, RoleLease
from idp.services.audit import write_event

LEASED_FOR = timedelta(seconds=90)
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=15)
CLEARED_AGAIN_AFTER = timedelta(hours=1)
LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class WantedDenial:
    """Sessions of this name issued before this moment must be denied, until none of them can live."""

    session_name: str
    before: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class RoleWork:
    """What the policies of one role must say: all live denials, old and new, and the moment for the whole role."""

    role_arn: str
    denials: tuple[WantedDenial, ...]
    whole_role_before: datetime | None
    new: tuple[int | str, ...] = ()


def roles_with_work(*, now: datetime, limit: int) -> list[str]:
    """The roles with endings that are due to be tried now, the longest due first."""
    due = Q(state=EndingState.DUE.value, next_try_at__lte=now)
    persons = (
        EndingDue.objects.filter(due, until__gt=now)
        .order_by("next_try_at")
        .values_list("role_arn", flat=True)
    )
    whole = RoleEnding.objects.filter(due).order_by("next_try_at").values_list("role_arn", flat=True)
    return list(dict.fromkeys([*whole[:limit], *persons[: limit * 20]]))[:limit]


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
    rows = live.values_list("session_name", "denied_before", "until")
    denials = tuple(WantedDenial(name, before, until) for name, before, until in rows if before and until)
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
    before: datetime = wanted["before"]
    return before if youngest is None else max(before, youngest + VALID_FOR + BACKDATED_FOR)


def note_denied(work: RoleWork, *, now: datetime) -> int:
    """What was due of this work is denied in AWS and was read back; the accesses are over from now on, on record."""
    wanted = {(one.session_name, one.before) for one in work.denials}
    with transaction.atomic():
        rows = EndingDue.objects.filter(role_arn=work.role_arn, state=EndingState.DUE.value)
        due = [
            row
            for row in rows.select_related("access__user").select_for_update(of=("self",))
            if (row.session_name, row.denied_before) in wanted
        ]
        changed = EndingDue.objects.filter(pk__in=[row.pk for row in due])
        changed.update(state=EndingState.DENIED.value, denied_at=now, problem="")
        AccessSession.objects.filter(pk__in=[row.pk for row in due], ends_at__gt=now).update(ends_at=now)
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
            state=EndingState.DENIED.value, denied_at=now, problem=""
        )
        # What began after the wish may have been issued after the moment too: it lives on, on record as in AWS.
        asked_at = max((row.due_since for row in rows), default=before)
        older = AccessSession.objects.open_at(now).filter(role_arn=work.role_arn, started_at__lte=asked_at)
        # So may what a statement opens that was still young at the moment.
        posted = Q(kind=AccessKind.CONSOLE.value, access_key_id="")
        young = posted & Q(started_at__gt=before - VALID_FOR - BACKDATED_FOR)
        ended = older.exclude(road=Road.FEDERATION.value).exclude(young).update(ends_at=now)
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
    hopeless: bool,
    now: datetime,
    of_persons: bool = True,
    of_role: bool = True,
) -> None:
    """What is due in this role was not done, and why; it is tried again later, or never where that is hopeless.

    `of_persons` and `of_role` say which: persons' sessions and those of the whole role are denied apart.
    """
    state = EndingState.IMPOSSIBLE if hopeless else EndingState.DUE
    text = problem[:LONGEST_PROBLEM]
    with transaction.atomic():
        persons = EndingDue.objects.filter(role_arn=role_arn, state=EndingState.DUE.value)
        whole = RoleEnding.objects.filter(role_arn=role_arn, state=EndingState.DUE.value)
        for row in [
            *(persons.select_related("access__user") if of_persons else ()),
            *(whole if of_role else ()),
        ]:
            row.tries += 1
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.tries, 10))
            row.state, row.problem, row.next_try_at = state.value, text, now + wait
            row.save(update_fields=["tries", "state", "problem", "next_try_at"])
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


def _write(event: AuditEvent, row: EndingDue, now: datetime) -> None:
    write_event(
        event,
        at=now,
        account_key=row.access.user.account_key,
        person=row.access.user.username,
        role_arn=row.role_arn,
        reason=row.reason,
        details={
            "access": str(row.pk),
            "asked_at": row.due_since.isoformat(),
            "asked_by": row.asked_by,
            "tries": row.tries,
            "problem": row.problem,
        },
    )
