"""The demo company on a real OpenLDAP, and what stands between us and it in tests."""

import base64
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Self
from urllib.parse import urlsplit

import pytest
from django.test import override_settings

from deploy.demo import company as demo_company
from deploy.demo.slapd import Slapd

RIGHT_PASSWORD = "right-password"
# RFC 3296: referral objects are taken away themselves, not what they point to.
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"
# OpenLDAP's own: the administrator writes what the server keeps for itself.
RELAX = "1.3.6.1.4.1.4203.666.5.12"


def directory_settings(slapd: Slapd) -> dict[str, object]:
    """Our settings for this server, by their names in Django's settings."""
    return {
        "DRAWBRIDGE_LDAP_URI": (slapd.uri,),
        "DRAWBRIDGE_LDAP_CA_FILE": str(slapd.ca_file),
        "DRAWBRIDGE_LDAP_BIND_DN": slapd.bind_dn,
        "DRAWBRIDGE_LDAP_BIND_PASSWORD": slapd.bind_password,
        "DRAWBRIDGE_LDAP_USER_BASE": f"ou=people,{slapd.base}",
        "DRAWBRIDGE_LDAP_GROUP_BASE": f"ou=groups,{slapd.base}",
    }


def forget_settings() -> None:
    """The next question reads Django's settings again and opens new connections."""
    from idp.conf import access, directories, saml  # noqa: PLC0415 - Django is set up only now
    from idp.directory.directories import directories as connected  # noqa: PLC0415 - likewise
    from idp.oidc.keys import issuer_keys  # noqa: PLC0415 - likewise
    from idp.services.identity import recent_answers  # noqa: PLC0415 - likewise
    from idp.services.token_issuers import issuers_file  # noqa: PLC0415 - likewise

    directories.directory_configs.cache_clear()
    directories.directory_config.cache_clear()
    access.access_config.cache_clear()
    saml.saml_config.cache_clear()
    access.throttle_config.cache_clear()
    connected.cache_clear()
    recent_answers.clear()
    issuers_file.cache_clear()
    issuer_keys.forget()


@contextmanager
def settings_changed(**changes: object) -> Iterator[None]:
    """Inside, these settings hold and what was made from the others is made anew; answers are kept."""
    from idp.conf import access, directories, saml  # noqa: PLC0415 - Django is set up only now
    from idp.directory.directories import directories as connected  # noqa: PLC0415 - likewise

    made_once = (
        directories.directory_configs, directories.directory_config, access.access_config, saml.saml_config,
        access.throttle_config, connected,
    )  # fmt: skip
    try:
        with override_settings(**changes):
            for made in made_once:
                made.cache_clear()
            yield
    finally:
        for made in made_once:
            made.cache_clear()


def directory_gone() -> AbstractContextManager[None]:
    """Inside, no directory server answers."""
    return settings_changed(DRAWBRIDGE_LDAP_URI=("ldap://127.0.0.1:1",))


class Newcomers:
    """Adds people and groups to the directory, and takes them away again."""

    def __init__(self, slapd: Slapd) -> None:
        """Nobody has come yet."""
        self.slapd = slapd
        self._made: list[str] = []

    def person(
        self, uid: str, *, password: str = RIGHT_PASSWORD, rdn: str | None = None, **attributes: str
    ) -> str:
        """A person of this name exists; gives the distinguished name. `rdn` names the entry otherwise."""
        dn = f"{rdn or f'uid={uid}'},ou=people,{self.slapd.base}"
        values = {"cn": uid.title(), "sn": uid, "mail": f"{uid}@example.test"} | attributes
        self.add(dn, objectClass="inetOrgPerson", uid=uid, userPassword=password, **values)
        return dn

    def group(self, cn: str, *members: str, below: str = "ou=groups") -> str:
        """A group of these members exists; gives the distinguished name."""
        dn = f"cn={cn},{below},{self.slapd.base}"
        self.add(dn, objectClass="groupOfNames", cn=cn, member=list(members))
        return dn

    def add(self, dn: str, **attributes: str | list[str] | bytes) -> None:
        """An entry with these attributes exists."""
        self.slapd.modify(add_record(dn, attributes))
        self._made.append(dn)

    def add_many(self, entries: dict[str, dict[str, str | list[str] | bytes]]) -> None:
        """All these entries exist, with one call."""
        self.slapd.modify("\n".join(add_record(dn, attributes) for dn, attributes in entries.items()))
        self._made += entries

    def change(self, dn: str, change: str) -> None:
        """The lines of a change record hold for this entry."""
        self.slapd.modify(f"dn:: {b64(dn)}\nchangetype: modify\n{change}\n")

    def force(self, dn: str, **attributes: str) -> None:
        """The entry has these values, also those that only the server writes (`pwdChangedTime`)."""
        changes = "\n-\n".join(f"replace: {name}\n{name}: {value}" for name, value in attributes.items())
        self.slapd.modify(f"dn:: {b64(dn)}\ncontrol: {RELAX} true\nchangetype: modify\n{changes}\n")

    def rename(self, dn: str, rdn: str) -> str:
        """The entry has a new relative name; gives the distinguished name."""
        self.slapd.modify(f"dn:: {b64(dn)}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n")
        renamed = f"{rdn},{dn.split(',', 1)[1]}"
        self._made[self._made.index(dn)] = renamed
        return renamed

    def remove(self, dn: str) -> None:
        """The entry is gone."""
        self._made.remove(dn)
        self.slapd.modify(f"dn:: {b64(dn)}\nchangetype: delete\n")

    def disable(self, dn: str, *, since: str = "000001010000Z") -> None:
        """The account is locked: for good, or since a moment."""
        self.change(dn, f"replace: pwdAccountLockedTime\npwdAccountLockedTime: {since}")

    def leave(self) -> None:
        """Everything that was added is gone."""
        if self._made:
            gone = reversed(self._made)
            self.slapd.modify(
                "\n".join(
                    f"dn:: {b64(dn)}\ncontrol: {MANAGE_DSA_IT} true\nchangetype: delete\n" for dn in gone
                )
            )
        self._made = []


def add_record(dn: str, attributes: Mapping[str, str | list[str] | bytes]) -> str:
    """The LDIF change record that adds this entry."""
    lines = [f"dn:: {b64(dn)}", "changetype: add"]
    for name, given in attributes.items():
        lines += [f"{name}:: {b64(value)}" for value in (given if isinstance(given, list) else [given])]
    return "\n".join(lines) + "\n"


def b64(value: str | bytes) -> str:
    """The value as LDIF writes what is not plain."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def values_at(slapd: Slapd, dn: str, name: str) -> list[str]:
    """The values that the administrator sees at this entry, also those that the server keeps for itself."""
    told = subprocess.run(
        [
            "ldapsearch", "-x", "-ZZ", "-LLL", "-o", "ldif-wrap=no", "-H", slapd.uri, "-D", slapd.admin_dn,
            "-w", slapd.admin_password, "-b", dn, "-s", "base", "(objectClass=*)", name,
        ],
        env={**os.environ, "LDAPTLS_CACERT": str(slapd.ca_file)},
        text=True,
        check=True,
        capture_output=True,
    ).stdout  # fmt: skip
    return [line.partition(": ")[2] for line in told.splitlines() if line.startswith(f"{name}:")]


# Each kept connection has one before it, on which the server is met: see `idp.directory.handshake`.
EACH = 2


class Proxy:
    """Passes octets to a server and back, and knows how many and how often; it can be told to misbehave."""

    def __init__(self, uri: str) -> None:
        """It listens from here on."""
        self._target = (urlsplit(uri).hostname or "127.0.0.1", urlsplit(uri).port or 389)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.closed = 0
        self.sent = bytearray()
        self.stalled = threading.Event()
        self.answers_after = 0.0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def octets(self) -> int:
        """How many octets have gone to the server."""
        return len(self.sent)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            if self.stalled.is_set():
                continue
            server = socket.create_connection(self._target)
            self._open.append(server)
            for source, drain, counted in ((client, server, True), (server, client, False)):
                thread = threading.Thread(
                    target=self._pass, args=(source, drain), kwargs={"counted": counted}, daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, drain: socket.socket, *, counted: bool) -> None:
        try:
            while octets := source.recv(65_536):
                if counted:
                    self.sent += octets
                else:
                    time.sleep(self.answers_after)
                if not self.stalled.is_set():
                    drain.sendall(octets)
        except OSError:
            pass
        self.closed += counted
        self._shut(source, drain)

    @staticmethod
    def _shut(*sockets: socket.socket) -> None:
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def cut(self) -> None:
        """Every connection of this moment is gone; new ones may be made."""
        self._shut(*self._open)

    def leave(self) -> None:
        """Nobody listens any more, and every connection is gone."""
        self._shut(self._listener)
        self._listener.close()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        for thread in self._threads:
            thread.join(5)
        for one in self._open:
            one.close()


@pytest.fixture(scope="session")
def company_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("company")
    with Slapd(folder, ldif=demo_company.ldif("dc=example,dc=test")) as slapd:
        yield slapd


@pytest.fixture(scope="session")
def company(company_server: Slapd) -> Iterator[Slapd]:
    """The demo company; our settings lead to it. Whoever changes an entry puts it back."""
    patch = pytest.MonkeyPatch()
    from django.conf import settings  # noqa: PLC0415 - Django is set up only now

    for name, value in directory_settings(company_server).items():
        patch.setattr(settings, name, value)
    forget_settings()
    yield company_server
    patch.undo()
    forget_settings()


@pytest.fixture(autouse=True)
def nothing_remembered_of_the_last_test() -> None:
    from idp.services.identity import recent_answers  # noqa: PLC0415 - Django is set up only now
    from idp.services.throttle import total  # noqa: PLC0415 - likewise

    recent_answers.clear()
    total.full_until = None


@pytest.fixture
def newcomers(company: Slapd) -> Iterator[Newcomers]:
    """People and groups that exist for one test."""
    made = Newcomers(company)
    yield made
    made.leave()
