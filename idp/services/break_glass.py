"""Local administrators for the day on which the directory is gone: made by an operator, at the machine.

They sign in at the admin's door only and never get a role.
"""

import re
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from idp.directory.credentials import LONGEST_PASSWORD, sendable_password
from idp.directory.errors import UnsendablePassword
from idp.domain.errors import Refused
from idp.domain.events import AuditEvent
from idp.domain.identity import LOCAL
from idp.models import SiteSession, User
from idp.services.audit import write_event
from idp.services.people import new_persistent_id

SHORTEST_PASSWORD = 16
FEWEST_DIFFERENT = 5

name_grammar = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}", re.ASCII)


class BreakGlassRefused(Refused):
    """The administrator was not made or changed."""

    code = "break-glass-refused"


def create_local_administrator(*, name: str, password: str, now: datetime) -> User:
    """A local administrator of this name exists with this password, and that is recorded.

    Refuses a name that is taken or unfit, and a weak password.
    """
    if not name_grammar.fullmatch(name):
        raise _refusal("The name needs 2 to 64 of a-z 0-9 . _ - and begins with a letter or digit.")
    check_strength(name, password)
    administrator = User(
        account_key=f"{LOCAL}:{name}",
        directory=LOCAL,
        username=name,
        display_name=f"{name} (local administrator)",
        password=make_password(password),
        is_staff=True,
        persistent_id=new_persistent_id(),
        created_at=now,
    )
    try:
        with transaction.atomic():
            administrator.save(force_insert=True)
            _record(AuditEvent.BREAK_GLASS_CREATED, administrator, now)
    except IntegrityError as error:
        raise _refusal(
            f"There is a local administrator {name} already: reset gives a new password."
        ) from error
    return administrator


def reset_local_administrator(*, name: str, password: str, now: datetime) -> User:
    """This local administrator has this password and is signed in nowhere, and that is recorded.

    Refuses an unknown name and a weak password.
    """
    check_strength(name, password)
    with transaction.atomic():
        administrator = User.objects.select_for_update().filter(account_key=f"{LOCAL}:{name}").first()
        if administrator is None:
            raise _refusal(f"There is no local administrator {name}: create makes one.")
        administrator.password = make_password(password)
        administrator.is_active = administrator.is_staff = True
        administrator.save(update_fields=["password", "is_active", "is_staff"])
        SiteSession.objects.filter(user=administrator).delete()
        _record(AuditEvent.BREAK_GLASS_RESET, administrator, now)
    return administrator


def check_strength(name: str, password: str) -> None:
    """Returns if the password is long and not one character or the name over and over."""
    if len(password) < SHORTEST_PASSWORD:
        raise _refusal(f"The password needs at least {SHORTEST_PASSWORD} characters.")
    if len(set(password)) < FEWEST_DIFFERENT or not password.replace(name, "").strip():
        raise _refusal("The password repeats itself: take one that nobody guesses.")
    try:
        sendable_password(password)
    except UnsendablePassword as error:
        raise _refusal(
            f"The password must be text of at most {LONGEST_PASSWORD} bytes, without NUL."
        ) from error


def _record(event: AuditEvent, administrator: User, now: datetime) -> None:
    write_event(event, at=now, account_key=administrator.account_key, person=administrator.username)


def _refusal(sentence: str) -> BreakGlassRefused:
    return BreakGlassRefused(sentence, sentence=sentence)
