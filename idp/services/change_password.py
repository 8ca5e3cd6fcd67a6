"""A person's password changed in the directory, where it has expired, was reset, or because they want to."""

from datetime import datetime

from django.db import transaction

from idp.directory import directories
from idp.directory.errors import DirectoryRefusal, NewPasswordRefused, PasswordNotChangeable
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.origin import Origin
from idp.models import SiteSession
from idp.models.session import SessionStore
from idp.services.admission import Admitted, Door, Visit, admit, counted_and_recorded
from idp.services.known_browsers import KnownBrowser
from idp.services.throttle import Try


class NotTheSame(Malformed):
    """The new password was typed in two ways."""

    code = "not-the-same"
    sentence = "The new password was not typed twice in the same way. Please type it again."


class NotNew(Malformed):
    """The new password is the old one."""

    code = "not-new"
    sentence = "The new password is the same as the present one. Please choose another."


def change_password(
    *,
    session: SessionStore,
    username: str,
    password: str,
    new_password: str,
    repeated: str,
    browser: str,
    origin: Origin,
    now: datetime,
    mark: str = "",
) -> Admitted | None:
    """Whoever has this name and password has the new one, and the session; every other session of theirs is over.

    None where the new password holds and does not open anything yet. A wrong password counts like at a sign-in,
    and is refused like there; a new one that the directory does not take is explained and counts as nothing.
    """
    if new_password != repeated:
        raise NotTheSame("typed in two ways")
    if new_password == password:
        raise NotNew("the old one again")
    known = KnownBrowser.read(mark)
    visit = Visit(
        session, username, Door.PORTAL, browser, known, origin, now, refused_as=AuditEvent.PASSWORD_REFUSED
    )
    counted = Try(username, origin.address, now, directories.lockout_of(username), known)
    with counted_and_recorded(visit, counted):
        try:
            directories.change_password(username, password, new_password, now=now, found=counted.found)
        except (NewPasswordRefused, PasswordNotChangeable) as refusal:
            counted.does_not_count()
            visit.record(AuditEvent.PASSWORD_REFUSED, refusal.code, account_key=counted.account_key)
            raise
        _record_change(visit, counted.account_key)
        identity = _identity_with(username, new_password, now=now)
        return None if identity is None else admit(visit, identity)


def _record_change(visit: Visit, account_key: str) -> None:
    """Whoever is signed in with the old password is so no longer; that and the change are on record."""
    with transaction.atomic():
        SiteSession.objects.filter(user__account_key=account_key).delete()
        visit.record(AuditEvent.PASSWORD_CHANGED, account_key=account_key)


def _identity_with(username: str, password: str, *, now: datetime) -> DirectoryIdentity | None:
    """Who signs in with the new password; None while the server asked does not know it yet, or lets nobody in."""
    try:
        return directories.check_password(username, password, now=now)
    except (DirectoryRefusal, DirectoryUnavailable):
        return None
