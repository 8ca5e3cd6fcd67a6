"""Several servers, as companies have them: one down, one silent, one back again; and who is asked meanwhile."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ldap
import pytest

from deploy.demo.slapd import Slapd, free_port
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import searches, servers
from idp.directory.breaker import FAILURES_IN_A_ROW, HOLD_OFF
from idp.directory.connections import Connections
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.links import Link
from idp.domain.errors import DirectoryUnavailable
from tests.servers.doorkeeper import Doorkeeper
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import EACH, RIGHT_PASSWORD, Newcomers, Proxy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def refuser() -> Iterator[Doorkeeper]:
    server = Doorkeeper()
    yield server
    server.close()


@pytest.fixture
def proxies(company: Slapd) -> Iterator[tuple[Proxy, Proxy]]:
    with Proxy(company.uri) as first, Proxy(company.uri) as second:
        yield first, second


@pytest.fixture
def config(company: Slapd) -> DirectoryConfig:
    assert company.process is not None
    return directory_config()


@pytest.mark.fault(1)
def test_a_server_that_fails_again_and_again_is_left_alone(
    config: DirectoryConfig, refuser: Doorkeeper
) -> None:
    """After five failures in a row nobody goes there, but one prober once the hold-off is over."""
    directory = LdapDirectory(replace(config, uris=(refuser.uri,)))

    def ask() -> None:
        with pytest.raises(DirectoryUnavailable):
            directory.find_by_name("nobody-here", now=NOW)

    for _ in range(FAILURES_IN_A_ROW + 10):
        ask()
    assert refuser.visits == FAILURES_IN_A_ROW
    assert [server.state for server in directory.measure(seconds=1)] == ["open"]
    time.sleep(HOLD_OFF)
    before = refuser.visits
    with ThreadPoolExecutor(4) as pool:
        for asked in [pool.submit(ask) for _ in range(8)]:
            asked.result()
    assert refuser.visits == before + 1


@pytest.mark.fault(4)
def test_the_next_server_answers_within_three_seconds(
    config: DirectoryConfig, proxies: tuple[Proxy, Proxy], newcomers: Newcomers
) -> None:
    """A first server that was silent from the start costs one wait of three seconds; the next ask costs none."""
    newcomers.person("olga")
    first, second = proxies
    first.stalled.set()
    directory = LdapDirectory(replace(config, uris=(first.uri, second.uri)))
    for limit in (3.7, 1.0):
        began = time.monotonic()
        assert directory.check_password("olga", RIGHT_PASSWORD, now=NOW).username == "olga"
        assert time.monotonic() - began < limit


@pytest.mark.fault(4)
def test_nobody_is_sent_to_and_fro(
    config: DirectoryConfig,
    proxies: tuple[Proxy, Proxy],
    newcomers: Newcomers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that comes back is asked again only after it has been well for a while; until then the other is."""
    newcomers.person("paul")
    first, second = proxies
    directory = LdapDirectory(
        replace(config, uris=(first.uri, second.uri), connect_seconds=0.5, operation_seconds=0.5)
    )
    directory.find_by_name("paul", now=NOW)
    assert (first.connections, second.connections) == (EACH, 0)
    first.stalled.set()
    directory.find_by_name("paul", now=NOW)
    first.stalled.clear()
    until = time.monotonic() + 10
    while [server.state for server in directory.measure(seconds=1)] != ["closed", "closed"]:
        assert time.monotonic() < until
        time.sleep(0.2)
    before = (first.octets, second.connections)
    for _ in range(10):
        assert directory.find_by_name("paul", now=NOW)
    assert (first.octets, second.connections) == before
    monkeypatch.setattr(servers, "PROBATION", 0.0)
    assert directory.find_by_name("paul", now=NOW)
    assert first.octets > before[0]


@pytest.mark.fault(4)
def test_another_domain_controller_stands_in(
    active_directory: SambaDc, second_samba: SambaDc, ad_people: AdPeople, tmp_path: Path
) -> None:
    """A controller that is silent costs three seconds once; one that is gone costs nothing; back again it is well."""
    both = tmp_path / "both.pem"
    both.write_bytes(active_directory.ca_file.read_bytes() + second_samba.ca_file.read_bytes())
    config = replace(directory_config(), uris=(second_samba.uri, active_directory.uri), ca_file=str(both))
    directory = LdapDirectory(config)
    ad_people.person("wilma", password=AD_PASSWORD)

    def sign_in(*, within: float) -> None:
        began = time.monotonic()
        assert directory.check_password("wilma", AD_PASSWORD, now=NOW).username == "wilma"
        assert time.monotonic() - began < within

    second_samba.pause()
    try:
        sign_in(within=3.9)
        sign_in(within=1.5)
    finally:
        second_samba.go_on()
    second_samba.stop()
    try:
        sign_in(within=1.5)
    finally:
        second_samba.start()
    until = time.monotonic() + 10
    while [server.state for server in directory.measure(seconds=1)] != ["closed", "closed"]:
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.fault(2)
def test_a_sign_in_ends_after_eight_seconds_however_many_servers_are_silent(
    config: DirectoryConfig, company: Slapd
) -> None:
    """Five silent servers cost eight seconds once, and a second each time after that."""
    silent = [Proxy(company.uri) for _ in range(5)]
    for proxy in silent:
        proxy.stalled.set()
    try:
        directory = LdapDirectory(replace(config, uris=tuple(proxy.uri for proxy in silent)))
        for limit in (8.7, 1.7, 1.7):
            began = time.monotonic()
            with pytest.raises(DirectoryUnavailable):
                directory.check_password("olga", RIGHT_PASSWORD, now=NOW)
            assert time.monotonic() - began < limit
    finally:
        for proxy in silent:
            proxy.__exit__()


def test_a_wrong_service_password_is_tried_once(
    config: DirectoryConfig, proxies: tuple[Proxy, Proxy], newcomers: Newcomers
) -> None:
    """Each server hears it once and is then left alone, so that the account is not locked by us."""
    newcomers.person("rosalind")
    uris = tuple(proxy.uri for proxy in proxies)
    wrong = LdapDirectory(replace(config, uris=uris, bind_password="not-the-password"))
    for _ in range(10):
        with pytest.raises(DirectoryUnavailable, match="INVALID_CREDENTIALS"):
            wrong.find_by_name("rosalind", now=NOW)
    assert [proxy.connections for proxy in proxies] == [EACH, EACH]
    assert LdapDirectory(replace(config, uris=uris)).find_by_name("rosalind", now=NOW)


def test_what_must_not_be_repeated_is_not(config: DirectoryConfig, proxies: tuple[Proxy, Proxy]) -> None:
    """An operation whose connection breaks is done again elsewhere, but not one that may have been done already."""
    connections = Connections(replace(config, uris=tuple(proxy.uri for proxy in proxies)))
    done: list[str] = []

    def broken(link: Link) -> None:
        done.append(link.get_option(ldap.OPT_URI))
        raise ldap.SERVER_DOWN({"desc": "gone"})

    with pytest.raises(DirectoryUnavailable):
        connections.service.run(broken)
    assert [urls.rstrip("/") for urls in done] == [proxy.uri for proxy in proxies]
    done.clear()
    with pytest.raises(DirectoryUnavailable):
        connections.service.run(broken, repeatable=False)
    assert len(done) == 1


@pytest.mark.parametrize("error", [ldap.SERVER_DOWN, ldap.BUSY])
def test_what_has_not_been_done_is_done_elsewhere(
    config: DirectoryConfig, proxies: tuple[Proxy, Proxy], error: type[ldap.LDAPError]
) -> None:
    """What must not be repeated is asked of the next server where the first one was sent nothing of it."""
    connections = Connections(replace(config, uris=tuple(proxy.uri for proxy in proxies)))
    tried: list[Link] = []

    def not_sent_at_first(link: Link) -> str:
        tried.append(link)
        if len(tried) == 1:
            raise error
        return "done"

    assert connections.passwords.run(not_sent_at_first, repeatable=False) == "done"
    assert len(tried) == 2


@pytest.mark.parametrize(
    "error",
    [
        ldap.BUSY,
        ldap.UNAVAILABLE,
        ldap.SERVER_DOWN,
        ldap.TIMEOUT,
        ldap.TIMELIMIT_EXCEEDED,
        ldap.SIZELIMIT_EXCEEDED,
        ldap.ADMINLIMIT_EXCEEDED,
        ldap.INSUFFICIENT_ACCESS,
        ldap.OPERATIONS_ERROR,
        ldap.NO_SUCH_OBJECT,
        ldap.REFERRAL,
        ldap.OTHER,
    ],
)
def test_no_error_of_the_directory_is_taken_for_an_unknown_name(
    config: DirectoryConfig,
    newcomers: Newcomers,
    monkeypatch: pytest.MonkeyPatch,
    error: type[ldap.LDAPError],
) -> None:
    """Whatever goes wrong with the search, django-auth-ldap's sign-in says "unavailable", never "no such person"."""
    newcomers.person("sofi")
    directory = LdapDirectory(config)
    with monkeypatch.context() as patched:
        patched.setattr(searches, "_one_page", lambda *_, **__: raise_it(error))
        with pytest.raises(DirectoryUnavailable):
            directory.check_password("sofi", RIGHT_PASSWORD, now=NOW)
    time.sleep(0.01)
    assert directory.check_password("sofi", RIGHT_PASSWORD, now=NOW).username == "sofi"


def raise_it(error: type[ldap.LDAPError]) -> None:
    raise error({"desc": "as the test says"})


def test_each_server_is_measured(config: DirectoryConfig, proxies: tuple[Proxy, Proxy]) -> None:
    """Who answers is told with its milliseconds; who is down or silent is named within the second."""
    first, silent = proxies
    silent.stalled.set()
    down = f"ldap://127.0.0.1:{free_port()}"
    directory = LdapDirectory(replace(config, uris=(first.uri, silent.uri, down)))
    began = time.monotonic()
    well, quiet, gone = directory.measure(seconds=1)
    assert time.monotonic() - began < 2
    assert (well.problem, well.state) == ("", "closed")
    assert well.milliseconds is not None
    assert 0 < well.milliseconds < 1_000
    assert "silent" in quiet.problem
    assert "SERVER_DOWN" in gone.problem
    assert (quiet.milliseconds, gone.milliseconds) == (None, None)
