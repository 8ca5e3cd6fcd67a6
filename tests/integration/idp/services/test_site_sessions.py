"""Where a person is signed in, and ending that."""

from datetime import timedelta

import pytest
from django.utils import timezone

from idp.conf.access import access_config
from idp.models.session import SessionStore
from idp.services.site_sessions import end_other_sessions, open_sessions, person_of
from tests.integration.idp.services.doors import HERE, enter, events, who
from tests.servers.slapd import Newcomers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def people(newcomers: Newcomers) -> None:
    newcomers.person("ada")
    newcomers.person("beth")


def again(session: SessionStore) -> SessionStore:
    return SessionStore(session.session_key)


def test_the_person_of_a_session() -> None:
    """Whoever signed in with it; an empty session is nobody's."""
    assert person_of(again(enter("ada"))).get_username().startswith("directory:")
    assert person_of(SessionStore()).is_anonymous


@pytest.mark.attack("WB-06")
def test_a_person_sees_their_own_sessions() -> None:
    """Each browser is listed, this one first; over ones and other people's are not."""
    now = timezone.now()
    enter("ada", now=now - access_config().idle_for)
    enter("ada", now=now - timedelta(minutes=10))
    enter("beth")
    here = again(enter("ada", now=now))
    views = open_sessions(session=here, now=now)
    assert [view.is_this_one for view in views] == [True, False]
    assert views[1].signed_in_at == now - timedelta(minutes=10)
    assert {(view.browser, view.address) for view in views} == {("Test/1.0", HERE.address)}
    assert open_sessions(session=SessionStore(), now=now) == []


@pytest.mark.attack("WB-06")
def test_a_person_ends_their_other_sessions() -> None:
    """All of the person's sessions end but this one, nobody else's does, and it is recorded."""
    other, beth, here = enter("ada"), enter("beth"), again(enter("ada"))
    assert end_other_sessions(session=here, origin=HERE, now=timezone.now()) == 1
    assert (who(other), who(beth) is not None, who(here) is not None) == (None, True, True)
    assert events()[-1] == ("person:sign-in:signed-out", "others-ended")
    count = len(events())
    assert end_other_sessions(session=here, origin=HERE, now=timezone.now()) == 0
    assert end_other_sessions(session=SessionStore(), origin=HERE, now=timezone.now()) == 0
    assert len(events()) == count
