"""Sessions in AWS that must end before their time: each said once, for whoever can end it there.

The table is the queue. What was asked for is due until AWS denies it and was read back; whoever asks again for
what is due or denied changes nothing.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from idp.domain.access_session import AccessKind, AccessState
from idp.domain.assertion import BACKDATED_FOR, VALID_FOR
from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import Road
from idp.domain.errors import NotFound, Refused
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import AccessSession, AuditRecord, EndingDue, EndingState, Role, RoleEnding, User
from idp.models.access_session import AccessSessionQuerySet
from idp.models.compiled import insert_if
from idp.services.access_events import write_of_access
from idp.services.audit import write_event
from idp.services.site_sessions import end_sign_ins

# As AWS's console does: a little into the future, for what is under way.
UNDER_WAY = timedelta(seconds=30)
# A denial is about what was issued before its moment, in whole seconds.
JUST_AFTER = timedelta(seconds=1)
# Clocks differ: a denial stands a little longer than what it denies.
LONGER_THAN_NEEDED = timedelta(minutes=5)
# No click takes longer; so long it is looked for.
LATEST = timedelta(minutes=10)
OWN_WISH = "person:own-wish"
LATE = "under-way"
NO_WAY = "This site does not end federation tokens: in AWS that takes a denial on the broker's own user."


class AccessEnds(Refused):
    """What AWS has just given ends with what somebody asked to end: it leaves nobody's hands."""

    code = "access-ends"
    sentence = "What you hold of this role is being ended, and this would end with it. Please try again."


def demand_endings(
    person: User,
    *,
    reason: str,
    now: datetime,
    roles: Collection[str] | None = None,
    asked_by: str = "",
    origin: Origin | None = None,
) -> int:
    """Every access that this person holds now, or holds in these roles, is due to be ended, and audited once.

    What is due already stays as it was; tells how many are new. What was given up as impossible is tried again
    where somebody asks for it anew.
    """
    with transaction.atomic():
        held = AccessSession.objects.open_at(now).filter(user=person)
        if roles is not None:
            held = held.filter(role_arn__in=roles)
        else:
            User.objects.filter(pk=person.pk).update(ends_before=now)
        return _demand(held, reason=reason, now=now, asked_by=asked_by, origin=origin)


def demand_late_endings(*, now: datetime) -> int:
    """What was begun before everything of somebody was to end, and written down after that, is due to be ended too.

    Their click went by what was known before. A posted statement is out by then; credentials are kept back.
    """
    late = AccessSession.objects.open_at(now).filter(
        user__ends_before__gt=now - LATEST, started_at__lte=F("user__ends_before"), ending_due__isnull=True
    )
    return _demand(late, reason=LATE, now=now) if late.exists() else 0


def _demand(
    held: AccessSessionQuerySet,
    *,
    reason: str,
    now: datetime,
    asked_by: str = "",
    origin: Origin | None = None,
) -> int:
    with transaction.atomic():
        # The lock decides between two who find the same access: the second sees what the first has done.
        locked = held.locked()
        rows = list(locked.filter(ending_due__isnull=True).select_related("user"))
        if asked_by and (given_up := _given_up(locked)):
            EndingDue.objects.filter(access__in=given_up).delete()
            rows += given_up
        EndingDue.objects.bulk_create([_ending_of(row, reason, asked_by, now) for row in rows])
        for row in rows:
            write_of_access(
                AuditEvent.ENDING_DUE,
                row,
                now=now,
                origin=origin,
                reason=reason,
                details={"kind": row.kind, "ends_at": row.ends_at.isoformat(), "asked_by": asked_by},
            )
    return len(rows)


def write_unless_it_ends(row: AccessSession, event: AuditRecord) -> None:
    """The access and its event are on record; refuses, and writes nothing, what would end as soon as it is used.

    A posted statement never comes back to us: what AWS would give for it now is what counts.
    """
    none_covers = EndingDue.none_covers(
        role_arn=row.role_arn, session_name=row.session_name, moment=row.started_at
    )
    if not insert_if(none_covers, row, event):
        _refuse_what_is_denied(row, issued_at=row.started_at)
        # Cleared at this very moment; the next click finds that.
        raise AccessEnds(f"sessions of {row.role_arn} were to end when access {row.pk} was begun")


def refuse_what_ends(row: AccessSession, *, issued_at: datetime) -> None:
    """A denial is by session name and moment: it covers this access too if AWS's moment is before its own."""
    ends_before = row.user.ends_before
    if ends_before is not None and row.started_at <= ends_before:
        raise AccessEnds(f"access {row.pk} was begun before everything of the person was to end")
    _refuse_what_is_denied(row, issued_at=issued_at)


def _refuse_what_is_denied(row: AccessSession, *, issued_at: datetime) -> None:
    live = _live_after(issued_at)
    same = Q(role_arn=row.role_arn, session_name=row.session_name)
    endings = EndingDue.objects.filter(Q(pk=row.pk) | same & live).order_by()
    whole = RoleEnding.objects.filter(live, role_arn=row.role_arn).order_by()
    moments = [moment for rows in (endings, whole) for moment in rows.values_list("denied_before", flat=True)]
    if moments:
        over_at = max(moment or issued_at for moment in moments)
        raise AccessEnds(
            f"sessions of {row.role_arn} were to end before AWS gave access {row.pk}",
            sentence="Your sessions of this role are being ended, and this one would end with them. "
            f"Please try again after {over_at:%H:%M:%S} UTC.",
        )


def _live_after(moment: datetime) -> Q:
    """Denials, written or to be written, that cover what is issued at this moment."""
    return Q(state__in=[EndingState.DUE.value, EndingState.DENIED.value], denied_before__gt=moment)


def denied_until(person: User, *, now: datetime) -> dict[str, datetime]:
    """By role, the moment until which whatever AWS gives this person would end with what is being ended.

    Of roles that end as a whole all are named: they are few, and nobody has to know which of them are this person's.
    """
    moments: dict[str, datetime] = {}
    own = EndingDue.objects.filter(_live_after(now), access__user=person).order_by()
    whole = RoleEnding.objects.filter(_live_after(now)).order_by()
    for rows in (own, whole):
        for role_arn, before in rows.values_list("role_arn", "denied_before"):
            if before is not None:
                moments[role_arn] = max(before, moments.get(role_arn, before))
    return moments


def _given_up(held: AccessSessionQuerySet) -> list[AccessSession]:
    """What could not be ended because of something in AWS that may have been mended since."""
    given_up = held.filter(ending_due__state=EndingState.IMPOSSIBLE.value)
    return list(given_up.exclude(road=Road.FEDERATION.value).select_related("user"))


def _ending_of(row: AccessSession, reason: str, asked_by: str, now: datetime) -> EndingDue:
    impossible = row.road == Road.FEDERATION
    return EndingDue(
        access=row,
        reason=reason,
        asked_by=asked_by,
        due_since=now,
        role_arn=row.role_arn,
        session_name=row.session_name,
        state=EndingState.IMPOSSIBLE.value if impossible else EndingState.DUE.value,
        problem=NO_WAY if impossible else "",
        denied_before=_denied_before(row, now),
        until=row.ends_at + LONGER_THAN_NEEDED,
        next_try_at=now,
    )


def _denied_before(row: AccessSession, now: datetime) -> datetime:
    """What was issued before this moment ends. A posted statement may still be used while it is young.

    Where AWS's clock was ahead of ours when it issued the access, the moment is late enough by AWS's.
    """
    soon = now + UNDER_WAY
    if row.issued_at is not None:
        soon = max(soon, row.issued_at + JUST_AFTER)
    if row.kind == AccessKind.CONSOLE and not row.access_key_id:
        return max(soon, row.started_at + VALID_FOR + BACKDATED_FOR)
    return soon


def end_all_accesses_of(
    person: User, *, reason: str, now: datetime, asked_by: str = "", origin: Origin | None = None
) -> int:
    """The person is signed in nowhere, and everything that AWS has given them is due to be ended there."""
    with transaction.atomic():
        due = demand_endings(person, reason=reason, now=now, asked_by=asked_by, origin=origin)
        end_sign_ins(person, reason=reason, now=now)
    return due


def end_own_access(person: User, number: UUID, *, origin: Origin, now: datetime) -> int:
    """What this person holds in the role of this access is due to be ended; refuses what is not theirs, or over."""
    row = AccessSession.objects.open_at(now).filter(pk=number, user=person).first()
    if row is None:
        raise NotFound(f"access {number} is not held by {person.account_key}")
    return demand_endings(
        person, reason=OWN_WISH, now=now, roles=[row.role_arn], asked_by=person.username, origin=origin
    )


def end_role_sessions(
    role_arn: str, *, reason: str, now: datetime, asked_by: str, origin: Origin | None = None
) -> None:
    """Every session of this role that was issued before now is due to be ended in AWS, whoever holds it.

    Statements that are under way may be used for some minutes yet: what they open ends too. Behind a federation
    token stands no role in AWS, and one that happens to have the name is none of ours: that is told at once.
    """
    impossible = _is_by_federation(RoleArn.parse(role_arn))
    with transaction.atomic():
        RoleEnding.objects.create(
            state=EndingState.IMPOSSIBLE.value if impossible else EndingState.DUE.value,
            problem=NO_WAY if impossible else "",
            role_arn=role_arn,
            reason=reason,
            asked_by=asked_by,
            due_since=now,
            next_try_at=now,
            denied_before=now + VALID_FOR + BACKDATED_FOR
            if _has_young_offers(role_arn, now)
            else now + UNDER_WAY,
        )
        write_event(
            AuditEvent.ROLE_ENDING_ASKED,
            at=now,
            origin=origin,
            person=asked_by,
            role_arn=role_arn,
            reason=reason,
        )


def _is_by_federation(role: RoleArn) -> bool:
    registered = Role.objects.filter(account__number=role.account, name=role.name)
    return registered.filter(road=Road.FEDERATION.value).exists()


def _has_young_offers(role_arn: str, now: datetime) -> bool:
    young = AccessSession.objects.open_at(now).filter(role_arn=role_arn, state=AccessState.OFFERED.value)
    return young.filter(started_at__gt=now - VALID_FOR - BACKDATED_FOR).exists()
