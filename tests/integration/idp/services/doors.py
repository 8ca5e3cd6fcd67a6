"""Signing in as the doors do, for the tests of this folder."""

from datetime import datetime

from django.utils import timezone

from idp.domain.origin import Origin
from idp.models import AuditRecord, User
from idp.models.session import SessionStore
from idp.services.sign_in import Door, sign_in
from tests.servers.slapd import RIGHT_PASSWORD

HERE = Origin(address="192.0.2.1", reference="REFERENCE234")


def enter(
    username: str,
    password: str = RIGHT_PASSWORD,
    *,
    door: Door = Door.PORTAL,
    origin: Origin = HERE,
    now: datetime | None = None,
    session: SessionStore | None = None,
) -> SessionStore:
    """The session after this sign-in."""
    session = session or SessionStore()
    sign_in(
        session=session,
        username=username,
        password=password,
        door=door,
        browser="Test/1.0",
        origin=origin,
        now=now or timezone.now(),
    )
    return session


def who(session: SessionStore) -> User | None:
    """Whom the next request with this session's cookie belongs to."""
    return SessionStore(session.session_key).user


def person_who_enters(username: str, password: str = RIGHT_PASSWORD) -> User:
    """The person who has signed in with this name."""
    person = who(enter(username, password))
    assert person is not None
    return person


def events() -> list[tuple[str, str]]:
    """The audit trail, oldest first: each event with its reason."""
    return [(record.event, record.reason) for record in AuditRecord.objects.order_by("pk")]
