"""Counting tries, also when they come at the same moment."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from idp.directory.errors import AccountSpared
from idp.directory.port import FoundAccount
from idp.domain.errors import Throttled
from idp.domain.password_policy import Lockout
from idp.models import SignInCounter
from idp.services.known_browsers import KnownBrowser
from idp.services.throttle import Try, address_key, name_key, network_key, throttled
from tests.integration.idp.services.doors import IN_TOTAL, PER_ADDRESS, PER_NETWORK, PER_PERSON, WINDOW

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


NEVER = Lockout(threshold=0, window=None)


def attempt(
    name: str = "ada",
    address: str = "192.0.2.1",
    now: datetime = NOW,
    lockout: Lockout = NEVER,
    browser: KnownBrowser | None = None,
) -> Try:
    """One try at this moment, not counted yet."""
    return Try(name, address, now, lockout, browser or KnownBrowser())


def account(key: str = "directory:1", *, failures: int = 0, lockout: Lockout = NEVER) -> FoundAccount:
    """The account that a name turned out to be."""
    return FoundAccount(key, "ada", failures, lockout)


def tries(
    count: int, *, name: str = "ada", address: str = "192.0.2.1", now: datetime = NOW, apart: float = 10
) -> int:
    """How many of so many failed tries were let through, so many seconds apart from each other."""
    let_through = 0
    for number in range(count):
        one = attempt(name, address, now + timedelta(seconds=apart * number))
        try:
            one.claim()
        except Throttled:
            continue
        one.failed()
        let_through += 1
    return let_through


@pytest.mark.django_db
def test_so_many_failures_per_name_and_no_more() -> None:
    """The limit is let through and the next is refused with the time to wait; another name is not affected."""
    assert tries(PER_PERSON) == PER_PERSON
    with pytest.raises(Throttled) as refusal:
        attempt("ada", "198.51.100.7", NOW + timedelta(seconds=40) + timedelta(minutes=5)).claim()
    assert 595 <= refusal.value.retry_after <= 605
    assert tries(1, name="beth") == 1


@pytest.mark.django_db
def test_the_window_ends_after_the_last_failure() -> None:
    """As in the directory, it is the last failure that is waited for; throttled tries do not extend it."""
    tries(PER_PERSON)
    last = NOW + timedelta(seconds=40)
    assert tries(3, now=last + WINDOW - timedelta(seconds=30)) == 0
    assert tries(PER_PERSON + 1, now=last + WINDOW) == PER_PERSON


@pytest.mark.django_db
def test_failures_further_apart_than_the_window_do_not_add_up() -> None:
    """One slip a quarter of an hour shuts nobody out."""
    assert tries(PER_PERSON * 2, apart=WINDOW.total_seconds()) == PER_PERSON * 2


@pytest.mark.django_db
def test_the_delay_grows() -> None:
    """From the middle of the budget on each failure makes the next try wait longer, and says how long."""
    waits: list[tuple[str, int]] = []
    now = NOW
    for _ in range(PER_PERSON):
        try:
            attempt(now=now).claim()
        except Throttled as refusal:
            waits.append((refusal.cause, refusal.retry_after))
            now += timedelta(seconds=refusal.retry_after)
            attempt(now=now).claim()
    assert waits == [("counted-out:name", 3), ("counted-out:name", 9)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (3, "3 seconds"), (119, "119 seconds"), (121, "3 minutes"), (1_860, "31 minutes"),
     (7_300, "3 hours"), (2_592_000, "30 days")],
)  # fmt: skip
def test_the_wait_is_said_in_words(seconds: int, words: str) -> None:
    """Rounded up, in a unit that people use."""
    refusal = throttled("name", seconds)
    assert (refusal.told, refusal.retry_after) == (
        f"Too many tries. Please wait {words} and try again.",
        seconds,
    )


@pytest.mark.django_db
def test_a_try_that_came_too_early_is_not_counted() -> None:
    """Hammering during the delay neither extends it nor uses up the rest of the budget."""
    tries(3, apart=0)
    assert tries(500, now=NOW + timedelta(seconds=1), apart=0) == 0
    assert tries(1, now=NOW + timedelta(seconds=2)) == 1


@pytest.mark.django_db
@pytest.mark.attack("LD-06")
@pytest.mark.parametrize(
    "spelling",
    [
        "ADA", " ada ", "Ada", "\uff41\uff44\uff41", "ada\u00a0", "EXAMPLE\\ada", "ada@example.test",
        "ada\uff20example.test", "\u00e1da", "a\u0301da", "a\u200bda", "ada.", "ada. ", "example\\ADA@else.test",
    ],
)  # fmt: skip
def test_spellings_of_a_name_are_counted_together(spelling: str) -> None:
    """Case, width, blanks, domain, diacritics and invisible signs make no new name; another letter does."""
    tries(PER_PERSON)
    assert tries(1, name=spelling, now=NOW + timedelta(minutes=1)) == 0
    assert tries(1, name="ada2", now=NOW + timedelta(minutes=1)) == 1


@pytest.mark.django_db
@pytest.mark.attack("LD-06")
def test_a_dotless_i_is_no_new_letter() -> None:
    """A Turkish spelling is counted with the plain one."""
    tries(PER_PERSON, name="nina")
    assert tries(1, name="n\u0131na", now=NOW + timedelta(minutes=1)) == 0


@pytest.mark.django_db
@pytest.mark.attack("BF-01")
def test_an_address_has_a_limit_over_all_names() -> None:
    """One address with a thousand accounts is stopped; another address goes on, and the owner's browser too."""
    let_through = sum(tries(1, name=f"name-{number}") for number in range(1_000))
    assert let_through == PER_ADDRESS
    assert tries(1, name="fresh") == 0
    assert tries(1, name="fresh", address="198.51.100.7") == 1


@pytest.mark.django_db
@pytest.mark.attack("BF-01")
def test_a_thousand_addresses_on_one_account_are_one_attack() -> None:
    """From however many places, one person's budget is the same."""
    let_through = sum(
        tries(1, address=f"198.{number // 250}.{number % 250}.1", now=NOW + timedelta(seconds=number))
        for number in range(1_000)
    )
    assert let_through <= PER_PERSON * 2


@pytest.mark.django_db
@pytest.mark.attack("BF-03")
@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        ("192.0.2.{:d}", PER_NETWORK),
        ("2001:db8:1:2::{:x}", PER_ADDRESS),
        ("2001:db8:1:{:x}::1", PER_NETWORK),
    ],
)
def test_rotating_addresses_within_a_network_does_not_help(pattern: str, limit: int) -> None:
    """A /24, one IPv6 host's /64 and one customer's /48 have budgets of their own, whatever the names."""
    let_through = sum(
        tries(1, name=f"name-{number}", address=pattern.format(number % 250 + 1)) for number in range(400)
    )
    assert let_through == limit
    assert tries(1, name="fresh", address="203.0.113.9") == 1


@pytest.mark.parametrize(
    ("one", "other", "same_host", "same_network"),
    [
        ("192.0.2.1", "192.0.2.1", True, True),
        ("192.0.2.1", "192.0.2.254", False, True),
        ("192.0.2.1", "192.0.3.1", False, False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False, True),
        ("2001:db8:1:2::1", "2001:db8:2:2::1", False, False),
        ("fe80::1%eth0", "fe80::2%eth1", True, True),
        ("", "", True, True),
        ("", "192.0.2.1", False, False),
    ],
)
def test_hosts_and_networks(one: str, other: str, same_host: bool, same_network: bool) -> None:  # noqa: FBT001 - a table
    """An IPv4 address is a host, its /24 a network; of IPv6 a /64 is one host and a /48 one customer."""
    assert (address_key(one) == address_key(other)) is same_host
    assert (network_key(one) == network_key(other)) is same_network


@pytest.mark.django_db
@pytest.mark.attack("BF-01")
def test_there_is_a_limit_in_total() -> None:
    """A thousand names from a thousand networks use up the whole budget; a known browser still gets in."""
    let_through = sum(
        tries(1, name=f"name-{number}", address=f"100.{number // 250}.{number % 250}.1")
        for number in range(IN_TOTAL + 20)
    )
    assert let_through == IN_TOTAL
    browser = KnownBrowser.read(KnownBrowser().mark_with("directory:1", "ada"))
    known = attempt(browser=browser)
    known.claim()
    known.found(account())


@pytest.mark.django_db
def test_throttled_tries_of_one_name_do_not_use_up_the_address() -> None:
    """Somebody who hammers on one name does not shut out the office behind the same address."""
    tries(PER_ADDRESS * 2)
    assert tries(1, name="colleague") == 1


@pytest.mark.django_db
def test_an_account_is_counted_whatever_it_is_called() -> None:
    """Once it is known whose name it is, tries under all its names count together."""
    for number in range(PER_PERSON):
        one = attempt(f"alias-{number}", f"192.0.2.{number}")
        one.claim()
        one.found(account())
    another = attempt("fresh-alias", "192.0.2.99")
    another.claim()
    with pytest.raises(Throttled):
        another.found(account())
    other = attempt("fresh-alias", "192.0.2.99")
    other.claim()
    other.found(account("directory:2"))


@pytest.mark.django_db
@pytest.mark.attack("BF-02")
@pytest.mark.parametrize(("threshold", "tried"), [(10, 8), (5, 4), (4, 3), (3, 2), (2, 1)])
def test_the_budget_stays_below_the_directorys_threshold(threshold: int, tried: int) -> None:
    """Strangers and the person's own browser together never reach the number that locks."""
    lockout = Lockout(threshold, timedelta(minutes=30), timedelta(minutes=30))
    browser = KnownBrowser.read(KnownBrowser().mark_with("directory:1", "ada"))
    sent = 0
    for number in range(threshold * 4):
        for known in (None, browser):
            one = attempt(now=NOW + timedelta(seconds=20 * number), lockout=lockout, browser=known)
            try:
                one.claim()
                one.found(account(lockout=lockout))
            except (Throttled, AccountSpared):
                continue
            sent += 1
    assert sent == tried < threshold


@pytest.mark.django_db
@pytest.mark.attack("BF-02")
def test_strangers_leave_something_for_the_known_browser() -> None:
    """When strangers have used up what there is for them, the person's own browser still has a try."""
    lockout = Lockout(5, timedelta(minutes=30))
    for number in range(20):
        one = attempt(now=NOW + timedelta(minutes=number), lockout=lockout)
        with suppress(Throttled):
            one.claim()
            one.found(account(lockout=lockout))
    later = NOW + timedelta(minutes=20)
    with pytest.raises(Throttled):
        attempt(now=later, lockout=lockout).claim()
    browser = KnownBrowser.read(KnownBrowser().mark_with("directory:1", "ada"))
    owner = attempt(now=later, lockout=lockout, browser=browser)
    owner.claim()
    owner.found(account(lockout=lockout))


@pytest.mark.django_db
@pytest.mark.attack("BF-02")
def test_failures_elsewhere_are_respected() -> None:
    """What the directory has counted already is not tried further: by strangers first, at the end by nobody."""
    lockout = Lockout(10, timedelta(minutes=30))
    browser = KnownBrowser.read(KnownBrowser().mark_with("directory:1", "ada"))
    for failures, stranger_may, known_may in (
        (0, True, True),
        (5, True, True),
        (6, False, True),
        (9, False, False),
    ):
        for known, may in ((None, stranger_may), (browser, known_may)):
            one = attempt(lockout=lockout, browser=known)
            one.claim()
            seen = account(failures=failures, lockout=lockout)
            if may:
                one.found(seen)
            else:
                with pytest.raises(AccountSpared):
                    one.found(seen)
            one.succeeded()


@pytest.mark.django_db
@pytest.mark.attack("BF-04")
def test_a_stricter_policy_of_one_person_does_not_tell_that_they_exist() -> None:
    """Under a fine-grained policy the account is spared in silence; its name is throttled where all others are."""
    strict = Lockout(2, timedelta(minutes=30))
    refused: list[type[Exception]] = []
    for number in range(PER_PERSON + 1):
        one = attempt(now=NOW + timedelta(minutes=number))
        try:
            one.claim()
            one.found(account(lockout=strict))
        except (Throttled, AccountSpared) as refusal:
            refused.append(type(refusal))
    assert refused == [AccountSpared] * (PER_PERSON - 1) + [Throttled]


@pytest.mark.django_db
def test_the_mark_of_one_person_is_none_for_another() -> None:
    """A browser that is known for one account and name has nothing of another's, by name or by account."""
    browser = KnownBrowser.read(KnownBrowser().mark_with("directory:2", "beth"))
    tries(PER_PERSON)
    with pytest.raises(Throttled):
        attempt(now=NOW + timedelta(minutes=1), browser=browser).claim()
    for forged in ("", "x", "a" * 5_000, KnownBrowser().mark_with("directory:1", "ada")[:-1] + "_"):
        with pytest.raises(Throttled):
            attempt(now=NOW + timedelta(minutes=1), browser=KnownBrowser.read(forged)).claim()


@pytest.mark.django_db
def test_success_clears_the_name_and_gives_the_address_its_try_back() -> None:
    """After a good sign-in the name begins at nothing, and many good ones from one address are no attack."""
    tries(PER_PERSON - 1)
    later = NOW + timedelta(minutes=1)
    for _ in range(PER_ADDRESS * 2):
        good = attempt(now=later)
        good.claim()
        good.found(account())
        good.succeeded()
    assert tries(PER_PERSON + 1, now=later) == PER_PERSON


@pytest.mark.django_db
def test_what_was_nobodys_fault_does_not_count() -> None:
    """Tries while the directory was away leave no trace."""
    for _ in range(PER_PERSON * 3):
        one = attempt()
        one.claim()
        one.does_not_count()
    assert tries(PER_PERSON + 1) == PER_PERSON


@pytest.mark.django_db
def test_no_typed_name_is_stored() -> None:
    """The table holds a kind and a hash; a password that was typed as a name is not in it."""
    tries(1, name="my-secret-password")
    keys = [counter.key for counter in SignInCounter.objects.all()]
    assert name_key("my-secret-password") in keys
    assert all(len(key.partition(":")[2]) in {0, 64} for key in keys)
    assert not any("secret" in key for key in keys)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "\0", "\ud800", "x" * 100_000, "'; DROP TABLE idp_signincounter; --"])
def test_any_text_can_be_counted(name: str) -> None:
    """No name is too strange for the throttle."""
    assert tries(PER_PERSON + 1, name=name) == PER_PERSON


@pytest.mark.postgresql
@pytest.mark.attack("BF-05")
@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_all_counted() -> None:
    """Of forty tries at once exactly the limit is let through, and no counting is lost or deadlocked."""

    def one(number: int) -> int:
        try:
            return tries(1, address=f"192.0.2.{number % 3}", now=NOW + timedelta(seconds=number))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == PER_PERSON


CROWD = """
import django
from concurrent.futures import ThreadPoolExecutor
django.setup()
from tests.integration.idp.services.test_throttle import NOW, timedelta, tries
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda number: tries(1, now=NOW + timedelta(seconds=2 * number)), range(20))))
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
    assert sum(int(crowd.communicate(timeout=60)[0]) for crowd in crowds) == PER_PERSON


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_good_and_bad_tries_at_the_same_moment() -> None:
    """Good sign-ins beside failures of other names at one address end with the failures counted, no more."""

    def good(number: int) -> None:
        try:
            one = attempt(f"good-{number}")
            one.claim()
            one.found(account(f"directory:{number}"))
            one.succeeded()
        finally:
            connection.close()

    def bad(number: int) -> None:
        try:
            attempt(f"bad-{number}").claim()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(verb, number) for number in range(20) for verb in (good, bad)]
    for one in running:
        one.result()
    counters = {counter.key.partition(":")[0]: counter.failures for counter in SignInCounter.objects.all()}
    assert counters["address"] == 20
