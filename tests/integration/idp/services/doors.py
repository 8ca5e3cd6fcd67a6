"""Signing in as the doors do, for the tests of this folder."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from idp.domain.errors import SignInRefused, Throttled
from idp.domain.origin import Origin
from idp.models import AuditRecord, User
from idp.models.session import SessionStore
from idp.services.admission import Door
from idp.services.sign_in import sign_in
from tests.servers.slapd import RIGHT_PASSWORD

# What holds without settings, where the directory locks nobody.
PER_PERSON = 5
PER_PERSON_KNOWN = 3
PER_ADDRESS = 50
PER_NETWORK = 200
IN_TOTAL = 1_000
WINDOW = timedelta(minutes=15)
HERE = Origin(address="192.0.2.1", reference="REFERENCE234")


def enter(
    username: str,
    password: str = RIGHT_PASSWORD,
    *,
    door: Door = Door.PORTAL,
    origin: Origin = HERE,
    now: datetime | None = None,
    session: SessionStore | None = None,
    mark: str = "",
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
        mark=mark,
    )
    return session


def mark_of(
    username: str,
    password: str = RIGHT_PASSWORD,
    *,
    door: Door = Door.PORTAL,
    now: datetime | None = None,
) -> str:
    """What a browser holds after its person has signed in with it."""
    return sign_in(
        session=SessionStore(),
        username=username,
        password=password,
        door=door,
        browser="Known/1.0",
        origin=Origin(address="198.51.100.77", reference="REFERENCE777"),
        now=now or timezone.now(),
    ).mark


def fail(
    username: str,
    times: int = PER_PERSON,
    *,
    now: datetime,
    doors: tuple[Door, ...] = (Door.PORTAL,),
    origin: Origin = HERE,
    mark: str = "",
) -> datetime:
    """So many wrong passwords, each after the wait that the one before has brought; gives the moment of the last."""
    for number in range(times):
        for _ in range(2):
            try:
                with pytest.raises(SignInRefused):
                    enter(
                        username, "wrong", door=doors[number % len(doors)], origin=origin, now=now, mark=mark
                    )
            except Throttled as refusal:
                now += timedelta(seconds=refusal.retry_after)
            else:
                break
    return now


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
