"""Who is signed in with this session, where else they are signed in, and ending that."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import SiteSession, User
from idp.models.session import SessionStore
from idp.services.audit import write_event


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser in which the person is signed in."""

    browser: str
    address: str
    signed_in_at: datetime
    seen_at: datetime
    is_this_one: bool


def person_of(session: SessionStore) -> User | AnonymousUser:
    """Who is signed in with this session."""
    return session.user or AnonymousUser()


def open_sessions(*, session: SessionStore, now: datetime) -> list[OpenSession]:
    """Every browser in which this person is signed in, this one first and then the most recently seen."""
    person = session.user
    if person is None:
        return []
    views = [
        OpenSession(
            browser=row.browser,
            address=row.address,
            signed_in_at=row.signed_in_at,
            seen_at=row.seen_at,
            is_this_one=session.row is not None and row.pk == session.row.pk,
        )
        for row in SiteSession.objects.filter(user=person).order_by("-seen_at")
        if row.signed_in_at is not None and not row.is_over(now)
    ]
    return sorted(views, key=lambda view: not view.is_this_one)


def end_other_sessions(*, session: SessionStore, origin: Origin, now: datetime) -> int:
    """This person is signed in nowhere but here, and that is recorded; gives how many sessions ended."""
    person = session.user
    if person is None or session.row is None:
        return 0
    with transaction.atomic():
        ended, _ = SiteSession.objects.filter(user=person).exclude(pk=session.row.pk).delete()
        if ended:
            write_event(
                AuditEvent.SIGNED_OUT,
                at=now,
                origin=origin,
                account_key=person.account_key,
                person=person.username,
                reason="others-ended",
                details={"sessions": ended},
            )
    return ended


def end_sign_ins(person: User, *, reason: str, now: datetime) -> int:
    """Nobody is signed in as this person, and that is recorded if anybody was; gives how many sessions ended."""
    with transaction.atomic():
        ended, _ = SiteSession.objects.filter(user=person).delete()
        if ended:
            write_event(
                AuditEvent.SIGNED_OUT,
                at=now,
                account_key=person.account_key,
                person=person.username,
                reason=reason,
                details={"sessions": ended},
            )
    return ended
