"""A real Active Directory: Samba domain controllers, each on a loopback address of its own.

LDAP's ports are fixed in Samba, so the address varies: 127.77.a.b. The domain is provisioned once in a
run; every controller is a copy of it, so that a module which breaks its own can have one.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Self

import ldap
import ldap.modlist
import pytest

from deploy.demo.slapd import DIES_WITH_US, make_certificates
from tests.servers.slapd import forget_settings

PROGRAM = "/usr/sbin/samba"
REALM = "EXAMPLE.TEST"
DOMAIN = "EXAMPLE"
BASE = "DC=example,DC=test"
PEOPLE = f"OU=People,{BASE}"
GROUPS = f"OU=Groups,{BASE}"
ADMINISTRATOR_PASSWORD = "Administers-2026"
SERVICE_DN = f"CN=drawbridge,OU=Services,{BASE}"
SERVICE_PASSWORD = "Reads-people-2026"
RIGHT_PASSWORD = "Right-Passw0rd-1"
START_SECONDS = 60
# [MS-ADTS] 2.2.16: NORMAL_ACCOUNT, DONT_EXPIRE_PASSWORD, ACCOUNTDISABLE
NORMAL_ACCOUNT = 0x200
NEVER_EXPIRES = 0x10000
DISABLED = 0x2
# Samba's own controls for what LDAP refuses even to administrators, such as a pwdLastSet of the past.
INTERNAL_CONTROLS = (
    "local_oid:1.3.6.1.4.1.7165.4.3.20:0",
    "local_oid:1.3.6.1.4.1.7165.4.3.12:0",
)

addresses = (
    f"127.77.{os.getpid() >> 8 & 255}.{(os.getpid() + number) % 254 + 1}" for number in count(0, step=7)
)


class SambaDc:
    """One domain controller with all its state in a folder; `template` is another one to begin from."""

    def __init__(self, folder: Path, *, template: "SambaDc | None" = None, address: str = "") -> None:
        """Settle the address; nothing runs yet."""
        self.folder = folder.resolve()
        self.address = address or next(addresses)
        self.template = template
        self.uri = f"ldaps://{self.address}"
        self.starttls_uri = f"ldap://{self.address}"
        self.configuration = self.folder / "etc/smb.conf"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def ca_file(self) -> Path:
        """The authority that vouches for this controller and for every copy of the same template."""
        return self.folder / "ca.pem"

    def start(self) -> Self:
        """LDAPS answers when this returns; a second start finds what the first one left."""
        if not self.configuration.exists():
            self.lay_out()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *DIES_WITH_US, PROGRAM, "-F", "--no-process-group", "--debug-stdout",
                    "-s", self.configuration, "-M", "single", *self._options(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._wait()
        return self

    def lay_out(self) -> None:
        """The domain is there, as it was in the template or new; nothing runs yet."""
        self._copy() if self.template else self._provision()

    def stop(self) -> None:
        """The controller is gone; its folder stays."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def pause(self) -> None:
        """The controller accepts connections and says nothing more."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """The controller answers again."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)

    def connect(
        self, who: str = f"Administrator@{REALM.lower()}", password: str = ADMINISTRATOR_PASSWORD
    ) -> Any:
        """A connection over LDAPS, bound."""
        link = ldap.initialize(self.uri)
        for option, value in (
            (ldap.OPT_PROTOCOL_VERSION, 3),
            (ldap.OPT_REFERRALS, 0),
            (ldap.OPT_NETWORK_TIMEOUT, 20),
            (ldap.OPT_TIMEOUT, 60),
            (ldap.OPT_X_TLS_CACERTFILE, str(self.ca_file)),
            (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
            (ldap.OPT_X_TLS_NEWCTX, 0),
        ):
            link.set_option(option, value)
        link.simple_bind_s(who, password)
        return link

    def tool(self, *arguments: str) -> str:
        """What `samba-tool` says; its failure is an error with its own words."""
        run = subprocess.run(
            [
                "samba-tool", *arguments,
                "-s", str(self.configuration), "-H", str(self.folder / "private/sam.ldb"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if run.returncode:
            raise RuntimeError(f"samba-tool {' '.join(arguments)}: {run.stdout}{run.stderr}")
        return run.stdout

    def force(self, dn: str, **attributes: str) -> None:
        """The entry has these values, also those that LDAP lets nobody write (`pwdLastSet` of the past)."""
        changes = "\n-\n".join(f"replace: {name}\n{name}: {value}" for name, value in attributes.items())
        subprocess.run(
            [
                "ldbmodify", "-H", str(self.folder / "private/sam.ldb"),
                *(f"--controls={control}" for control in INTERNAL_CONTROLS),
            ],
            env={**os.environ, "LDB_MODULES_PATH": ldb_modules()},
            input=f"dn: {dn}\nchangetype: modify\n{changes}\n",
            text=True,
            check=True,
            capture_output=True,
        )  # fmt: skip

    # --- inside -------------------------------------------------------------------------------------

    def _options(self) -> list[str]:
        return [
            f"--option=interfaces={self.address}/8",
            "--option=bind interfaces only=yes",
            *(
                f"--option={name}={self.folder}/{place}"
                for name, place in (
                    ("pid directory", "run"),
                    ("ncalrpc dir", "run/ncalrpc"),
                    ("winbindd socket directory", "run/winbindd"),
                    ("ntp signd socket directory", "run/ntp"),
                    ("log file", "log.samba"),
                )
            ),
        ]

    def _provision(self) -> None:
        (self.folder / "run").mkdir(parents=True, exist_ok=True)
        (self.folder / "etc").mkdir(exist_ok=True)
        # Keeps the machine's own smb.conf out of it.
        empty = self.folder / "empty.conf"
        empty.touch()
        run = subprocess.run(
            [
                "samba-tool", "domain", "provision", "-s", str(empty), f"--targetdir={self.folder}",
                f"--realm={REALM}", f"--domain={DOMAIN}", "--server-role=dc", "--dns-backend=NONE",
                f"--adminpass={ADMINISTRATOR_PASSWORD}", "--host-name=dc1", f"--host-ip={self.address}",
                "--backend-store=tdb", *self._options(),
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if run.returncode:
            raise RuntimeError(f"samba-tool domain provision: {run.stdout}{run.stderr}")
        with self.configuration.open("a", encoding="utf-8") as configuration:
            configuration.write(
                "[global]\nserver services = ldap cldap kdc\nldap server require strong auth = yes\n"
                "tls enabled = yes\n"
                f"tls cafile = {self.folder}/ca.pem\n"
                f"tls certfile = {self.folder}/server.cert.pem\n"
                f"tls keyfile = {self.folder}/server.key.pem\n"
            )
        # One authority and one certificate for the template and a few copies of it.
        make_certificates(
            self.folder,
            addresses=[self.address, *COPIES],
            names=[f"dc{number}.{REALM.lower()}" for number in range(1, len(COPIES) + 2)],
        )

    def _copy(self) -> None:
        assert self.template is not None
        assert self.template.process is None, "only a template that stands still can be copied"
        shutil.copytree(
            self.template.folder,
            self.folder,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=lambda folder, names: [name for name in names if (Path(folder) / name).is_socket()],
        )
        shutil.rmtree(self.folder / "run")
        (self.folder / "run").mkdir()
        text = self.configuration.read_text(encoding="utf-8")
        self.configuration.write_text(
            text.replace(str(self.template.folder), str(self.folder)), encoding="utf-8"
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection((self.address, 636), 0.2):
                return
            time.sleep(0.02)
        raise RuntimeError(
            f"Samba did not start: {(self.folder / 'log').read_text(errors='replace')[-2_000:]}"
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


COPIES = [next(addresses) for _ in range(12)]
free_copies = iter(COPIES)


def ldb_modules() -> str:
    """Where Debian keeps Samba's modules for the tools of ldb."""
    return str(next(Path("/usr/lib").glob("*/samba/ldb")))


class AdPeople:
    """Adds people and groups to an Active Directory over LDAP, and takes them away again."""

    def __init__(self, dc: SambaDc) -> None:
        """Nobody has come yet."""
        self.dc = dc
        self.link = dc.connect()
        self._made: list[str] = []

    def person(
        self,
        name: str,
        *,
        password: str = RIGHT_PASSWORD,
        below: str = PEOPLE,
        cn: str = "",
        flags: int = NORMAL_ACCOUNT | NEVER_EXPIRES,
        **attributes: str | bytes | list[str],
    ) -> str:
        """A person of this sAMAccountName exists, with `name@example.test`; gives the distinguished name."""
        values: dict[str, str | bytes | list[str]] = {
            "userPrincipalName": f"{name}@{REALM.lower()}",
            "mail": f"{name}@example.test",
            "displayName": name.title(),
        }
        return self.add(
            f"CN={ldap.dn.escape_dn_chars(cn or name)},{below}",
            objectClass="user",
            sAMAccountName=name,
            unicodePwd=quoted(password),
            userAccountControl=str(flags),
            **(values | attributes),
        )

    def group(self, name: str, *members: str, below: str = GROUPS, **attributes: str | list[str]) -> str:
        """A global security group of these members exists; gives the distinguished name."""
        some = {"member": list(members)} if members else {}
        return self.add(
            f"CN={ldap.dn.escape_dn_chars(name)},{below}",
            objectClass="group",
            **({"sAMAccountName": name} | some | attributes),
        )

    def add(self, dn: str, **attributes: str | bytes | list[str]) -> str:
        """An entry with these attributes exists; gives its distinguished name."""
        self.link.add_s(dn, ldap.modlist.addModlist(octets(attributes)))
        self._made.append(dn)
        return dn

    def change(self, dn: str, **attributes: str | bytes | list[str]) -> None:
        """The entry has these values; an empty list takes the attribute away."""
        self.link.modify_s(
            dn, [(ldap.MOD_REPLACE, name, values or None) for name, values in octets(attributes).items()]
        )

    def join(self, group_dn: str, *member_dns: str) -> None:
        """These are members of the group too."""
        self.link.modify_s(group_dn, [(ldap.MOD_ADD, "member", [dn.encode() for dn in member_dns])])

    def leave_group(self, group_dn: str, *member_dns: str) -> None:
        """These are members of the group no more."""
        self.link.modify_s(group_dn, [(ldap.MOD_DELETE, "member", [dn.encode() for dn in member_dns])])

    def rename(self, dn: str, rdn: str, *, below: str | None = None) -> str:
        """The entry has a new relative name, or another parent; gives the distinguished name."""
        self.link.rename_s(dn, rdn, below)
        renamed = f"{rdn},{below or dn.split(',', 1)[1]}"
        self._made[self._made.index(dn)] = renamed
        return renamed

    def remove(self, dn: str) -> None:
        """The entry is gone."""
        self.link.delete_s(dn)
        if dn in self._made:
            self._made.remove(dn)

    def read(self, dn: str, *names: str) -> dict[str, list[bytes]]:
        """The entry's attributes."""
        (entry,) = self.link.search_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", list(names) or None)
        attributes: dict[str, list[bytes]] = entry[1]
        return attributes

    def leave(self) -> None:
        """Everything that was added is gone."""
        for dn in reversed(self._made):
            with contextlib.suppress(ldap.NO_SUCH_OBJECT):
                self.link.delete_s(dn)
        self._made = []
        self.link.unbind_s()


def octets(attributes: Mapping[str, str | bytes | list[str]]) -> dict[str, list[bytes]]:
    """Attributes as LDAP carries them."""
    return {
        name: [one if isinstance(one, bytes) else one.encode() for one in (
            given if isinstance(given, list) else [given]
        )]
        for name, given in attributes.items()
    }  # fmt: skip


def quoted(password: str) -> bytes:
    """A password as `unicodePwd` takes it ([MS-ADTS] 3.1.1.3.1.5)."""
    return f'"{password}"'.encode("utf-16-le")


def active_directory_settings(dc: SambaDc) -> dict[str, object]:
    """Our settings for this controller, by their names in Django's settings."""
    return {
        "DRAWBRIDGE_LDAP_KIND": "active-directory",
        "DRAWBRIDGE_LDAP_NETBIOS_NAME": DOMAIN,
        "DRAWBRIDGE_LDAP_URI": (dc.uri,),
        "DRAWBRIDGE_LDAP_CA_FILE": str(dc.ca_file),
        "DRAWBRIDGE_LDAP_BIND_DN": SERVICE_DN,
        "DRAWBRIDGE_LDAP_BIND_PASSWORD": SERVICE_PASSWORD,
        "DRAWBRIDGE_LDAP_USER_BASE": PEOPLE,
        "DRAWBRIDGE_LDAP_GROUP_BASE": GROUPS,
    }


@pytest.fixture(scope="session")
def samba_template(tmp_path_factory: pytest.TempPathFactory) -> SambaDc:
    return laid_out_template(tmp_path_factory.mktemp("samba-template"))


def laid_out_template(folder: Path) -> SambaDc:
    """A domain with its units and our service account, standing still: what controllers are copied from."""
    template = SambaDc(folder)
    with template:
        made = AdPeople(template)
        for unit in (PEOPLE, GROUPS, f"OU=Services,{BASE}"):
            made.add(unit, objectClass="organizationalUnit")
        made.person("drawbridge", password=SERVICE_PASSWORD, below=f"OU=Services,{BASE}")
        made.link.unbind_s()
    return template


@contextlib.contextmanager
def controller(template: SambaDc, folder: Path) -> Iterator[SambaDc]:
    """A controller of one's own, as the template was, running; one of at most twelve in a run."""
    with SambaDc(folder, template=template, address=next(free_copies)) as dc:
        yield dc


@pytest.fixture(scope="session")
def samba(samba_template: SambaDc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaDc]:
    """One running controller that tests share; whoever changes its policy or stops it makes one of their own."""
    with controller(samba_template, tmp_path_factory.mktemp("samba")) as dc:
        yield dc


@pytest.fixture(scope="session")
def second_samba(samba_template: SambaDc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaDc]:
    """Another controller, for tests that stop it, silence it or give it other certificates: it runs when they end."""
    with controller(samba_template, tmp_path_factory.mktemp("second-samba")) as dc:
        yield dc


@pytest.fixture
def active_directory(samba: SambaDc) -> Iterator[SambaDc]:
    """The shared controller; our settings lead to it for one test."""
    from django.conf import settings  # noqa: PLC0415 - Django is set up only now

    patch = pytest.MonkeyPatch()
    for name, value in active_directory_settings(samba).items():
        patch.setattr(settings, name, value)
    forget_settings()
    yield samba
    patch.undo()
    forget_settings()


@pytest.fixture
def ad_people(samba: SambaDc) -> Iterator[AdPeople]:
    """People and groups that exist in the shared controller for one test."""
    made = AdPeople(samba)
    yield made
    made.leave()
