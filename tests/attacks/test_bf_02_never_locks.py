"""BF-02: whatever is tried through us, the directory never locks the account, and its owner still gets in."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from django.utils import timezone

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory import backend, directories
from idp.directory.binding import BindAnswer, bind
from idp.domain.errors import DirectoryUnavailable, SignInRefused, Throttled
from idp.domain.origin import Origin
from idp.models import AuditRecord, SignInCounter
from idp.services.admission import Door
from tests.integration.idp.services.doors import enter, events, mark_of, who
from tests.servers.samba import (
    BASE,
    RIGHT_PASSWORD,
    AdPeople,
    SambaDc,
    active_directory_settings,
    controller,
)
from tests.servers.slapd import RIGHT_PASSWORD as RIGHT_PASSWORD_OF_SLAPD
from tests.servers.slapd import Newcomers, Proxy, settings_changed, values_at

pytestmark = [pytest.mark.django_db, pytest.mark.attack("BF-02")]

THRESHOLD = 5
RETRIES = 2_371
POLICIES_OF_PEOPLE = f"CN=Password Settings Container,CN=System,{BASE}"


@pytest.fixture(scope="module")
def strict_controller(samba_template: SambaDc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaDc]:
    """A domain that locks an account at the fifth wrong password within half an hour."""
    with controller(samba_template, tmp_path_factory.mktemp("strict")) as dc:
        made = AdPeople(dc)
        half_an_hour = str(-30 * 60 * 10_000_000)
        made.change(
            BASE,
            lockoutThreshold=str(THRESHOLD),
            lockOutObservationWindow=half_an_hour,
            lockoutDuration=half_an_hour,
        )
        made.link.unbind_s()
        yield dc


@pytest.fixture
def people(strict_controller: SambaDc) -> Iterator[AdPeople]:
    """People of that domain, which our settings lead to."""
    made = AdPeople(strict_controller)
    with settings_changed(**active_directory_settings(strict_controller)):
        yield made
    made.leave()


def bad_passwords(people: AdPeople, dn: str) -> tuple[int, bool]:
    """What the controller has counted, and whether it has locked the account."""
    found = people.read(dn, "badPwdCount", "lockoutTime")
    return int(found.get("badPwdCount", [b"0"])[0]), int(found.get("lockoutTime", [b"0"])[0]) > 0


def hammer(spellings: list[str], times: int) -> int:
    """A script that retries from many places, under every spelling, at both doors; gives how often it was let try."""
    names, doors = cycle(spellings), cycle(Door)
    tried = 0
    for number in range(times):
        origin = Origin(address=f"198.51.{number % 200}.{number % 7}", reference="SCRIPT")
        try:
            enter(next(names), "Wrong-Passw0rd", door=next(doors), origin=origin, now=timezone.now())
        except Throttled:
            continue
        except SignInRefused:
            tried += 1
    return tried


def test_a_script_that_retries_2371_times_locks_nobody(people: AdPeople) -> None:
    """The controller has counted fewer than it locks at, and a browser that is known still opens."""
    dn = people.person("victim", mail="some.body.else@example.test")
    mark = mark_of("victim", RIGHT_PASSWORD)
    assert who(enter("some.body.else@example.test", RIGHT_PASSWORD)) is not None
    spellings = [
        "victim", "VICTIM", " victim ", "v\u00edctim", "victim.", "EXAMPLE\\victim", "victim@example.test",
        "some.body.else@example.test", "Some.Body.Else@EXAMPLE.test",
    ]  # fmt: skip
    tried = hammer(spellings, RETRIES)
    count, is_locked = bad_passwords(people, dn)
    assert 0 < count < THRESHOLD
    assert not is_locked
    assert tried < RETRIES / 100
    with pytest.raises(Throttled) as refusal:
        enter("victim", RIGHT_PASSWORD)
    assert refusal.value.retry_after > 60
    assert who(enter("victim", RIGHT_PASSWORD, mark=mark)) is not None
    assert bad_passwords(people, dn) == (0, False)


def test_processes_that_know_nothing_yet_lock_nobody(people: AdPeople) -> None:
    """Each try in a process that has just started and read no policy: together they stay below as well."""
    dn = people.person("victim")
    for number in range(30):
        directories.directories.cache_clear()
        origin = Origin(address=f"198.51.{number}.1", reference="SCRIPT")
        with pytest.raises((SignInRefused, Throttled)):
            enter("victim", "Wrong-Passw0rd", door=Door.ADMIN, origin=origin, now=timezone.now())
    count, is_locked = bad_passwords(people, dn)
    assert 0 < count < THRESHOLD - 1
    assert not is_locked


def test_the_known_browsers_part_is_limited_too(people: AdPeople) -> None:
    """A script in the person's own browser, after strangers have used up theirs, does not lock either."""
    dn = people.person("victim")
    mark = mark_of("victim", RIGHT_PASSWORD)
    hammer(["victim"], 50)
    for _ in range(50):
        with pytest.raises((SignInRefused, Throttled)):
            enter("victim", "Wrong-Passw0rd", mark=mark)
    assert bad_passwords(people, dn) == (THRESHOLD - 1, False)


def test_failures_elsewhere_are_respected(people: AdPeople, strict_controller: SambaDc) -> None:
    """Where a telephone has used up what the domain allows, nothing more is sent, and outside nothing shows."""
    dn = people.person("victim")
    mark = mark_of("victim", RIGHT_PASSWORD)
    for _ in range(THRESHOLD - 2):
        with pytest.raises(Exception, match="Invalid credentials"):
            strict_controller.connect("victim@example.test", "Wrong-Passw0rd")
    before = bad_passwords(people, dn)
    with pytest.raises(SignInRefused) as spared:
        enter("victim", "Wrong-Passw0rd")
    with pytest.raises(SignInRefused) as unknown:
        enter("nobody", "Wrong-Passw0rd")
    assert bad_passwords(people, dn) == before == (THRESHOLD - 2, False)
    assert (spared.value.code, spared.value.told) == (unknown.value.code, unknown.value.told)
    assert [reason for _, reason in events()[-2:]] == ["account-spared", "unknown-person"]
    assert who(enter("victim", RIGHT_PASSWORD, mark=mark)) is not None


def test_a_fine_grained_policy_is_kept_below(people: AdPeople, strict_controller: SambaDc) -> None:
    """Somebody whom a policy of their own locks at the third wrong password is not locked by us."""
    dn = people.person("boss")
    sid = strict_controller.tool("user", "show", "drawbridge", "--attributes=objectSid").split()[-1]
    strict_controller.tool("dsacl", "set", f"--objectdn={POLICIES_OF_PEOPLE}", f"--sddl=(A;OICI;GR;;;{sid})")
    policy = people.add(
        f"CN=bosses,{POLICIES_OF_PEOPLE}",
        objectClass="msDS-PasswordSettings",
        **{
            "msDS-PasswordSettingsPrecedence": "1",
            "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
            "msDS-PasswordHistoryLength": "24",
            "msDS-PasswordComplexityEnabled": "TRUE",
            "msDS-MinimumPasswordLength": "7",
            "msDS-MinimumPasswordAge": "0",
            "msDS-MaximumPasswordAge": str(-42 * 86_400 * 10_000_000),
            "msDS-LockoutThreshold": "3",
            "msDS-LockoutObservationWindow": str(-30 * 60 * 10_000_000),
            "msDS-LockoutDuration": str(-30 * 60 * 10_000_000),
            "msDS-PSOAppliesTo": dn,
        },
    )
    hammer(["boss", "BOSS"], 60)
    assert bad_passwords(people, dn) == (1, False)
    assert "account-spared" in {reason for _, reason in events()}
    people.remove(policy)


def somebody_locked_at_four(newcomers: Newcomers, company: Slapd) -> str:
    """The entry of a person whom OpenLDAP locks at the fourth wrong password."""
    policy = f"cn=locks,ou=policies,{company.base}"
    newcomers.add(
        policy,
        objectClass=["person", "pwdPolicy"],
        cn="locks",
        sn="locks",
        pwdAttribute="userPassword",
        pwdLockout="TRUE",
        pwdMaxFailure="4",
        pwdFailureCountInterval="1800",
    )
    dn = newcomers.person("victim")
    newcomers.change(dn, f"add: pwdPolicySubentry\npwdPolicySubentry: {policy}")
    return dn


def test_openldap_too(newcomers: Newcomers, company: Slapd) -> None:
    """Under a policy that locks at four, fewer marks of failures stand at the entry, and no lock."""
    dn = somebody_locked_at_four(newcomers, company)
    mark = mark_of("victim", RIGHT_PASSWORD_OF_SLAPD)
    hammer(["victim", "VICTIM", "vi\u0301ctim"], 500)
    assert values_at(company, dn, "pwdAccountLockedTime") == []
    assert len(values_at(company, dn, "pwdFailureTime")) in {1, 2}
    assert who(enter("victim", RIGHT_PASSWORD_OF_SLAPD, mark=mark)) is not None
    assert values_at(company, dn, "pwdFailureTime") == []


@pytest.fixture
def three_servers(company: Slapd, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Proxy]]:
    """Three servers of one directory, which are asked here; for an answer nobody waits longer than a second."""
    with ExitStack() as running:
        proxies = [running.enter_context(Proxy(company.uri)) for _ in range(3)]
        config = replace(
            directory_config(),
            uris=tuple(proxy.uri for proxy in proxies),
            operation_seconds=1.0,
            connect_seconds=10.0,
            sign_in_seconds=30.0,
        )
        monkeypatch.setattr(directories, "directory_configs", lambda: (config,))
        running.enter_context(settings_changed())
        yield proxies


def counted() -> dict[str, int]:
    """What stands in the counters of each kind."""
    return {row.key.partition(":")[0]: row.failures for row in SignInCounter.objects.all()}


def test_a_password_is_sent_once_however_many_servers_are_slow(
    newcomers: Newcomers, company: Slapd, three_servers: list[Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is late with its answer has counted: no other hears the password, and the account keeps the try.

    The person is told that the directory cannot be reached, and by name, address and network nothing is held
    against them; however often it happens the account is not locked.
    """
    dn = somebody_locked_at_four(newcomers, company)

    def slowly(*given: Any, seconds: float) -> BindAnswer:
        for proxy in three_servers:
            proxy.answers_after = 1.5
        try:
            return bind(*given, seconds=seconds)
        finally:
            for proxy in three_servers:
                proxy.answers_after = 0.0

    monkeypatch.setattr(backend, "bind", slowly)
    with pytest.raises(DirectoryUnavailable):
        enter("victim", "Wrong-Passw0rd")
    assert len(values_at(company, dn, "pwdFailureTime")) == 1
    assert counted() == {"name": 0, "address": 0, "network": 0, "account": 1}
    assert events() == [("person:sign-in:unavailable", events()[0][1])]
    for _ in range(4):
        with suppress(DirectoryUnavailable, SignInRefused, Throttled):
            enter("victim", "Wrong-Passw0rd")
    assert 1 <= len(values_at(company, dn, "pwdFailureTime")) < 3
    assert values_at(company, dn, "pwdAccountLockedTime") == []


def test_a_server_that_was_not_asked_does_not_stop_anybody(
    newcomers: Newcomers, company: Slapd, three_servers: list[Proxy]
) -> None:
    """Over connections that were cut while idle, or to a server that is gone, no password went: the next one has it.

    The right one signs in at once, the wrong one is refused, and the directory has counted it once.
    """
    dn = somebody_locked_at_four(newcomers, company)
    assert who(enter("victim", RIGHT_PASSWORD_OF_SLAPD)) is not None
    three_servers[0].cut()
    assert who(enter("victim", RIGHT_PASSWORD_OF_SLAPD)) is not None
    three_servers[0].leave()
    assert who(enter("victim", RIGHT_PASSWORD_OF_SLAPD)) is not None
    with pytest.raises(SignInRefused):
        enter("victim", "Wrong-Passw0rd")
    assert len(values_at(company, dn, "pwdFailureTime")) == 1
    assert counted()["account"] == counted()["name"] == 1


def test_what_was_throttled_is_recorded_once_each(people: AdPeople) -> None:
    """Each refused try has exactly one row with a machine's reason and without the name."""
    people.person("victim")
    hammer(["victim"], 30)
    rows = AuditRecord.objects.all()
    assert rows.count() == 30
    assert {row.reason for row in rows} <= {
        "wrong-password",
        "counted-out:name",
        "counted-out:account",
        "account-spared",
    }
    assert not any("victim" in str(row.details) for row in rows)
