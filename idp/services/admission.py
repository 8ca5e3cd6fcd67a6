"""What every road in has in common: each try is counted and recorded, and whoever is let in gets a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from idp.directory.errors import DirectoryRefusal, PasswordNotAnswered
from idp.domain.errors import DirectoryUnavailable, PasswordChangeNeeded, Throttled
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.origin import Origin
from idp.models import AuditRecord, User
from idp.models.compiled import insert_row
from idp.models.session import SessionStore
from idp.services.audit import event_row, storable
from idp.services.identity import recent_answers
from idp.services.known_browsers import KnownBrowser
from idp.services.people import person_of
from idp.services.snapshots import store_snapshot
from idp.services.staff import is_in_admin_groups
from idp.services.throttle import Try, digest, folded_name, normal_name

# From so many days before its end on, a person is told that the password ends.
WARNS_FOR = timedelta(days=7)


class Door(StrEnum):
    """Where the password was typed; the portal never admits local administrators."""

    PORTAL = "portal"
    ADMIN = "admin"


class NotStaff(DirectoryRefusal):
    """The password is right and the person may not administer."""

    reason = "not-staff"


class Deactivated(DirectoryRefusal):
    """The person's row has been switched off here."""

    reason = "deactivated"


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody was let in: the mark that their browser shall keep, and what they must know of their password."""

    mark: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One browser at one door with a name: everything about a try but its password.

    `browser` is what it calls itself, `known` for whom it is known from earlier sign-ins.
    """

    session: SessionStore
    username: str
    door: Door
    browser: str
    known: KnownBrowser
    origin: Origin
    now: datetime
    refused_as: AuditEvent = AuditEvent.SIGN_IN_REFUSED

    def record(self, event: AuditEvent, reason: str = "", *, account_key: str = "", person: str = "") -> None:
        """One row about this try."""
        insert_row(self.event_row(event, reason, account_key=account_key, person=person))

    def event_row(
        self, event: AuditEvent, reason: str = "", *, account_key: str = "", person: str = ""
    ) -> AuditRecord:
        """The same, not written yet; never the typed name, which may be a password gone astray."""
        return event_row(
            event,
            at=self.now,
            origin=self.origin,
            account_key=account_key,
            person=person,
            reason=reason,
            details={"door": self.door.value, "name_sha256": digest(normal_name(self.username))[:16]},
        )

    def mark_for(self, person: User) -> str:
        """The mark that this browser keeps from now on."""
        return self.known.mark_with(person.account_key, folded_name(self.username))


@contextmanager
def counted_and_recorded(visit: Visit, counted: Try) -> Iterator[None]:
    """What is refused or impossible inside has one row of its own, and counts as far as it is a failure."""
    try:
        counted.claim()
        yield
    except Throttled as refusal:
        visit.record(AuditEvent.SIGN_IN_THROTTLED, refusal.cause)
        raise
    except DirectoryRefusal as refusal:
        if isinstance(refusal, PasswordChangeNeeded):
            counted.does_not_count()
        else:
            counted.failed()
        event = AuditEvent.STAFF_REFUSED if isinstance(refusal, NotStaff) else visit.refused_as
        visit.record(event, refusal.reason, account_key=refusal.account_key, person=refusal.username)
        raise
    except DirectoryUnavailable as problem:
        if isinstance(problem, PasswordNotAnswered):
            counted.was_not_answered()
        else:
            counted.does_not_count()
        visit.record(AuditEvent.SIGN_IN_UNAVAILABLE, problem.cause)
        raise
    counted.succeeded()


def admit(visit: Visit, identity: DirectoryIdentity) -> Admitted:
    """Person, snapshot, session and audit row are there together or not at all."""
    is_staff = is_in_admin_groups(identity)
    known = {"account_key": identity.account_key, "username": identity.username}
    if visit.door is Door.ADMIN and not is_staff:
        raise NotStaff(**known)
    with transaction.atomic():
        person = person_of(identity, is_staff=is_staff, now=visit.now)
        if not person.is_active:
            raise Deactivated(**known)
        # Always: another process may have dropped it, and the sweep follows whoever has one.
        store_snapshot(person, identity)
        open_session(visit, person)
    recent_answers.keep(identity, newly_stored=True)
    return Admitted(visit.mark_for(person), password_notice(identity, now=visit.now))


def open_session(visit: Visit, person: User) -> None:
    """The browser's session is this person's, under a new key; joins the running transaction."""
    admitted = visit.event_row(
        AuditEvent.SIGN_IN_ADMITTED, account_key=person.account_key, person=person.username
    )
    visit.session.sign_in(
        person, admitted, browser=storable(visit.browser, 200), address=visit.origin.address, now=visit.now
    )


def password_notice(identity: DirectoryIdentity, *, now: datetime) -> str:
    """What somebody who was let in must know of their password; nothing most of the time."""
    left = identity.grace_sign_ins
    if left is not None:
        times = {0: "This was the last time that it let you in", 1: "It lets you in once more"}
        return f"Your password has expired. {times.get(left, f'It lets you in {left} more times')}."
    ends_at = identity.password_ends_at
    if ends_at is None or ends_at > now + WARNS_FOR:
        return ""
    days = max(0, (ends_at - now).days)
    return {0: "Your password expires today.", 1: "Your password expires tomorrow."}.get(
        days, f"Your password expires in {days} days."
    )
