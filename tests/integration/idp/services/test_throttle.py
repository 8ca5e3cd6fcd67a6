"""Counting tries, also when they come at the same moment."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from idp.domain.errors import Throttled
from idp.models import SignInCounter
from idp.services.throttle import TRIES_PER_ADDRESS, TRIES_PER_NAME, WINDOW, Try, name_key

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def tries(count: int, *, name: str = "ada", address: str = "192.0.2.1", now: datetime = NOW) -> int:
    """How many of so many failed tries were let through."""
    let_through = 0
    for _ in range(count):
        try:
            Try(name, address, now).claim()
        except Throttled:
            continue
        let_through += 1
    return let_through


@pytest.mark.django_db
def test_so_many_failures_per_name_and_no_more() -> None:
    """The limit is let through and the next is refused with the time to wait; another name is not affected."""
    assert tries(TRIES_PER_NAME) == TRIES_PER_NAME
    with pytest.raises(Throttled) as refusal:
        Try("ada", "198.51.100.7", NOW + timedelta(minutes=5)).claim()
    assert 595 <= refusal.value.retry_after <= 605
    assert tries(1, name="beth") == 1


@pytest.mark.django_db
def test_the_window_ends() -> None:
    """When the window since the first failure has passed, counting begins anew; throttled tries do not extend it."""
    tries(TRIES_PER_NAME)
    assert tries(3, now=NOW + WINDOW - timedelta(seconds=1)) == 0
    assert tries(TRIES_PER_NAME + 1, now=NOW + WINDOW) == TRIES_PER_NAME


@pytest.mark.django_db
@pytest.mark.parametrize("spelling", ["ADA", " ada ", "Ada", "\uff41\uff44\uff41", "ada\u00a0"])
def test_spellings_of_a_name_are_counted_together(spelling: str) -> None:
    """Case, width and blanks make no new name."""
    tries(TRIES_PER_NAME)
    assert tries(1, name=spelling) == 0
    assert tries(1, name="ada2") == 1


@pytest.mark.django_db
def test_an_address_has_a_limit_over_all_names() -> None:
    """Trying one password on many names is stopped by the address; another address goes on."""
    assert (
        sum(tries(1, name=f"name-{number}") for number in range(TRIES_PER_ADDRESS + 5)) == TRIES_PER_ADDRESS
    )
    assert tries(1, name="fresh") == 0
    assert tries(1, name="fresh", address="198.51.100.7") == 1


@pytest.mark.django_db
def test_throttled_tries_of_one_name_do_not_use_up_the_address() -> None:
    """Somebody who hammers on one name does not shut out the office behind the same address."""
    tries(TRIES_PER_ADDRESS * 2)
    assert tries(1, name="colleague") == 1


@pytest.mark.django_db
def test_an_account_is_counted_whatever_it_is_called() -> None:
    """Once it is known whose name it is, tries under all its names count together."""
    for number in range(TRIES_PER_NAME):
        one = Try(f"alias-{number}", f"192.0.2.{number}", NOW)
        one.claim()
        one.found("directory:1")
    another = Try("fresh-alias", "192.0.2.99", NOW)
    another.claim()
    with pytest.raises(Throttled):
        another.found("directory:1")
    other = Try("fresh-alias", "192.0.2.99", NOW)
    other.claim()
    other.found("directory:2")


@pytest.mark.django_db
def test_success_clears_the_name_and_gives_the_address_its_try_back() -> None:
    """After a good sign-in the name begins at nothing, and many good ones from one address are no attack."""
    tries(TRIES_PER_NAME - 1)
    for _ in range(TRIES_PER_ADDRESS * 2):
        good = Try("ada", "192.0.2.1", NOW)
        good.claim()
        good.found("directory:1")
        good.succeeded()
    assert tries(TRIES_PER_NAME + 1) == TRIES_PER_NAME


@pytest.mark.django_db
def test_what_was_nobodys_fault_does_not_count() -> None:
    """Tries while the directory was away leave no trace."""
    for _ in range(TRIES_PER_NAME * 3):
        one = Try("ada", "192.0.2.1", NOW)
        one.claim()
        one.does_not_count()
    assert tries(TRIES_PER_NAME + 1) == TRIES_PER_NAME


@pytest.mark.django_db
def test_no_typed_name_is_stored() -> None:
    """The table holds a kind and a hash; a password that was typed as a name is not in it."""
    tries(1, name="my-secret-password")
    keys = [counter.key for counter in SignInCounter.objects.all()]
    assert name_key("my-secret-password") in keys
    assert all(len(key.partition(":")[2]) == 64 for key in keys)
    assert not any("secret" in key for key in keys)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "\0", "\ud800", "x" * 100_000, "'; DROP TABLE idp_signincounter; --"])
def test_any_text_can_be_counted(name: str) -> None:
    """No name is too strange for the throttle."""
    assert tries(TRIES_PER_NAME + 1, name=name) == TRIES_PER_NAME


@pytest.mark.postgresql
@pytest.mark.attack("BF-05")
@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_all_counted() -> None:
    """Of forty tries at once exactly the limit is let through, and no counting is lost or deadlocked."""

    def one(number: int) -> int:
        try:
            return tries(1, address=f"192.0.2.{number % 3}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == TRIES_PER_NAME


CROWD = """
import django
from concurrent.futures import ThreadPoolExecutor
django.setup()
from tests.integration.idp.services.test_throttle import tries
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda number: tries(1, address=f"192.0.2.{number}"), range(20))))
"""


@pytest.mark.attack("BF-05")
def test_on_sqlite_too(tmp_path: Path) -> None:
    """Of forty tries at once by two processes on one SQLite file exactly the limit is let through."""
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3"}
    python = [sys.executable, "-m", "django", "migrate", "--verbosity=0", "--skip-checks"]
    subprocess.run(python, env=env, check=True)
    crowds = [
        subprocess.Popen([sys.executable, "-c", CROWD], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert sum(int(crowd.communicate(timeout=60)[0]) for crowd in crowds) == TRIES_PER_NAME


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_good_and_bad_tries_at_the_same_moment() -> None:
    """Good sign-ins beside failures of other names at one address end with the failures counted, no more."""

    def good(number: int) -> None:
        try:
            one = Try(f"good-{number}", "192.0.2.1", NOW)
            one.claim()
            one.found(f"directory:{number}")
            one.succeeded()
        finally:
            connection.close()

    def bad(number: int) -> None:
        try:
            Try(f"bad-{number}", "192.0.2.1", NOW).claim()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(verb, number) for number in range(20) for verb in (good, bad)]
    for one in running:
        one.result()
    counters = {counter.key.partition(":")[0]: counter.failures for counter in SignInCounter.objects.all()}
    assert counters["address"] == 20
