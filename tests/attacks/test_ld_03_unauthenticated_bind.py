"""LD-03: passwords that a server takes for none, and would say yes to."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory import searches
from idp.directory.deadline import Deadline
from idp.directory.errors import UnknownPerson, UnsendablePassword, WrongPassword
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.links import Connection, open_connection
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, Proxy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def administrator(company: Slapd) -> Iterator[Connection]:
    """A connection that may read the server's own counters."""
    config = replace(directory_config(), bind_dn=company.admin_dn, bind_password=company.admin_password)
    link = open_connection(config, company.uri, Deadline.after(10), as_service=True)
    yield link
    link.unbind_ext()


def binds(link: Connection) -> int:
    """How many binds the server has been asked for since it started."""
    found = searches.search(
        link, "cn=Bind,cn=Operations,cn=Monitor", 0, "(objectClass=*)", ["monitorOpInitiated"], seconds=3.0
    )
    return int(found[0][1]["monitorOpInitiated"][0])


@pytest.mark.attack("LD-03")
@pytest.mark.parametrize(
    "password",
    [
        "",
        " ",
        "   \t\n",
        "\0",
        f"\0{RIGHT_PASSWORD}",
        f"{RIGHT_PASSWORD}\0",
        f"{RIGHT_PASSWORD}\0junk",
        "x" * 1_025,
        "x" * 1_048_576,
        "ü" * 513,
        "\udcff",
    ],
    ids=lambda password: f"{len(password)}-{password[:4]!r}",
)
def test_a_password_that_is_none_sends_no_bind(
    newcomers: Newcomers, company: Slapd, administrator: Connection, password: str
) -> None:
    """Empty, blank, cut, overlong: refused before one octet leaves; the real password right after is tried."""
    newcomers.person("trudy")
    with Proxy(company.uri) as proxy:
        directory = LdapDirectory(replace(directory_config(), uris=(proxy.uri,)))
        directory.check_password("trudy", RIGHT_PASSWORD, now=NOW)
        octets, before = proxy.octets, binds(administrator)
        with pytest.raises(UnsendablePassword):
            directory.check_password("trudy", password, now=NOW)
        with pytest.raises(UnsendablePassword):
            directory.check_password("nobody", password, now=NOW)
        assert (proxy.octets, binds(administrator)) == (octets, before)
        assert directory.check_password("trudy", RIGHT_PASSWORD, now=NOW).username == "trudy"
        assert proxy.octets > octets
        assert binds(administrator) == before + 1


@pytest.mark.attack("LD-03")
def test_the_longest_password_is_tried(newcomers: Newcomers) -> None:
    """The limit refuses what lies beyond it and nothing below: 1,024 octets sign in."""
    newcomers.person("trudy", password="é" * 512)
    directory = LdapDirectory(directory_config())
    assert directory.check_password("trudy", "é" * 512, now=NOW).username == "trudy"


@pytest.mark.attack("LD-03")
def test_an_unknown_name_costs_the_server_a_bind_too(newcomers: Newcomers, administrator: Connection) -> None:
    """One bind for a wrong password and one for an unknown name: the work does not tell them apart."""
    newcomers.person("trudy")
    directory = LdapDirectory(directory_config())
    directory.check_password("trudy", RIGHT_PASSWORD, now=NOW)
    costs = []
    for name in ("trudy", "nobody"):
        before = binds(administrator)
        with pytest.raises((UnknownPerson, WrongPassword)):
            directory.check_password(name, "wrong", now=NOW)
        costs.append(binds(administrator) - before)
    assert costs == [1, 1]
