"""Throttle, ask the directory, admit or refuse: the one way in for every door that takes a password."""

from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from idp.directory import directories
from idp.directory.credentials import sendable_password
from idp.directory.errors import WrongPassword
from idp.directory.port import FoundAccount
from idp.domain.events import AuditEvent
from idp.domain.identity import LOCAL
from idp.domain.origin import Origin
from idp.domain.password_policy import Lockout
from idp.models import User
from idp.models.session import SessionStore
from idp.services.admission import (
    Admitted,
    Deactivated,
    Door,
    Visit,
    admit,
    counted_and_recorded,
    open_session,
)
from idp.services.audit import write_event
from idp.services.known_browsers import KnownBrowser
from idp.services.rules import names_matter
from idp.services.throttle import Try, normal_name

# Local administrators are known by no directory, and none locks them.
NOBODY_LOCKS = Lockout(threshold=0, window=None)


def sign_in(
    *,
    session: SessionStore,
    username: str,
    password: str,
    door: Door,
    browser: str,
    origin: Origin,
    now: datetime,
    mark: str = "",
) -> Admitted:
    """The session belongs to whoever has this name and password, under a new key, and that is recorded.

    Refuses with Throttled before anything is asked, with PasswordChangeNeeded who has the right password and
    must change it, with SignInRefused for every other reason alike; is Unavailable if the directory cannot
    be asked, which counts as nobody's failure: only under an account whose password was sent and not answered.
    """
    known = KnownBrowser.read(mark)
    visit = Visit(session, username, door, browser, known, origin, now)
    lockout = NOBODY_LOCKS if door is Door.ADMIN else directories.lockout_of(username)
    counted = Try(username, origin.address, now, lockout, known)
    with counted_and_recorded(visit, counted):
        local = local_administrator(username) if door is Door.ADMIN else None
        if local is not None:
            counted.found(FoundAccount(local.account_key, local.username, failures=0, lockout=NOBODY_LOCKS))
            check_local_password(local, password)
            return _admit_local(visit, local)
        if door is Door.ADMIN:
            spend_as_long_as_a_local_check(password)
        return admit(
            visit,
            directories.check_password(
                username, password, now=now, found=counted.found, names=names_matter()
            ),
        )


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


def local_administrator(username: str) -> User | None:
    """The break-glass administrator of this name."""
    return User.objects.filter(account_key=f"{LOCAL}:{normal_name(username)}").first()


def check_local_password(local: User, password: str) -> None:
    """Returns if the password is this administrator's; the try has been counted under the account."""
    known = {"account_key": local.account_key, "username": local.username}
    if not check_password(sendable_password(password), local.password):
        raise WrongPassword(**known)
    if not local.is_active:
        raise Deactivated(**known)


def spend_as_long_as_a_local_check(password: str) -> None:
    """Time does not tell whether a local administrator of this name exists."""
    make_password(sendable_password(password))


def _admit_local(visit: Visit, local: User) -> Admitted:
    with transaction.atomic():
        open_session(visit, local)
    return Admitted(visit.mark_for(local))
