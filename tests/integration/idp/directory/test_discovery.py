"""Servers that the DNS names: in which order, for how long, and what is not believed."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import discovery
from idp.directory.discovery import FoundServers, Record, drawn, named_servers, nameserver
from idp.domain.errors import DirectoryUnavailable
from tests.servers.dns_server import DnsServer

DOMAIN = "corp.example.test"
EVERYWHERE = f"_ldap._tcp.{DOMAIN}"
AT_HOME = f"_ldap._tcp.Home._sites.{DOMAIN}"


@pytest.fixture
def config(dns_server: DnsServer) -> DirectoryConfig:
    return replace(directory_config(), uris=(), srv_domain=DOMAIN, nameservers=(dns_server.address,))


def eventually(holds: Callable[[], bool]) -> None:
    """It becomes true within ten seconds."""
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_priority_comes_first_and_the_site_before_everybody(
    config: DirectoryConfig, dns_server: DnsServer
) -> None:
    """Servers stand in the order of their priority; those of our site stand before the rest, each once."""
    dns_server.register(
        EVERYWHERE, "SRV", f"10 1 389 far.{DOMAIN}.", f"0 1 389 near.{DOMAIN}.", f"5 1 1389 mid.{DOMAIN}."
    )
    near, mid, far = f"ldap://near.{DOMAIN}:389", f"ldap://mid.{DOMAIN}:1389", f"ldap://far.{DOMAIN}:389"
    assert FoundServers(config)() == (near, mid, far)
    at_home = replace(config, srv_site="Home")
    # A site that nobody has registered is no reason to find nothing.
    assert FoundServers(at_home)() == (near, mid, far)
    dns_server.register(AT_HOME, "SRV", f"0 1 389 far.{DOMAIN}.")
    assert FoundServers(at_home)() == (far, near, mid)


def test_ports_of_ldaps_and_of_the_global_catalog(config: DirectoryConfig, dns_server: DnsServer) -> None:
    """By LDAPS the ports are those that are encrypted from the start; the catalog has a record of its own."""
    dns_server.register(EVERYWHERE, "SRV", f"0 1 389 dc1.{DOMAIN}.")
    dns_server.register(f"_gc._tcp.{DOMAIN}", "SRV", f"0 1 3268 gc1.{DOMAIN}.")
    assert FoundServers(replace(config, srv_ldaps=True))() == (f"ldaps://dc1.{DOMAIN}:636",)
    catalog = replace(config, global_catalog=True)
    assert FoundServers(catalog)() == (f"ldap://gc1.{DOMAIN}:3268",)
    assert FoundServers(replace(catalog, srv_ldaps=True))() == (f"ldaps://gc1.{DOMAIN}:3269",)
    named = replace(config, uris=("ldaps://dc1", "ldap://dc2", "ldaps://dc3:636"))
    assert named_servers(named) == named.uris
    assert named_servers(replace(named, global_catalog=True)) == (
        "ldaps://dc1:3269",
        "ldap://dc2:3268",
        "ldaps://dc3:636",
    )


@pytest.mark.spec("RFC 2782", "", "the order of servers by priority and weight")
def test_equals_are_drawn_by_weight() -> None:
    """Of two of the same priority the one with three times the weight comes first three times as often."""
    heavy, light, last = Record(0, 75, "heavy", 389), Record(0, 25, "light", 389), Record(1, 99, "last", 389)
    draws = [list(drawn([last, light, heavy])) for _ in range(2_000)]
    assert all(draw[2] is last for draw in draws)
    firsts = Counter(draw[0].host for draw in draws)
    assert 2 < firsts["heavy"] / firsts["light"] < 4.5
    assert {record.host for record in drawn([Record(0, 0, "a", 1), Record(0, 0, "b", 1)])} == {"a", "b"}


@pytest.mark.attack("LD-05")
def test_a_host_outside_the_domain_is_not_believed(config: DirectoryConfig, dns_server: DnsServer) -> None:
    """A forged answer could name any machine that has a certificate: only hosts of the domain are asked."""
    foreign = (
        "evil.test.",
        f"{DOMAIN}.evil.test.",
        f"evil{DOMAIN}.",
        "127.0.0.1.",
        ".",
        rf"a\032b.{DOMAIN}.",
    )
    dns_server.register(EVERYWHERE, "SRV", *(f"0 9 389 {host}" for host in foreign))
    with pytest.raises(DirectoryUnavailable, match="names no server"):
        FoundServers(config)()
    dns_server.register(EVERYWHERE, "SRV", *(f"0 9 389 {host}" for host in (*foreign, f"dc1.{DOMAIN}.")))
    assert FoundServers(config)() == (f"ldap://dc1.{DOMAIN}:389",)


@pytest.mark.fault(28)
def test_the_last_good_answer_holds_while_the_dns_is_gone(
    config: DirectoryConfig, dns_server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a silent DNS once there is an answer; a new one is taken over when it comes."""
    monkeypatch.setattr(discovery, "KEPT_AT_LEAST", 0.2)
    dns_server.register(EVERYWHERE, "SRV", f"0 1 389 dc1.{DOMAIN}.")
    found = FoundServers(config)
    dns_server.ttl = 0
    assert found() == (f"ldap://dc1.{DOMAIN}:389",)
    dns_server.is_silent = True
    until, asked = time.monotonic() + 1, len(dns_server.asked)
    while time.monotonic() < until:
        began = time.monotonic()
        assert found() == (f"ldap://dc1.{DOMAIN}:389",)
        assert time.monotonic() - began < 0.5
        time.sleep(0.05)
    assert len(dns_server.asked) > asked
    dns_server.is_silent = False
    dns_server.records.clear()
    time.sleep(0.5)
    assert found() == (f"ldap://dc1.{DOMAIN}:389",), "an answer without servers replaces nothing"
    dns_server.register(EVERYWHERE, "SRV", f"0 1 389 dc2.{DOMAIN}.")
    eventually(lambda: found() == (f"ldap://dc2.{DOMAIN}:389",))


@pytest.mark.fault(28)
def test_without_any_answer_the_directory_is_unavailable_within_seconds(
    config: DirectoryConfig, dns_server: DnsServer
) -> None:
    """The first to ask waits two seconds for a silent DNS, and who asks after that does not wait."""
    dns_server.is_silent = True
    found = FoundServers(config)
    for limit in (3.5, 0.5):
        began = time.monotonic()
        with pytest.raises(DirectoryUnavailable, match="DNS"):
            found()
        assert time.monotonic() - began < limit
    dns_server.is_silent = False
    dns_server.register(EVERYWHERE, "SRV", f"0 1 389 dc1.{DOMAIN}.")
    time.sleep(discovery.AGAIN_AFTER_FAILURE)
    assert found() == (f"ldap://dc1.{DOMAIN}:389",)


def test_an_answer_is_asked_once_while_it_holds(config: DirectoryConfig, dns_server: DnsServer) -> None:
    """Within its life the answer is given again without asking, and in the order that was drawn once."""
    dns_server.ttl = 600
    dns_server.register(EVERYWHERE, "SRV", *(f"0 1 389 dc{number}.{DOMAIN}." for number in range(8)))
    found = FoundServers(config)
    assert len({found() for _ in range(20)}) == 1
    assert dns_server.asked == [EVERYWHERE]


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("10.0.0.53", "10.0.0.53", 53),
        ("10.0.0.53:5353", "10.0.0.53", 5353),
        ("::1", "::1", 53),
        ("[::1]:5353", "::1", 5353),
    ],
)
def test_a_name_server_may_have_a_port(text: str, address: str, port: int) -> None:
    """Both families of addresses, with and without a port."""
    read = nameserver(text)
    assert (read.address, read.port) == (address, port)  # type: ignore[attr-defined] # of its kind
