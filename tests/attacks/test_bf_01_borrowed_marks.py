"""BF-01: an insider who goes by somebody's name has nothing of theirs, and takes nothing from them."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from idp.domain.errors import SignInRefused, Throttled
from idp.services.admission import Door
from idp.services.break_glass import create_local_administrator
from tests.integration.idp.services.doors import (
    PER_PERSON,
    PER_PERSON_KNOWN,
    WINDOW,
    enter,
    events,
    mark_of,
    who,
)
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

pytestmark = [pytest.mark.django_db, pytest.mark.attack("BF-01")]

LOCAL_PASSWORD = "a-long-enough-password"
ROUNDS = 5


def guesses(username: str, times: int, *, door: Door, mark: str = "", now: datetime) -> int:
    """How many of so many wrong passwords were let through at this moment."""
    let_through = 0
    for _ in range(times):
        try:
            enter(username, "wrong", door=door, mark=mark, now=now)
        except Throttled:
            continue
        except SignInRefused:
            let_through += 1
    return let_through


@pytest.mark.attack("BF-05")
def test_own_sign_ins_between_guesses_give_no_more_of_them(newcomers: Newcomers) -> None:
    """Whose mail address begins like a local administrator's name guesses as often as any stranger.

    The right password of their own, typed after each few guesses, and the mark that it gives, change nothing.
    """
    newcomers.person("marvin", mail="keeper@evil.test")
    now = timezone.now()
    create_local_administrator(name="keeper", password=LOCAL_PASSWORD, now=now)
    mark = mark_of("keeper@evil.test", now=now)
    let_through = 0
    for number in range(ROUNDS):
        soon = now + timedelta(minutes=number)
        let_through += guesses("keeper", 7, door=Door.ADMIN, mark=mark, now=soon)
        with suppress(Throttled):
            enter("keeper@evil.test", mark=mark, now=soon)
    assert 0 < let_through <= PER_PERSON
    assert events()[-2][0] == "person:sign-in:throttled"


@pytest.mark.attack("BF-05")
def test_the_local_administrators_own_browser_has_a_part_of_its_own(newcomers: Newcomers) -> None:
    """After all those guesses the browser that they have signed in with opens, then any does; there guesses end."""
    newcomers.person("marvin", mail="keeper@evil.test")
    now = timezone.now()
    create_local_administrator(name="keeper", password=LOCAL_PASSWORD, now=now)
    marvins = mark_of("keeper@evil.test", now=now)
    keepers = mark_of("keeper", LOCAL_PASSWORD, door=Door.ADMIN, now=now)
    for number in range(ROUNDS):
        soon = now + timedelta(minutes=number)
        guesses("keeper", 7, door=Door.ADMIN, mark=marvins, now=soon)
    with pytest.raises(Throttled):
        enter("keeper", LOCAL_PASSWORD, door=Door.ADMIN, now=soon)
    assert who(enter("keeper", LOCAL_PASSWORD, door=Door.ADMIN, mark=keepers, now=soon)) is not None
    assert who(enter("keeper", LOCAL_PASSWORD, door=Door.ADMIN, now=soon)) is not None
    most = PER_PERSON + PER_PERSON_KNOWN
    assert guesses("keeper", most * 2, door=Door.ADMIN, mark=keepers, now=soon) == most
    with pytest.raises(Throttled):
        enter("keeper", LOCAL_PASSWORD, door=Door.ADMIN, mark=keepers, now=soon)
    assert who(enter("keeper", LOCAL_PASSWORD, door=Door.ADMIN, now=soon + WINDOW)) is not None


@pytest.mark.attack("BF-02")
@pytest.mark.parametrize("typed", ["bobby@nowhere.test", "bobby"])
def test_the_mark_of_a_namesake_keeps_nobody_out(newcomers: Newcomers, typed: str) -> None:
    """However often an insider who is marked under the same name tries it, its owner's known browser opens."""
    newcomers.person("bobby")
    newcomers.person("marvin", mail="bobby@evil.test")
    now = timezone.now()
    bobs, marvins = mark_of("bobby", now=now), mark_of("bobby@evil.test", now=now)
    most = PER_PERSON + PER_PERSON_KNOWN
    for number in range(ROUNDS):
        now += timedelta(minutes=1)
        assert guesses(typed, most, door=Door.PORTAL, mark=marvins, now=now) <= PER_PERSON
        with suppress(Throttled):
            enter("bobby@evil.test", mark=marvins, now=now)
        if number % 2:
            assert who(enter("bobby", mark=bobs, now=now)) is not None
    assert who(enter("bobby", RIGHT_PASSWORD, now=now)) is not None


@pytest.mark.attack("BF-02")
def test_a_namesakes_mark_is_a_strangers(newcomers: Newcomers) -> None:
    """With it nobody guesses more often at the other's password, and address and total count as for a stranger."""
    newcomers.person("bobby")
    newcomers.person("marvin", mail="bobby@evil.test")
    now = timezone.now()
    bobs, marvins = mark_of("bobby", now=now), mark_of("bobby@evil.test", now=now)
    assert guesses("bobby", PER_PERSON * 4, door=Door.PORTAL, mark=marvins, now=now) <= PER_PERSON
    later = now + timedelta(minutes=5)
    assert guesses("bobby", PER_PERSON * 4, door=Door.PORTAL, now=later) <= PER_PERSON
    with pytest.raises(Throttled):
        enter("bobby", mark=marvins, now=later)
    assert (
        guesses("bobby", PER_PERSON_KNOWN - 1, door=Door.PORTAL, mark=bobs, now=later) == PER_PERSON_KNOWN - 1
    )
    assert who(enter("bobby", mark=bobs, now=later)) is not None
