"""Record each access, list it, and mark it as over: expiry is true when read, whoever marks it later.

The table is the queue. Work that is due is claimed by compare-and-set, so that any number of workers and
timetables may do the same at once, twice or late.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Max, QuerySet

from idp.conf.access import access_config
from idp.domain.access_session import AccessKind, AccessSessionView, AccessState, EndingView, is_over
from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import Road
from idp.domain.entitlements import Entitlement
from idp.domain.errors import NotFound, Unavailable
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import (
    AccessSession,
    ClaimedMessage,
    EndingState,
    LogoutRun,
    ParkedRequest,
    RefusalCount,
    ServiceSession,
    SignInCounter,
    SiteSession,
    User,
)
from idp.models.compiled import CompiledQuery
from idp.services.access_events import LONGEST_CAUSE, write_of_access
from idp.services.audit import storable
from idp.services.endings import refuse_what_ends

# The doors and the bridge name the person by this; the tables themselves are the services' business.
Person = User

SHOWN_AFTER_ITS_END = timedelta(hours=24)
LONGEST_LIST = 200
CLEARED_AT_ONCE = 1_000
COUNTS_KEPT_FOR = timedelta(days=90)


def access_row(
    *,
    person: User,
    kind: AccessKind,
    entitlement: Entitlement,
    session_name: str,
    assertion_id: str | None,
    narrowing: str,
    ends_at: datetime,
    origin: Origin,
    now: datetime,
) -> AccessSession:
    """The access on offer as a row that is not written yet: that is done together with its audit row."""
    role, ground = entitlement.role, entitlement.ground
    return AccessSession(
        user=person,
        kind=kind.value,
        state=AccessState.OFFERED.value,
        role_arn=str(role.arn),
        account_name=role.account_name[:100],
        environment=role.environment[:40],
        colour=role.colour[:10],
        session_name=session_name,
        rule_number=ground.rule.number,
        rule_name=ground.rule.name[:100],
        group_dn=ground.group_dn[:1_000],
        road=role.road.value,
        narrowing=narrowing[:200],
        assertion_id=assertion_id,
        reference=origin.reference[:40],
        address=origin.address[:45],
        client=storable(origin.client, 200),
        started_at=now,
        ends_at=ends_at,
    )


def activate_access(
    number: UUID,
    *,
    ends_at: datetime,
    access_key_id: str,
    issued_at: datetime,
    packed_percent: int | None = None,
    origin: Origin,
    now: datetime,
) -> None:
    """The access is in force until the end that AWS gave; its credentials, and how full they are, are on record.

    Refuses an access that was not offered, or whose offer was taken up or withdrawn already; and with AccessEnds
    one that somebody has asked to end meanwhile, or that a denial covers: then what AWS gave must not leave.
    """
    with transaction.atomic():
        # Whoever wants it to end takes the same lock: either they see it in force, or it is seen here to end.
        refuse_what_ends(_locked_offer(number), issued_at=issued_at)
        row = _claim_offer(
            number,
            state=AccessState.ACTIVE,
            ends_at=ends_at,
            access_key_id=access_key_id,
            issued_at=issued_at,
            packed_percent=packed_percent,
        )
        write_of_access(
            AuditEvent.CREDENTIALS_ISSUED,
            row,
            now=now,
            origin=origin,
            details={
                "access_key_id": access_key_id,
                "issued_at": issued_at.isoformat(),
                "ends_at": ends_at.isoformat(),
                "session_name": row.session_name,
                "assertion": row.assertion_id,
                "kind": row.kind,
                "road": row.road,
                "narrowing": row.narrowing,
                "packed_percent": packed_percent,
                "client": row.client,
            },
        )


def withdraw_access(number: UUID, *, reason: str, cause: str, origin: Origin, now: datetime) -> None:
    """The offered access is over before it began, and the audit tells why: AWS gave nothing for it."""
    with transaction.atomic():
        row = _claim_offer(number, state=AccessState.ENDED, ends_at=now, ended_at=now)
        details = {"assertion": row.assertion_id, "cause": cause[:LONGEST_CAUSE]}
        write_of_access(
            AuditEvent.CREDENTIALS_REFUSED, row, now=now, origin=origin, reason=reason, details=details
        )


def record_refused_console(number: UUID, *, reason: str, cause: str, origin: Origin, now: datetime) -> None:
    """The audit tells why credentials made no console; they were shown to nobody, and last on record as in AWS."""
    row = AccessSession.objects.select_related("user").get(pk=number)
    details = {"access_key_id": row.access_key_id, "cause": cause[:LONGEST_CAUSE]}
    write_of_access(AuditEvent.CONSOLE_REFUSED, row, now=now, origin=origin, reason=reason, details=details)


def _locked_offer(number: UUID) -> AccessSession:
    offered = AccessSession.objects.filter(pk=number, state=AccessState.OFFERED.value)
    row = offered.select_related("user").select_for_update(of=("self",)).first()
    if row is None:
        raise NotFound(f"access {number} is not on offer")
    return row


def _claim_offer(number: UUID, **changes: object) -> AccessSession:
    offered = AccessSession.objects.filter(pk=number, state=AccessState.OFFERED.value)
    if not offered.update(**changes):
        raise NotFound(f"access {number} is not on offer")
    return AccessSession.objects.select_related("user").get(pk=number)


def list_accesses(person: User, *, now: datetime) -> tuple[AccessSessionView, ...]:
    """What this person holds, the next to end first; then what ended within a day, the latest first."""
    rows = AccessSession.objects.filter(user=person, ends_at__gt=now - SHOWN_AFTER_ITS_END)
    rows = rows.select_related("ending_due")
    views = [_view(row, now) for row in rows.order_by("-ends_at")[:LONGEST_LIST]]
    held = [view for view in views if not view.is_over(now)]
    return (*reversed(held), *(view for view in views if view.is_over(now)))


def held_until(person: User, *, now: datetime) -> dict[str, datetime]:
    """Until when at the latest this person holds each role, by ARN; what they do not hold is not named."""
    return dict(latest_ends.rows(person.pk, now))


latest_ends = CompiledQuery(
    lambda: (
        AccessSession.objects.filter(user=0)
        .filter(ends_at__gt=datetime.now(UTC))
        .order_by()
        .values_list("role_arn")
        .annotate(Max("ends_at"))
    )
)


def _view(row: AccessSession, now: datetime) -> AccessSessionView:
    over = is_over(ends_at=row.ends_at, now=now)
    return AccessSessionView(
        number=str(row.pk),
        kind=AccessKind(row.kind),
        state=AccessState.ENDED if over else AccessState(row.state),
        role=RoleArn.parse(row.role_arn),
        account_name=row.account_name,
        environment=row.environment,
        colour=row.colour,
        session_name=row.session_name,
        started_at=row.started_at,
        ends_at=row.ends_at,
        warned_at=row.warned_at,
        road=Road(row.road),
        narrowing=row.narrowing,
        packed_percent=row.packed_percent,
        access_key_id=row.access_key_id,
        address=row.address,
        ending=_ending(row),
    )


def _ending(row: AccessSession) -> EndingView | None:
    if not hasattr(row, "ending_due"):
        return None
    ending = row.ending_due
    return EndingView(
        asked_at=ending.due_since,
        denied_at=ending.denied_at,
        is_impossible=ending.state == EndingState.IMPOSSIBLE.value,
        problem=ending.problem,
        problem_code=ending.problem_code,
    )


def mark_ended(*, now: datetime, limit: int) -> int:
    """Up to `limit` accesses that are over are marked so with their true end, each audited once; tells how many.

    Rows that another worker holds are left to it. Either all of this happens or nothing does.
    """
    with transaction.atomic():
        due = AccessSession.objects.due_to_end(now).select_related("user")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(of=("self",), skip_locked=True)
        rows = list(due[:limit])
        claimed = AccessSession.objects.filter(pk__in=[row.pk for row in rows])
        marked = claimed.exclude(state=AccessState.ENDED).update(
            state=AccessState.ENDED.value, ended_at=F("ends_at")
        )
        if marked != len(rows):
            raise Unavailable(f"of {len(rows)} rows that were due, {marked} were still unmarked")
        _write_ended(rows, now)
    return marked


def _write_ended(rows: Iterable[AccessSession], now: datetime) -> None:
    """The record is dated when it is made, as every record is; the true end is one of its details."""
    for row in rows:
        details = {"kind": row.kind, "ended_at": row.ends_at.isoformat()}
        write_of_access(AuditEvent.ACCESS_ENDED, row, now=now, details=details)


def warn_of_ends(*, now: datetime) -> int:
    """Everyone whose access ends within ten minutes is told, once; tells how many accesses that were.

    Rows that another worker holds are told of the next time.
    """
    with transaction.atomic():
        due = AccessSession.objects.due_to_warn(now)
        if connection.features.has_select_for_update_skip_locked:
            free = due.select_for_update(of=("self",), skip_locked=True)
            due = AccessSession.objects.filter(pk__in=free.values("pk"))
        return due.update(warned_at=now)


def clear_old_marks(*, now: datetime) -> int:
    """Counters that no longer count, sessions that are over, and marks of messages nobody could use again, are gone.

    A session that is past its absolute limit is seen no more, so that the idle limit finds it too.
    """
    old: tuple[QuerySet[Any], ...] = (
        SignInCounter.objects.filter(expires_at__lte=now),
        SiteSession.objects.filter(seen_at__lte=now - access_config().idle_for),
        ClaimedMessage.objects.filter(expires_at__lte=now),
        ParkedRequest.objects.filter(expires_at__lte=now),
        ServiceSession.objects.filter(expires_at__lte=now),
        LogoutRun.objects.filter(expires_at__lte=now),
        RefusalCount.objects.filter(minute__lte=now - COUNTS_KEPT_FOR),
    )
    return sum(map(_clear, old))


def _clear(old: QuerySet[Any]) -> int:
    """In portions, so that nobody who signs in meanwhile waits for a lock."""
    cleared = 0
    while portion := list(old.values_list("pk", flat=True)[:CLEARED_AT_ONCE]):
        cleared += old.filter(pk__in=portion).delete()[0]
    return cleared
