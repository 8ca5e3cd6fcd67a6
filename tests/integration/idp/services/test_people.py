"""The person's row: given once, kept through renames, and nobody's name is ever anybody else's."""

from datetime import datetime

import pytest

from idp.domain.aws.session_name import marked_session_name
from idp.domain.identity import AccountState, DirectoryIdentity
from idp.services.people import person_of

pytestmark = pytest.mark.django_db


def identity(number: int, mail: str, now: datetime) -> DirectoryIdentity:
    """Somebody with this address, from which the session name is made."""
    return DirectoryIdentity(
        directory="directory",
        immutable_id=f"{number:032x}",
        username=f"person{number}",
        dn=f"uid=person{number},ou=people,dc=example,dc=test",
        display_name=f"Person {number}",
        mail=mail,
        state=AccountState.ENABLED,
        groups=(),
        asked_at=now,
        attributes={"mail": (mail,)},
    )


@pytest.mark.attack("AW-01")
def test_a_name_that_spells_somebody_elses_marked_name_shuts_nobody_out(now: datetime) -> None:
    """Whoever takes both the plain and the marked name of another keeps them; the other gets a longer mark."""
    victim = identity(1, "jane@example.test", now)
    marked = marked_session_name("jane@example.test", account_key=victim.account_key)
    names = [
        person_of(identity(2, "JANE@example.test", now), is_staff=False, now=now).session_name,
        person_of(identity(3, marked, now), is_staff=False, now=now).session_name,
        person_of(victim, is_staff=False, now=now).session_name,
    ]
    assert names[:2] == ["JANE@example.test", marked]
    assert len({str(name).casefold() for name in names}) == 3
    assert str(names[2]).startswith("jane@example.test-")


def test_a_person_is_found_again_with_the_same_names(now: datetime) -> None:
    """A renamed person keeps session name and persistent identifier."""
    before = person_of(identity(1, "jane@example.test", now), is_staff=False, now=now)
    after = person_of(identity(1, "jane.miller@example.test", now), is_staff=False, now=now)
    assert (after.pk, after.session_name, after.persistent_id) == (
        before.pk,
        before.session_name,
        before.persistent_id,
    )
    assert after.mail == "jane.miller@example.test"
