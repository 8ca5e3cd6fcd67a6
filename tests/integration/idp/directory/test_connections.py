"""Kept connections: how many, what happens when they break, how long anybody waits."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.demo.slapd import Slapd, free_port
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import breaker, pool
from idp.directory.breaker import HOLD_OFF
from idp.directory.connections import Connections
from idp.directory.errors import WrongPassword
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.links import Connection, Link, open_connection
from idp.domain.errors import DirectoryUnavailable
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import EACH, RIGHT_PASSWORD, Newcomers, Proxy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def proxy(company: Slapd) -> Iterator[Proxy]:
    with Proxy(company.uri) as between:
        yield between


@pytest.fixture
def config(proxy: Proxy) -> DirectoryConfig:
    return replace(directory_config(), uris=(proxy.uri,))


def test_sign_ins_share_two_connections(config: DirectoryConfig, proxy: Proxy, newcomers: Newcomers) -> None:
    """However many sign in one after the other, right or wrong: one connection asks and one tries passwords."""
    newcomers.person("tina")
    directory = LdapDirectory(config)
    for _ in range(10):
        directory.check_password("tina", RIGHT_PASSWORD, now=NOW)
        with pytest.raises(WrongPassword):
            directory.check_password("tina", "wrong", now=NOW)
        assert directory.find_by_name("tina", now=NOW)
    assert proxy.connections == 2 * EACH


def test_sign_ins_to_active_directory_share_two_connections(
    active_directory: SambaDc, ad_people: AdPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spy on what opens connections sees two, however often django-auth-ldap wants one to search or bind on."""
    assert active_directory.process is not None
    ad_people.person("tina", password=AD_PASSWORD)
    opened: list[bool] = []

    def spy(*given: Any, as_service: bool) -> Connection:
        opened.append(as_service)
        return open_connection(*given, as_service=as_service)

    monkeypatch.setattr(pool, "open_connection", spy)
    directory = LdapDirectory(directory_config())
    for _ in range(5):
        directory.check_password("tina", AD_PASSWORD, now=NOW)
        with pytest.raises(WrongPassword):
            directory.check_password("tina", "Wrong-Passw0rd-1", now=NOW)
    assert sorted(opened) == [False, True]


def test_a_wrong_password_leaves_nothing_behind_on_the_connection(
    config: DirectoryConfig, newcomers: Newcomers
) -> None:
    """After somebody's password was tried the service still reads as itself, and the next try stands alone."""
    newcomers.person("una")
    newcomers.person("vito", password="another-password")
    directory = LdapDirectory(config)
    for name, password in (("una", RIGHT_PASSWORD), ("vito", "another-password")):
        other = "another-password" if password == RIGHT_PASSWORD else RIGHT_PASSWORD
        assert directory.check_password(name, password, now=NOW).username == name
        with pytest.raises(WrongPassword):
            directory.check_password(name, other, now=NOW)


def test_many_at_once_get_their_own_answers(config: DirectoryConfig, newcomers: Newcomers) -> None:
    """Threads that sign different people in at the same moment never receive each other's answer."""
    people = [f"crowd-{number}" for number in range(6)]
    for name in people:
        newcomers.person(name, password=f"password-of-{name}")
    directory = LdapDirectory(config)

    def one(name: str) -> bool:
        return all(
            directory.check_password(name, f"password-of-{name}", now=NOW).username == name for _ in range(15)
        )

    with ThreadPoolExecutor(len(people)) as pool:
        assert all(pool.map(one, people))


def test_a_broken_connection_is_replaced(config: DirectoryConfig, proxy: Proxy, newcomers: Newcomers) -> None:
    """Connections that died between two questions are dropped, and the question is answered on a new one."""
    newcomers.person("walt")
    directory = LdapDirectory(config)
    directory.check_password("walt", RIGHT_PASSWORD, now=NOW)
    proxy.cut()
    assert directory.check_password("walt", RIGHT_PASSWORD, now=NOW).username == "walt"
    assert proxy.connections == 4 * EACH


def test_servers_are_tried_in_their_order(config: DirectoryConfig, newcomers: Newcomers) -> None:
    """Where the first server is down the second one answers; where all are, the directory is unavailable."""
    newcomers.person("xara")
    down = f"ldap://127.0.0.1:{free_port()}"
    first_down = replace(config, uris=(down, *config.uris))
    assert LdapDirectory(first_down).find_by_name("xara", now=NOW)
    assert [bool(server.problem) for server in LdapDirectory(first_down).examine().servers] == [True, False]
    began = time.monotonic()
    for uris in ((down,), ()):
        with pytest.raises(DirectoryUnavailable):
            LdapDirectory(replace(config, uris=uris)).find_by_name("xara", now=NOW)
    assert time.monotonic() - began < 2


@pytest.mark.fault(2)
def test_a_stalled_server_is_waited_for_once(
    config: DirectoryConfig, proxy: Proxy, newcomers: Newcomers
) -> None:
    """A server that accepts and says nothing costs one wait; then at most a second, and then it is found well."""
    newcomers.person("yann")
    config = replace(config, operation_seconds=0.5, connect_seconds=0.5)
    directory = LdapDirectory(config)
    assert directory.find_by_name("yann", now=NOW)
    proxy.stalled.set()
    began = time.monotonic()
    with pytest.raises(DirectoryUnavailable):
        directory.check_password("yann", RIGHT_PASSWORD, now=NOW)
    assert time.monotonic() - began < 2
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(DirectoryUnavailable):
            directory.check_password("yann", RIGHT_PASSWORD, now=NOW)
    assert time.monotonic() - began < 1.5
    proxy.stalled.clear()
    time.sleep(HOLD_OFF)
    assert directory.check_password("yann", RIGHT_PASSWORD, now=NOW).username == "yann"


@pytest.mark.fault(2)
def test_a_second_server_stands_in_for_a_stalled_one(
    config: DirectoryConfig, proxy: Proxy, company: Slapd, newcomers: Newcomers
) -> None:
    """While one server says nothing, the next one in the list answers, after one wait."""
    newcomers.person("zeno")
    both = replace(config, uris=(proxy.uri, company.uri), operation_seconds=0.5, connect_seconds=0.5)
    directory = LdapDirectory(both)
    directory.check_password("zeno", RIGHT_PASSWORD, now=NOW)
    proxy.stalled.set()
    assert directory.check_password("zeno", RIGHT_PASSWORD, now=NOW).username == "zeno"


def test_a_stall_does_not_hold_everybody(config: DirectoryConfig, proxy: Proxy, newcomers: Newcomers) -> None:
    """Twenty who ask a silent server at once all have their refusal within the limits, not one after another."""
    newcomers.person("abby")
    config = replace(config, operation_seconds=1.0, connect_seconds=1.0)
    directory = LdapDirectory(config)
    directory.find_by_name("abby", now=NOW)
    proxy.stalled.set()
    refused = threading.Semaphore(0)

    def ask() -> None:
        with pytest.raises(DirectoryUnavailable):
            directory.find_by_name("abby", now=NOW)
        refused.release()

    began = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        for _ in range(20):
            pool.submit(ask)
    assert time.monotonic() - began < 6
    assert all(refused.acquire(blocking=False) for _ in range(20))


def test_a_forked_process_opens_its_own(config: DirectoryConfig, proxy: Proxy, newcomers: Newcomers) -> None:
    """A child sends nothing over its parent's connections; the parent's go on as if nothing had been."""
    newcomers.person("fern")
    directory = LdapDirectory(config)
    assert directory.find_by_name("fern", now=NOW)
    child = os.fork()
    if child == 0:
        outcome = 1
        try:
            found = directory.find_by_name("fern", now=NOW)
            outcome = 0 if found and found.username == "fern" else 1
        finally:
            os._exit(outcome)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert proxy.connections == 2 * EACH
    assert directory.find_by_name("fern", now=NOW)
    assert proxy.connections == 2 * EACH


@pytest.mark.fault(4)
def test_answers_on_kept_connections_bring_no_more_tries_of_a_wrong_service_password(
    config: DirectoryConfig, newcomers: Newcomers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service password was changed: what is open goes on, one opening is refused, the next waits its time."""
    opened: list[str] = []

    def spy(config: DirectoryConfig, uri: str, *given: Any, **named: Any) -> Connection:
        opened.append(uri)
        return open_connection(config, uri, *given, **named)

    monkeypatch.setattr(pool, "open_connection", spy)
    monkeypatch.setattr(breaker, "HOLD_OFF_AFTER_REFUSED_BIND", 2.0)
    service = Connections(config).service
    us = f"dn:{config.bind_dn}"
    beside: list[str] = []

    def who(link: Link) -> str:
        return str(link.whoami_s())

    def while_another_asks(link: Link) -> str:
        with suppress(DirectoryUnavailable):
            beside.append(service.run(who))
        return who(link)

    def password(value: str) -> None:
        newcomers.change(config.bind_dn, f"replace: userPassword\nuserPassword: {value}")

    assert service.run(who) == us
    try:
        password("another-one")
        # Each time what is kept answers, and the breaker closes again.
        assert [service.run(while_another_asks) for _ in range(4)] == [us] * 4
        assert (len(opened), beside) == (2, [])
    finally:
        password(config.bind_password)
    until = time.monotonic() + 20
    while not beside and time.monotonic() < until:
        assert service.run(while_another_asks) == us
        time.sleep(0.1)
    assert (len(opened), beside) == (3, [us])
