"""What is taken from somebody and their own sign-in meet at one moment: one after the other, never crosswise.

The order is: the person's row, the last answer, accesses, sign-ins.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.db import transaction

from idp.domain.identity import AccountState, DirectoryIdentity
from idp.models import DirectorySnapshot, SiteSession, User
from idp.services.endings import end_all_accesses_of
from idp.services.identity import let_go
from idp.services.lost_groups import follow
from idp.services.people import person_of
from idp.services.snapshots import store_snapshot
from tests.integration.idp.services.test_lock_order import NOW, aside, wait_until_there_wait

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.fault(13),
    pytest.mark.django_db(transaction=True),
]

JANE = DirectoryIdentity(
    directory="directory",
    immutable_id="1",
    username="jane",
    dn="uid=jane,dc=example,dc=test",
    display_name="Jane",
    mail="jane@example.test",
    state=AccountState.ENABLED,
    groups=(),
    asked_at=NOW,
)
RENAMED = replace(JANE, display_name="Jane Doe")
GONE = replace(JANE, state=AccountState.DISABLED)


def signed_in() -> User:
    person = person_of(JANE, is_staff=True, now=NOW)
    store_snapshot(person, JANE)
    SiteSession.objects.create(key_hash="x", user=person, created_at=NOW, signed_in_at=NOW, seen_at=NOW)
    return person


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Jane signs in under a new name, and before she is through somebody else does this and has to wait."""
    failures: list[Exception] = []
    with transaction.atomic():
        person_of(RENAMED, is_staff=True, now=NOW)
        other = aside(lambda: int(bool(work())), failures)
        wait_until_there_wait(1)
        yield
    other.join()
    assert failures == []


def test_a_sweep_that_takes_a_right_meets_a_sign_in() -> None:
    """Both write the person's row and the last answer."""
    person = signed_in()
    with meanwhile(lambda: follow(person, JANE, newly_asked=True, now=NOW)):
        store_snapshot(person, RENAMED)
    assert not User.objects.get().is_staff


def test_somebody_who_has_left_meets_their_own_sign_in() -> None:
    """Of two answers of the directory the later one holds, whoever comes first."""
    person = signed_in()
    with meanwhile(lambda: let_go(person, GONE, believed=True, now=NOW)):
        store_snapshot(person, RENAMED)
        SiteSession.objects.filter(user=person).delete()
    assert User.objects.get().ends_before == NOW
    assert DirectorySnapshot.objects.get().asked_at < NOW


def test_everything_of_somebody_ends_while_they_sign_in_anew() -> None:
    """The old sign-in of the same browser goes both ways."""
    person = signed_in()
    with meanwhile(lambda: end_all_accesses_of(person, reason="x", now=NOW)):
        SiteSession.objects.filter(user=person).delete()
    assert User.objects.get().ends_before == NOW
