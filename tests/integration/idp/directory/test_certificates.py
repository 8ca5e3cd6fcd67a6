"""Certificates that expire, authorities that are replaced: no restart, no plain text, and words for the operator."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Protocol

import pytest

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd, free_port
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import authority_file
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable
from tests.servers.authority import Authority
from tests.servers.samba import PEOPLE, AdPeople, SambaDc, active_directory_settings
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.slapd import EACH, Newcomers, Proxy, directory_settings, settings_changed

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PERSON, PASSWORD, *_ = cast.BENCH_PERSON


class Restartable(Protocol):
    """A directory server that reads its certificate when it starts."""

    folder: Path

    def start(self) -> object:
        """It answers."""

    def stop(self) -> None:
        """It is gone."""


@dataclass(frozen=True)
class Stand:
    """A directory server of this test's own, where we reach it, and a person in it."""

    server: Restartable
    config: DirectoryConfig
    address: str
    person: tuple[str, str]

    def restart_with(self, authority: Authority, **wanted: timedelta) -> None:
        """The server shows a certificate of this authority from here on."""
        self.server.stop()
        copyfile(authority.ca_file, self.server.folder / "ca.pem")
        authority.issue_files(self.server.folder, address=self.address, **wanted)
        self.server.start()


@contextmanager
def own_slapd(folder: Path, scheme: str) -> Iterator[Stand]:
    """OpenLDAP by StartTLS or LDAPS."""
    ldif = cast.ldif("dc=example,dc=test")
    with Slapd(folder, ldif=ldif, ldaps_port=free_port()) as slapd:
        with settings_changed(**directory_settings(slapd)):
            config = directory_config()
        uri = slapd.uri if scheme == "ldap" else slapd.ldaps_uri
        yield Stand(slapd, replace(config, uris=(uri,)), "127.0.0.1", (PERSON, PASSWORD))


@pytest.fixture(params=["slapd by StartTLS", "slapd by LDAPS", "Samba by LDAPS"])
def stand(
    request: pytest.FixtureRequest, second_samba: SambaDc, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("stand")
    if request.param.startswith("slapd"):
        with own_slapd(folder, "ldap" if "StartTLS" in request.param else "ldaps") as made:
            yield made
        return
    with settings_changed(**active_directory_settings(second_samba)):
        config = directory_config()
    people = AdPeople(second_samba)
    people.person("trudy")
    people.link.unbind_s()
    yield Stand(second_samba, config, second_samba.address, ("trudy", AD_PASSWORD))
    people = AdPeople(second_samba)
    people.remove(f"CN=trudy,{PEOPLE}")
    people.leave()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authorities' file is looked at whenever there is a reason to, not every few seconds."""
    monkeypatch.setattr(authority_file, "LOOK_EVERY", 0.0)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the directory room logs."""
    monkeypatch.setattr(logging.getLogger("drawbridge"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("drawbridge"), "handlers", [])
    return caplog


@pytest.mark.fault(5)
@pytest.mark.attack("LD-05")
@pytest.mark.usefixtures("often")
def test_an_expired_certificate_is_refused_aloud_and_a_new_authority_needs_no_restart(
    stand: Stand, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Expired: nobody signs in, the log says why. A new authority's: not until our file names it; then at once."""
    trusted = tmp_path / "trusted.pem"
    old, new = Authority.made_in(tmp_path / "old"), Authority.made_in(tmp_path / "new")
    copyfile(old.ca_file, trusted)
    directory = LdapDirectory(replace(stand.config, ca_file=str(trusted)))
    name, password = stand.person

    def sign_in() -> str:
        return directory.check_password(name, password, now=NOW).username

    stand.restart_with(old)
    assert sign_in() == name

    stand.restart_with(old, ends_in=timedelta(days=-1))
    with pytest.raises(DirectoryUnavailable, match="certificate has expired"):
        sign_in()
    assert [cause.rpartition(": ")[2] for cause in alarms(log)] == ["certificate has expired"]
    [ill] = directory.measure(seconds=2)
    assert "certificate has expired" in ill.problem

    stand.restart_with(new)
    with pytest.raises(DirectoryUnavailable, match="refused"):
        sign_in()
    copyfile(new.ca_file, trusted)
    assert sign_in() == name


def alarms(log: pytest.LogCaptureFixture) -> list[str]:
    """What has been said about certificates, at the level that wakes somebody."""
    return [
        record.__dict__["facts"]["cause"]
        for record in log.records
        if record.levelno >= logging.ERROR and record.message == "directory.certificate.refused"
    ]


@pytest.mark.fault(5)
@pytest.mark.usefixtures("often")
def test_a_changed_file_closes_what_was_opened_before(
    company: Slapd, newcomers: Newcomers, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Connections of the old file are closed and new ones opened; a file without certificates changes nothing."""
    newcomers.person("ursula")
    trusted = tmp_path / "trusted.pem"
    copyfile(company.ca_file, trusted)
    with Proxy(company.uri) as proxy:
        directory = LdapDirectory(replace(directory_config(), uris=(proxy.uri,), ca_file=str(trusted)))
        for _ in range(3):
            assert directory.find_by_name("ursula", now=NOW)
        assert (proxy.connections, proxy.closed) == (EACH, EACH - 1)
        good = trusted.read_bytes()

        trusted.write_bytes(b"half of a certif")
        assert directory.find_by_name("ursula", now=NOW)
        assert (proxy.connections, proxy.closed) == (EACH, EACH - 1)
        assert "directory.authorities.unreadable" in log.messages

        trusted.write_bytes(good + b"\n")
        assert directory.find_by_name("ursula", now=NOW)
        until = time.monotonic() + 5
        while proxy.closed < 2 * EACH - 1:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert proxy.connections == 2 * EACH
        assert directory.find_by_name("ursula", now=NOW)
        assert proxy.connections == 2 * EACH


def test_the_file_is_looked_at_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, the file is looked at once in a few seconds."""
    looks = 0
    watched = authority_file.AuthorityFile(str(tmp_path / "ca.pem"))

    def count() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(watched, "_look", count)
    for _ in range(1_000):
        watched.edition()
    assert looks == 1
