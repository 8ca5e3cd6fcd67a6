"""The session engine: what the table holds, when a session ends, what a removed one is worth."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.utils import timezone

from idp.conf.access import access_config
from idp.models import PersistentNameId, SiteSession, User
from idp.models.session import SessionStore, hash_key

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def person() -> User:
    return User.objects.create(
        account_key="directory:1",
        directory="directory",
        username="ada",
        persistent_id="_1",
        created_at=datetime.now(UTC),
    )


def signed_in(person: User, *, now: datetime | None = None) -> SessionStore:
    session = SessionStore()
    session.sign_in(person, browser="Test/1.0", address="192.0.2.1", now=now or timezone.now())
    return session


def again(session: SessionStore) -> SessionStore:
    """The next request with the same cookie."""
    return SessionStore(session.session_key)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr("idp.models.session.timezone.now", lambda: moment)


def test_the_table_does_not_hold_the_cookie(person: User) -> None:
    """A stolen copy of the table opens nothing: neither the stored hash nor a part of it is a key."""
    session = signed_in(person)
    row = SiteSession.objects.get()
    assert session.session_key
    assert session.session_key not in str(vars(row))
    assert row.key_hash == hash_key(session.session_key)
    assert again(session).user == person
    assert SessionStore(row.key_hash).user is None


@pytest.mark.attack("WB-01")
def test_signing_in_changes_the_key(person: User) -> None:
    """A cookie from before the sign-in, planted or not, is worth nothing after it; nor are its contents."""
    before = SessionStore()
    before["planted"] = "by somebody"
    before.save()
    old_key = before.session_key
    session = SessionStore(old_key)
    assert session["planted"] == "by somebody"
    session.sign_in(person, browser="", address="", now=timezone.now())
    assert session.session_key != old_key
    assert again(session).user == person
    assert "planted" not in again(session)
    assert SessionStore(old_key).user is None
    assert "planted" not in SessionStore(old_key)
    assert SiteSession.objects.count() == 1


@pytest.mark.attack("WB-01")
def test_a_chosen_key_is_never_taken_over(person: User) -> None:
    """A key that the table does not know gives a session under another key."""
    chosen = SessionStore("chosen-by-somebody-0123456789")
    chosen["x"] = 1
    chosen.save()
    assert chosen.session_key != "chosen-by-somebody-0123456789"
    chosen = SessionStore("chosen-by-somebody-0123456789")
    chosen.sign_in(person, browser="", address="", now=timezone.now())
    assert chosen.session_key != "chosen-by-somebody-0123456789"
    assert SessionStore("chosen-by-somebody-0123456789").user is None
    assert again(chosen).user == person


@pytest.mark.attack("WB-06")
def test_the_idle_limit(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that nobody used for the idle time is over, to the second; use keeps it."""
    began = timezone.now()
    session = signed_in(person, now=began)
    idle = access_config().idle_for
    at(monkeypatch, began + idle - SECOND)
    assert again(session).user == person
    at(monkeypatch, began + idle - SECOND + idle - SECOND)
    assert again(session).user == person
    at(monkeypatch, began + 3 * idle)
    assert again(session).user is None


@pytest.mark.attack("WB-06")
def test_the_absolute_limit(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """However busily it is used, a session is over when the absolute time since the sign-in has passed."""
    began = timezone.now()
    session = signed_in(person, now=began)
    limits = access_config()
    moment = began
    while moment < began + limits.absolute_for - limits.idle_for:
        moment += limits.idle_for - SECOND
        at(monkeypatch, moment)
        assert again(session).user == person
    at(monkeypatch, began + limits.absolute_for - SECOND)
    assert again(session).user == person
    at(monkeypatch, began + limits.absolute_for)
    assert again(session).user is None


def test_last_seen_is_written_once_a_minute(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Being seen costs a write at most once a minute."""
    began = timezone.now()
    session = signed_in(person, now=began)
    at(monkeypatch, began + timedelta(seconds=59))
    assert again(session).user == person
    assert SiteSession.objects.get().seen_at == began
    at(monkeypatch, began + timedelta(seconds=60))
    assert again(session).user == person
    assert SiteSession.objects.get().seen_at == began + timedelta(seconds=60)


@pytest.mark.attack("WB-06")
def test_a_removed_session_does_not_come_back(person: User) -> None:
    """A request that was under way when the session ended cannot write it back."""
    session = signed_in(person)
    late = again(session)
    late["message"] = "hello"
    SiteSession.objects.all().delete()
    with pytest.raises(UpdateError):
        late.save()
    assert SiteSession.objects.count() == 0
    unchanged = SessionStore(session.session_key)
    assert unchanged.user is None


def test_contents_are_kept(person: User) -> None:
    """What a page puts into the session is there at the next request, and the person still is."""
    session = signed_in(person)
    current = again(session)
    current["message"] = "hello"
    current.save()
    following = again(session)
    assert following["message"] == "hello"
    assert following.user == person
    del following["message"]
    following.save()
    assert "message" not in again(session)


def test_signing_out_ends_it_here_and_nowhere_else(person: User) -> None:
    """Flushing one session leaves the others of the same person."""
    session, other = signed_in(person), signed_in(person)
    again(session).flush()
    assert again(session).user is None
    assert again(other).user == person


def test_a_deactivated_person_is_signed_in_nowhere(person: User) -> None:
    """Switching a person off here ends what their cookies are worth at once."""
    session = signed_in(person)
    assert again(session).user == person
    User.objects.update(is_active=False)
    assert again(session).user is None
    assert again(session).signed_in_at is None


def test_the_moment_of_signing_in_is_kept(person: User) -> None:
    """The session says when the person signed in; one without a person says nothing."""
    began = timezone.now() - timedelta(minutes=1)
    session = signed_in(person, now=began)
    assert again(session).signed_in_at == began
    assert SessionStore().signed_in_at is None


def test_expired_rows_are_cleared(person: User) -> None:
    """Clearing removes what is past the idle limit and nothing else."""
    signed_in(person, now=timezone.now() - access_config().idle_for)
    kept = signed_in(person)
    SessionStore.clear_expired()
    assert SiteSession.objects.count() == 1
    assert again(kept).user == person


@pytest.mark.attack("RQ-06")
def test_a_name_that_is_read_with_the_session_is_of_its_person_and_of_that_service(person: User) -> None:
    """Whoever signs in next in the same request, and another service, get no name that was read for somebody else."""
    other = User.objects.create(
        account_key="directory:2", directory="directory", username="bob", persistent_id="_2", created_at=NOW
    )
    for service, owner, value in (("a", person, "_a1"), ("b", person, "_b1"), ("a", other, "_a2")):
        PersistentNameId.objects.create(
            entity_id=service, account_key=owner.account_key, value=value, created_at=NOW
        )
    cookie = signed_in(person)
    assert again(cookie).name_at("a") == "_a1"
    assert again(cookie).name_at("b") == "_b1"
    assert again(cookie).name_at("c") is None
    session = again(cookie)
    assert session.name_at("a") == "_a1"
    assert session.name_at("b") is None
    session = again(cookie)
    assert session.name_at("a") == "_a1"
    session.sign_in(other, browser="", address="", now=timezone.now())
    assert session.name_at("a") is None
    assert again(session).name_at("a") == "_a2"
    session.flush()
    assert session.name_at("a") is None
    assert SessionStore("unknown").name_at("a") is None
