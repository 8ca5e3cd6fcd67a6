"""A real OpenLDAP of our own: StartTLS with its own CA, memberOf, password policy; nothing outside its folder."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PROGRAM = "/usr/sbin/slapd"
SERVER_USER = "openldap"
# Whoever starts a server and dies takes it along, also when killed without a chance to clean up.
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")
START_SECONDS = 10
CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload ppolicy
pidfile "{folder}/slapd.pid"
argsfile "{folder}/slapd.args"
TLSCACertificateFile "{folder}/ca.pem"
TLSCertificateFile "{folder}/server.cert.pem"
TLSCertificateKeyFile "{folder}/server.key.pem"
security simple_bind=128
disallow bind_anon
threads 8
loglevel none
database monitor
access to * by dn.exact="{admin_dn}" read by * none
database mdb
suffix "{base}"
rootdn "{admin_dn}"
rootpw {admin_password}
directory "{folder}/db"
maxsize 1073741824
dbnosync
index objectClass eq
index uid,mail,cn eq,sub
index member,memberOf eq
index entryUUID,entryCSN eq
access to attrs=userPassword by anonymous auth by self =xw by * none
access to * by dn.exact="{bind_dn}" read by * none
overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member
memberof-memberof-ad memberOf
memberof-refint TRUE
overlay refint
refint_attributes member
overlay ppolicy
ppolicy_default "cn=default,ou=policies,{base}"
"""


class Slapd:
    """One directory server on a free loopback port; `ldif` is what it holds when it is first started."""

    def __init__(
        self,
        directory: Path,
        *,
        ldif: str,
        base: str = "dc=example,dc=test",
        port: int | None = None,
        ldaps_port: int | None = None,
    ) -> None:
        """Lay out the folder; nothing runs yet. LDAPS is spoken beside StartTLS where a port is given for it."""
        self.folder = directory.resolve()
        self.ldif = ldif
        self.base = base
        self.port = port or free_port()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.ldaps_uri = f"ldaps://127.0.0.1:{ldaps_port}" if ldaps_port else ""
        self.ca_file = self.folder / "ca.pem"
        self.bind_dn = f"cn=drawbridge,ou=services,{base}"
        self.bind_password = "reads-people-and-groups"
        self.admin_dn = f"cn=admin,{base}"
        self.admin_password = "administers-the-directory"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """The server answers when this returns; a second start finds what the first one left."""
        if self._is_laid_out():
            self._write_configuration()
        else:
            self._lay_out()
        self._give_away()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *DIES_WITH_US, *self._as_user(), "--",
                    PROGRAM, "-d", "0", "-f", self.folder / "slapd.conf",
                    "-h", f"{self.uri} {self.ldaps_uri}".strip(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._wait()
        return self

    def stop(self) -> None:
        """The server is gone; its folder stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def modify(self, change_records: str) -> None:
        """These LDIF change records hold afterwards."""
        subprocess.run(
            ["ldapmodify", "-x", "-ZZ", "-H", self.uri, "-D", self.admin_dn, "-w", self.admin_password],
            input=change_records,
            env={**os.environ, "LDAPTLS_CACERT": str(self.ca_file)},
            text=True,
            check=True,
            capture_output=True,
        )

    def _is_laid_out(self) -> bool:
        """Whether an earlier start has loaded this very content, to the end."""
        loaded = self.folder / "loaded.ldif"
        return loaded.exists() and loaded.read_text(encoding="utf-8") == self.ldif

    def _lay_out(self) -> None:
        shutil.rmtree(self.folder / "db", ignore_errors=True)
        (self.folder / "db").mkdir(parents=True)
        make_certificates(self.folder)
        self._write_configuration()
        content = self.folder / "content.ldif"
        content.write_text(self.ldif, encoding="utf-8")
        loaded = subprocess.run(
            ["/usr/sbin/slapadd", "-q", "-f", self.folder / "slapd.conf", "-l", content],
            capture_output=True,
            text=True,
            check=False,
        )
        if loaded.returncode:
            shutil.rmtree(self.folder / "db")
            raise RuntimeError(f"slapadd refused the content: {loaded.stderr}")
        content.replace(self.folder / "loaded.ldif")

    def _write_configuration(self) -> None:
        text = CONFIGURATION.format(
            folder=self.folder,
            base=self.base,
            bind_dn=self.bind_dn,
            admin_dn=self.admin_dn,
            admin_password=self.admin_password,
        )
        (self.folder / "slapd.conf").write_text(text)

    def _as_user(self) -> list[str]:
        if os.getuid() != 0 or not self._can_enter():
            return []
        return ["--reuid", SERVER_USER, "--regid", SERVER_USER, "--init-groups"]

    def _can_enter(self) -> bool:
        """Whether the server's own user may walk down to the folder (not below a private home)."""
        return all(part.stat().st_mode & 0o001 for part in self.folder.parents)

    def _give_away(self) -> None:
        if not self._as_user():
            return
        user = pwd.getpwnam(SERVER_USER)
        for path in [self.folder, *self.folder.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.01)
        raise RuntimeError(f"slapd did not start: {(self.folder / 'log').read_text()}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_certificates(
    folder: Path, *, addresses: Sequence[str] = ("127.0.0.1",), names: Sequence[str] = ("localhost",)
) -> None:
    """`ca.pem`, `server.cert.pem` and `server.key.pem` for these addresses and names, good for ten years."""
    now = datetime.now(UTC)
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Directory CA of the demo")])
    server_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])

    def certificate(
        subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> bytes:
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=3_650))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return built.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ip_address(address)) for address in addresses]
    (folder / "ca.pem").write_bytes(
        certificate(ca_name, ca_key, x509.BasicConstraints(ca=True, path_length=0))
    )
    (folder / "server.cert.pem").write_bytes(
        certificate(server_name, server_key, x509.SubjectAlternativeName(alternatives))
    )
    key_file = folder / "server.key.pem"
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
