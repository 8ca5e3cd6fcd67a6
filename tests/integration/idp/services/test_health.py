"""What is well and what is not, without a secret in it."""

import threading
import time
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from idp.directory.servers import MOST_PROBED_AT_ONCE
from idp.services import health
from idp.services.health import Health, LastLook, PartHealth, look, tables_are_there
from tests.servers.slapd import Proxy, settings_changed

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def causes() -> dict[str, str]:
    """The cause of each part as it is now."""
    return {part.name: part.cause for part in look(now=datetime.now(UTC)).parts}


@pytest.mark.django_db
def test_what_answers_is_well(company: Slapd, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Database, broker and directory that run are well; a key that is not there is named."""
    monkeypatch.setattr(settings, "REDIS_URL", redis.url)
    found = causes()
    assert (found["database"], found["broker"], found["directory"]) == ("", "", "")
    assert found["signing_key"]
    assert company.uri not in str(found)


@pytest.mark.django_db
@pytest.mark.fault(2)
def test_each_directory_server_is_told_with_its_speed(company: Slapd) -> None:
    """One that answers makes the part well; a silent one beside it is named, and nobody waits for it."""
    with Proxy(company.uri) as silent, settings_changed(DRAWBRIDGE_LDAP_URI=(company.uri, silent.uri)):
        silent.stalled.set()
        began = time.monotonic()
        part = health.directory_health()
        assert time.monotonic() - began < 2
        assert part.is_well
        well, ill = part.servers
        assert (well.directory, well.uri, well.state, well.problem) == (
            "directory",
            company.uri,
            "closed",
            "",
        )
        assert well.milliseconds is not None
        assert (ill.uri, ill.milliseconds) == (silent.uri, None)
        assert "silent" in ill.problem
    with settings_changed(DRAWBRIDGE_LDAP_URI=("ldap://127.0.0.1:1",)):
        part = health.directory_health()
        assert part.cause == "no server answers (directory)"
        assert company.bind_password not in str(part)


@pytest.mark.django_db
@pytest.mark.fault(2)
def test_who_was_never_asked_does_not_make_a_directory_well(company: Slapd) -> None:
    """More servers than are probed at once, all of them gone: not ready; one that answers among them: ready."""
    gone = tuple(f"ldap://127.0.0.1:{port}" for port in range(1, MOST_PROBED_AT_ONCE + 3))
    with Proxy(company.uri) as silent, settings_changed(DRAWBRIDGE_LDAP_URI=(silent.uri,)):
        silent.stalled.set()
        port = silent.uri.rpartition(":")[2]
        spellings = tuple(f"ldap://127.0.0.1:{port}/{number}" for number in range(MOST_PROBED_AT_ONCE + 2))
        with settings_changed(DRAWBRIDGE_LDAP_URI=spellings):
            assert health.directory_health().cause == "no server answers (directory)"
    with settings_changed(DRAWBRIDGE_LDAP_URI=(company.uri, *gone)):
        assert health.directory_health().is_well


@pytest.mark.django_db
def test_what_does_not_answer_is_named_without_a_secret(
    company: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is gone is said to be gone; its address and password are not said."""
    monkeypatch.setattr(settings, "REDIS_URL", "redis://:canary-secret@127.0.0.1:1/0")
    found = causes()
    assert "does not answer" in found["broker"]
    assert "canary" not in str(found)
    assert found["directory"] == "", company.uri


@pytest.mark.django_db
def test_a_database_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's message, which names host and user, stays inside."""

    def gone() -> None:
        raise OperationalError('connection to "10.0.0.9" failed for user "canary"')

    monkeypatch.setattr(connection, "cursor", gone)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert health.database_cause() == "does not answer (OperationalError)"


@pytest.mark.django_db
def test_the_tables_of_this_release_are_there() -> None:
    """A migrated database is one that has started."""
    assert tables_are_there()


def test_many_askers_share_one_look_and_none_gets_an_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty who ask while one looks share the one look after it; who asks later gets a new one."""
    looks = 0
    entered, may_end = threading.Event(), threading.Event()

    def slow_look(*, now: datetime) -> Health:
        nonlocal looks
        looks += 1
        entered.set()
        may_end.wait(5)
        return Health((PartHealth(str(looks)),), now)

    monkeypatch.setattr(health, "look", slow_look)
    last = LastLook()
    answers: list[Health] = []
    askers = [threading.Thread(target=lambda: answers.append(last.shared(NOW))) for _ in range(21)]
    askers[0].start()
    assert entered.wait(5)
    for asker in askers[1:]:
        asker.start()
    time.sleep(0.2)
    may_end.set()
    for asker in askers:
        asker.join(5)
    assert len(answers) == 21
    assert looks <= 3
    last.shared(NOW)
    assert looks <= 4
    assert last.health is not None
    assert last.health.parts[0].name == str(looks)
