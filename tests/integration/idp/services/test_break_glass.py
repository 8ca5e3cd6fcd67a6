"""Local administrators: made and reset at the machine, never with a weak password."""

import pytest
from django.utils import timezone

from idp.domain.identity import LOCAL
from idp.models import User
from idp.models.session import SessionStore
from idp.services.break_glass import (
    BreakGlassRefused,
    create_local_administrator,
    reset_local_administrator,
)
from tests.integration.idp.services.doors import events

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-enough-password"


def test_a_local_administrator_is_made() -> None:
    """The row is local, staff, without a session name, its password hashed with Argon2id; one event tells it."""
    made = create_local_administrator(name="emergency", password=PASSWORD, now=timezone.now())
    person = User.objects.get()
    assert person == made
    assert (person.account_key, person.directory, person.session_name) == (f"{LOCAL}:emergency", LOCAL, None)
    assert person.is_local
    assert person.is_staff
    assert person.password.startswith("argon2$argon2id$")
    assert person.check_password(PASSWORD)
    assert events() == [("operator:break-glass:created", "")]


def test_several_have_no_session_name_and_do_not_collide() -> None:
    """Local administrators never appear in AWS; a second one is made like the first."""
    for name in ("emergency", "emergency-2"):
        create_local_administrator(name=name, password=PASSWORD, now=timezone.now())
    assert User.objects.filter(session_name=None).count() == 2


@pytest.mark.parametrize(
    "name", ["", "a", "Emergency", "emer gency", "emergency\n", "-emergency", "ü" * 4, "a" * 65, "a:b"]
)
def test_unfit_names_are_refused(name: str) -> None:
    """Names that would not be one account key under every spelling are refused, and nothing is made."""
    with pytest.raises(BreakGlassRefused):
        create_local_administrator(name=name, password=PASSWORD, now=timezone.now())
    assert not User.objects.exists()
    create_local_administrator(name="a.b_c-9", password=PASSWORD, now=timezone.now())


@pytest.mark.parametrize(
    "password",
    [
        "",
        "fifteen-letters",
        "a" * 40,
        "abababababababababab",
        "emergency" * 4,
        "x\0" * 12,
        "12345678901234567" * 100,
    ],
)
def test_weak_passwords_are_refused(password: str) -> None:
    """Short, repeating, cut or endless passwords are refused, when making as when resetting."""
    with pytest.raises(BreakGlassRefused):
        create_local_administrator(name="emergency", password=password, now=timezone.now())
    create_local_administrator(name="emergency", password="sixteen-letters!", now=timezone.now())
    with pytest.raises(BreakGlassRefused):
        reset_local_administrator(name="emergency", password=password, now=timezone.now())
    assert User.objects.get().check_password("sixteen-letters!")


def test_a_name_is_made_once() -> None:
    """A second creation is refused and changes nothing, not even the audit."""
    create_local_administrator(name="emergency", password=PASSWORD, now=timezone.now())
    with pytest.raises(BreakGlassRefused, match="already"):
        create_local_administrator(name="emergency", password="another-long-password", now=timezone.now())
    assert User.objects.get().check_password(PASSWORD)
    assert len(events()) == 1


def test_a_reset_ends_what_the_old_password_opened() -> None:
    """The new password counts, a switched-off administrator is on again, and nobody is signed in as them."""
    person = create_local_administrator(name="emergency", password=PASSWORD, now=timezone.now())
    session = SessionStore()
    session.sign_in(person, browser="", address="", now=timezone.now())
    User.objects.update(is_active=False)
    reset_local_administrator(name="emergency", password="another-long-password", now=timezone.now())
    person.refresh_from_db()
    assert person.is_active
    assert person.check_password("another-long-password")
    assert not person.check_password(PASSWORD)
    assert SessionStore(session.session_key).user is None
    assert events()[-1] == ("operator:break-glass:reset", "")


def test_nobody_else_is_reset() -> None:
    """A name that no local administrator has is refused, also where a directory person has it."""
    User.objects.create(
        account_key="directory:1",
        directory="directory",
        username="ada",
        persistent_id="_1",
        created_at=timezone.now(),
    )
    with pytest.raises(BreakGlassRefused, match="no local administrator"):
        reset_local_administrator(name="ada", password=PASSWORD, now=timezone.now())
    assert not User.objects.get().check_password(PASSWORD)
