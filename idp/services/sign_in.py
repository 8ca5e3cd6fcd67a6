"""Throttle, ask the directory, admit or refuse: the one way in for every door that takes a password."""

from datetime import datetime
from enum import StrEnum

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from idp.directory import directories
from idp.directory.credentials import sendable_password
from idp.directory.errors import DirectoryRefusal, WrongPassword
from idp.domain.errors import DirectoryUnavailable, Throttled
from idp.domain.events import AuditEvent
from idp.domain.identity import LOCAL, DirectoryIdentity
from idp.domain.origin import Origin
from idp.models import User
from idp.models.session import SessionStore
from idp.services.audit import storable, write_event
from idp.services.identity import recent_answers
from idp.services.people import person_of
from idp.services.snapshots import store_snapshot
from idp.services.staff import is_in_admin_groups
from idp.services.throttle import Try, digest, normal_name


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


def sign_in(
    *,
    session: SessionStore,
    username: str,
    password: str,
    door: Door,
    browser: str,
    origin: Origin,
    now: datetime,
) -> None:
    """The session belongs to whoever has this name and password, under a new key, and that is recorded.

    Refuses with Throttled before anything is asked, with SignInRefused for every other reason alike; is
    Unavailable if the directory cannot be asked, which counts as nobody's failure.
    """
    counted = Try(username, origin.address, now)
    record = Record(username, door, origin, now)
    try:
        counted.claim()
        local = local_administrator(username) if door is Door.ADMIN else None
        if local is not None:
            check_local_password(local, password)
            _admit_local(session, local, browser, record)
        else:
            if door is Door.ADMIN:
                spend_as_long_as_a_local_check(password)
            identity = directories.check_password(username, password, now=now, found=counted.found)
            _admit(session, identity, browser, record)
    except Throttled as refusal:
        record.refused(AuditEvent.SIGN_IN_THROTTLED, refusal.cause)
        raise
    except NotStaff as refusal:
        record.refused(AuditEvent.STAFF_REFUSED, refusal.reason, refusal)
        raise
    except DirectoryRefusal as refusal:
        record.refused(AuditEvent.SIGN_IN_REFUSED, refusal.reason, refusal)
        raise
    except DirectoryUnavailable as problem:
        counted.does_not_count()
        record.refused(AuditEvent.SIGN_IN_UNAVAILABLE, problem.cause)
        raise
    counted.succeeded()


def sign_out(*, session: SessionStore, origin: Origin, now: datetime) -> None:
    """The session is worth nothing from here on, and that is recorded."""
    person = session.user
    with transaction.atomic():
        session.flush()
        if person is not None:
            write_event(
                AuditEvent.SIGNED_OUT,
                at=now,
                origin=origin,
                account_key=person.account_key,
                person=person.username,
            )


class Record:
    """What the audit trail is told about one try: never the typed name, which may be a password gone astray."""

    def __init__(self, username: str, door: Door, origin: Origin, now: datetime) -> None:
        """Keep what every row of this try says."""
        self.door = door
        self.origin = origin
        self.now = now
        self.details = {"door": door.value, "name_sha256": digest(normal_name(username))[:16]}

    def admitted(self, person: User) -> None:
        """The row joins the transaction that admits."""
        write_event(
            AuditEvent.SIGN_IN_ADMITTED,
            at=self.now,
            origin=self.origin,
            account_key=person.account_key,
            person=person.username,
            details=self.details,
        )

    def refused(self, event: AuditEvent, reason: str, refusal: DirectoryRefusal | None = None) -> None:
        """A row of its own, after the rollback of what was refused."""
        write_event(
            event,
            at=self.now,
            origin=self.origin,
            account_key=refusal.account_key if refusal else "",
            person=refusal.username if refusal else "",
            reason=reason,
            details=self.details,
        )


def local_administrator(username: str) -> User | None:
    """The break-glass administrator of this name."""
    return User.objects.filter(account_key=f"{LOCAL}:{normal_name(username)}").first()


def check_local_password(local: User, password: str) -> None:
    """Returns if the password is this administrator's; every spelling of the name has been counted as one."""
    known = {"account_key": local.account_key, "username": local.username}
    if not check_password(sendable_password(password), local.password):
        raise WrongPassword(**known)
    if not local.is_active:
        raise Deactivated(**known)


def spend_as_long_as_a_local_check(password: str) -> None:
    """Time does not tell whether a local administrator of this name exists."""
    make_password(sendable_password(password))


def _admit_local(session: SessionStore, local: User, browser: str, record: Record) -> None:
    with transaction.atomic():
        _open(session, local, browser, record)


def _admit(session: SessionStore, identity: DirectoryIdentity, browser: str, record: Record) -> None:
    """Person, snapshot, session and audit row are there together or not at all."""
    is_staff = is_in_admin_groups(identity)
    known = {"account_key": identity.account_key, "username": identity.username}
    if record.door is Door.ADMIN and not is_staff:
        raise NotStaff(**known)
    with transaction.atomic():
        person = person_of(identity, is_staff=is_staff, now=record.now)
        if not person.is_active:
            raise Deactivated(**known)
        # Always: another process may have dropped it, and the sweep follows whoever has one.
        store_snapshot(person, identity)
        _open(session, person, browser, record)
    recent_answers.keep(identity, newly_stored=True)


def _open(session: SessionStore, person: User, browser: str, record: Record) -> None:
    session.sign_in(person, browser=storable(browser, 200), address=record.origin.address, now=record.now)
    record.admitted(person)
