"""Real service providers: Apache with mod_auth_mellon, and Apache with the Shibboleth SP."""

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from deploy.demo.slapd import DIES_WITH_US, free_port
from tests.servers.site import Site
from tests.service_provider import key

MODULES = Path("/usr/lib/apache2/modules")
SHIBBOLETH = Path("/etc/shibboleth")
START_SECONDS = 20
COMMON = tuple(
    (name, f"{name}_module")
    for name in ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "env", "headers", "alias")
)


class Apache(ABC):
    """One Apache of our own on a loopback port, guarding `/secret/` with some SAML module."""

    module: ClassVar[tuple[str, str]]
    name_id: ClassVar[str] = "persistent"

    def __init__(self, folder: Path, site: Site) -> None:
        """Settle addresses; nothing runs yet."""
        # Below /tmp: the web server's user may enter it, which it may not where pytest makes its folders.
        self.folder = folder
        self.site = site
        self.port = free_port()
        # Another name than the site's: cookies do not separate ports.
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> Self:
        """The server answers, the site knows it, and it knows the site."""
        for name in ("run", "htdocs/secret"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "htdocs/index.html").write_text("outside")
        (self.folder / "htdocs/secret/index.html").write_text("inside")
        (self.folder / "sp.key.pem").write_bytes(key("apache").pem)
        (self.folder / "sp.cert.pem").write_text(key("apache").certificate_pem)
        metadata = urllib.request.urlopen(f"{self.site.url}/saml/metadata").read()
        (self.folder / "idp.xml").write_bytes(metadata)
        self.configure()
        (self.folder / "httpd.conf").write_text(self.configuration())
        self._own()
        self._run("apache2", "-DFOREGROUND", "-f", str(self.folder / "httpd.conf"))
        self._wait()
        self.register()
        return self

    @abstractmethod
    def configure(self) -> None:
        """Write what the module itself reads."""

    def configuration(self) -> str:
        """Apache's own configuration."""
        loads = "\n".join(
            f"LoadModule {symbol} {MODULES}/mod_{name}.so" for name, symbol in (*COMMON, self.module)
        )
        return f"""
ServerRoot {self.folder}
PidFile {self.folder}/run/httpd.pid
DefaultRuntimeDir {self.folder}/run
Mutex file:{self.folder}/run default
ServerName 127.0.0.1:{self.port}
UseCanonicalName On
Listen 127.0.0.1:{self.port}
{loads}
User www-data
Group www-data
ErrorLog {self.folder}/error.log
DocumentRoot {self.folder}/htdocs
DirectoryIndex index.html
ThreadsPerChild 4
StartServers 1
ServerLimit 1
MaxRequestWorkers 4
<Directory {self.folder}/htdocs>
  Require all granted
</Directory>
{self.guard()}
"""

    @abstractmethod
    def guard(self) -> str:
        """The module's part of it."""

    @property
    @abstractmethod
    def metadata_url(self) -> str:
        """Where the service tells of itself."""

    def register(self) -> None:
        """The site knows this service by its own metadata."""
        file = self.folder / "sp.xml"
        file.write_bytes(urllib.request.urlopen(self.metadata_url).read())
        self.site.manage(
            "service_provider", "import", "--file", str(file), "--name", type(self).__name__, "--everyone",
            "--name-id", self.name_id, "--attribute", "urn:oid:0.9.2342.19200300.100.1.3=person:mail;uri;mail",
            "--attribute", "urn:oasis:names:tc:SAML:attribute:pairwise-id=made:pairwise-id",
        )  # fmt: skip
        self.site.manage("service_provider", "enable", self.entity_id)

    @property
    def entity_id(self) -> str:
        """The name of the service."""
        return f"{self.url}/sp"

    def stop(self) -> None:
        """Every process of it is gone."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            process.wait(20)
        self.processes.clear()

    def _run(self, *command: str) -> None:
        with (self.folder / "out.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [*DIES_WITH_US, "--", *command],
                    env={"PATH": os.environ["PATH"]} | self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def environment(self) -> dict[str, str]:
        """What its programs are told beside their configuration."""
        return {}

    def _own(self) -> None:
        for path in (self.folder, *self.folder.rglob("*")):
            shutil.chown(path, "www-data", "www-data")
        self.folder.chmod(0o755)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and all(one.poll() is None for one in self.processes):
            try:
                with urllib.request.urlopen(self.metadata_url, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                error.close()
            except OSError:
                pass
            time.sleep(0.1)
        logs = "\n".join(path.read_text(errors="replace")[-3_000:] for path in self.folder.glob("*.log"))
        raise RuntimeError(f"{type(self).__name__} did not start:\n{logs}")

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()


class Mellon(Apache):
    """Apache with mod_auth_mellon (lasso): it signs its requests, by Redirect."""

    module = ("auth_mellon", "auth_mellon_module")
    name_id = "transient"  # what lasso asks for

    def configure(self) -> None:
        """The module reads nothing of its own: all of it stands in the server's configuration."""

    def guard(self) -> str:
        """One room that is guarded; what the service has learnt stands in headers of the answer."""
        return f"""
MellonCacheSize 20
MellonLockFile {self.folder}/run/mellon.lock
<Location />
  MellonEnable info
  MellonEndpointPath /mellon
  MellonSPentityId {self.entity_id}
  MellonSPPrivateKeyFile {self.folder}/sp.key.pem
  MellonSPCertFile {self.folder}/sp.cert.pem
  MellonIdPMetadataFile {self.folder}/idp.xml
  MellonSecureCookie Off
  MellonCookieSameSite lax
  MellonSignatureMethod rsa-sha256
  MellonSetEnv mail urn:oid:0.9.2342.19200300.100.1.3
  MellonSetEnv pairwise-id urn:oasis:names:tc:SAML:attribute:pairwise-id
</Location>
<Location /secret/>
  AuthType Mellon
  MellonEnable auth
  Require valid-user
  Header set X-Name "%{{MELLON_NAME_ID}}e"
  Header set X-Mail "%{{MELLON_mail}}e"
  Header set X-Pairwise "%{{MELLON_pairwise-id}}e"
</Location>
"""

    @property
    def metadata_url(self) -> str:
        """Where the service tells of itself."""
        return f"{self.url}/mellon/metadata"


class Shibboleth(Apache):
    """Apache with the Shibboleth SP (OpenSAML): its daemon beside it."""

    module = ("shib", "mod_shib")

    def configure(self) -> None:
        """The configuration that Apache's module and the daemon both read."""
        for name in ("attribute-policy.xml", "security-policy.xml", "protocols.xml"):
            shutil.copy(SHIBBOLETH / name, self.folder / name)
        for page in SHIBBOLETH.glob("*.html"):
            shutil.copy(page, self.folder / page.name)
        for name in ("shibd.logger", "native.logger"):
            (self.folder / name).write_text(
                "log4j.rootCategory=INFO, out\n"
                "log4j.appender.out=org.apache.log4j.FileAppender\n"
                f"log4j.appender.out.fileName={self.folder}/{name}.log\n"
                "log4j.appender.out.layout=org.apache.log4j.BasicLayout\n"
            )
        (self.folder / "attribute-map.xml").write_text(ATTRIBUTES)
        (self.folder / "shibboleth2.xml").write_text(
            SHIBBOLETH2.format(
                folder=self.folder, entity_id=self.entity_id, idp=f"{self.site.url}/saml/metadata"
            )
        )
        self._own()
        # Apache's user reaches the daemon's socket.
        self._run(
            "sh", "-c",
            f"umask 000; exec shibd -f -F -c {self.folder}/shibboleth2.xml -p {self.folder}/run/shibd.pid",
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not (self.folder / "run/shibd.sock").exists():
            time.sleep(0.05)

    def guard(self) -> str:
        """One room that is guarded; what the service has learnt stands in headers of the answer."""
        return f"""
ShibConfig {self.folder}/shibboleth2.xml
<Location /Shibboleth.sso>
  SetHandler shib
</Location>
<Location /secret/>
  AuthType shibboleth
  ShibRequestSetting requireSession 1
  Require shib-session
  Header set X-Name "%{{persistent-id}}e"
  Header set X-Mail "%{{mail}}e"
  Header set X-Pairwise "%{{pairwise-id}}e"
</Location>
"""

    @property
    def metadata_url(self) -> str:
        """Where the service tells of itself."""
        return f"{self.url}/Shibboleth.sso/Metadata"


ATTRIBUTES = """\
<Attributes xmlns="urn:mace:shibboleth:2.0:attribute-map" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Attribute name="urn:oid:0.9.2342.19200300.100.1.3" id="mail"/>
  <Attribute name="urn:oasis:names:tc:SAML:attribute:pairwise-id" id="pairwise-id">
    <AttributeDecoder xsi:type="ScopedAttributeDecoder" caseSensitive="false"/>
  </Attribute>
  <Attribute name="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" id="persistent-id">
    <AttributeDecoder xsi:type="NameIDAttributeDecoder" formatter="$Name" defaultQualifiers="true"/>
  </Attribute>
</Attributes>
"""
SHIBBOLETH2 = """\
<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180" logger="{folder}/shibd.logger">
  <OutOfProcess logger="{folder}/shibd.logger"/>
  <InProcess logger="{folder}/native.logger"/>
  <UnixListener address="{folder}/run/shibd.sock"/>
  <ApplicationDefaults entityID="{entity_id}" REMOTE_USER="persistent-id" signing="true" encryption="false">
    <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" handlerSSL="false"
              cookieProps="http" redirectLimit="none">
      <SSO entityID="{idp}">SAML2</SSO>
      <Logout asynchronous="false">SAML2 Local</Logout>
      <SessionInitiator type="SAML2" Location="/Post" entityID="{idp}" template="bindingTemplate.html"
                        outgoingBindings="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
      <LogoutInitiator type="SAML2" Location="/Leave" asynchronous="true"/>
      <LogoutInitiator type="SAML2" Location="/PostLogout" asynchronous="false" template="bindingTemplate.html"
                       outgoingBindings="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
      <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
    </Sessions>
    <Errors supportContact="root@localhost"/>
    <MetadataProvider type="XML" validate="true" path="{folder}/idp.xml"/>
    <AttributeExtractor type="XML" validate="true" reloadChanges="false" path="{folder}/attribute-map.xml"/>
    <AttributeFilter type="XML" validate="true" path="{folder}/attribute-policy.xml"/>
    <CredentialResolver type="File" use="signing" key="{folder}/sp.key.pem" certificate="{folder}/sp.cert.pem"/>
    <CredentialResolver type="File" use="encryption" key="{folder}/sp.key.pem" certificate="{folder}/sp.cert.pem"/>
  </ApplicationDefaults>
  <SecurityPolicyProvider type="XML" validate="true" path="{folder}/security-policy.xml"/>
  <ProtocolProvider type="XML" validate="true" reloadChanges="false" path="{folder}/protocols.xml"/>
</SPConfig>
"""
