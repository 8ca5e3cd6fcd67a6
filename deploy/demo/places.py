"""Where everything of one demo lies, at which addresses it answers, and the secrets that are made once."""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from deploy.demo import company
from deploy.demo.parts import DemoError
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd

ROOT = Path(__file__).resolve().parents[2]
MAPPING = ROOT / "deploy" / "demo" / "mapping.yaml"
PORTS = {"DEMO_PORT": 8000, "DEMO_AWS_PORT": 8010}
# The broker's long-term key in the local AWS, and the roles by which it ends sessions and reads what is there.
BROKER_KEY_ID = "AKIADEMOBROKERDEMOBR"
# Partitions trust nobody of another one: in the government cloud the site is somebody else, by a profile.
GOVERNMENT_KEY_ID = "AKIADEMOBROKERDEMOGV"
GOVERNMENT, GOVERNMENT_PROFILE = "aws-us-gov", "government"
ENDER_ROLE, READER_ROLE = "DrawbridgeSessionEnder", "DrawbridgeReader"
LARGEST_PORT = 65_535
# Nothing else of the person's environment reaches the site: no AWS profile, no proxy, no Python path.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Places:
    """One demo: its folder and its two public ports."""

    folder: Path
    port: int
    aws_port: int

    @property
    def portal(self) -> str:
        """The site's address."""
        return f"http://localhost:{self.port}"

    @property
    def aws(self) -> str:
        """The local AWS's address."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def entity_id(self) -> str:
        """What our statements call us."""
        return f"{self.portal}/saml/metadata"

    @property
    def ready_file(self) -> Path:
        """Written when everything answers, removed at start and stop."""
        return self.folder / "ready.json"

    @property
    def database(self) -> Path:
        """The site's tables."""
        return self.folder / "db.sqlite3"

    @property
    def key_folder(self) -> Path:
        """Our signing keys."""
        return self.folder / "keys"

    @property
    def static_folder(self) -> Path:
        """Styles and scripts as the site serves them."""
        return self.folder / "static"

    @property
    def metadata_file(self) -> Path:
        """Our metadata as the local AWS has been given it."""
        return self.folder / "metadata.xml"

    @property
    def world_file(self) -> Path:
        """What the local AWS knows."""
        return self.folder / "world.json"

    @property
    def external_ids_file(self) -> Path:
        """By which ExternalId each account knows the broker; made with the rules."""
        return self.folder / "external_ids.json"

    @property
    def admin_file(self) -> Path:
        """The local administrator's name and password."""
        return self.folder / "admin.json"

    def log(self, name: str) -> Path:
        """Where a part writes."""
        return self.folder / "log" / f"{name}.log"

    def lay_out(self) -> None:
        """The folders are there, for this person only."""
        for folder in (self.folder, self.folder / "log"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def secret(self, name: str, *, octets: int) -> Path:
        """The file of a random secret, made at the first question."""
        path = self.folder / f"{name}.secret"
        if not path.exists():
            write_private(path, secrets.token_hex(octets))
        return path


def places_of_environment(folder: Path) -> Places:
    """The demo in this folder, on the ports that the environment names; refuses nonsense."""
    port, aws_port = (port_of(name, usual) for name, usual in PORTS.items())
    if port == aws_port:
        raise DemoError(f"DEMO_PORT and DEMO_AWS_PORT are both {port}: choose two ports.")
    return Places(folder.resolve(), port, aws_port)


def port_of(name: str, usual: int) -> int:
    """The port that a variable names."""
    word = os.environ.get(name, "").strip() or str(usual)
    if not (word.isascii() and word.isdecimal() and 1 <= int(word) <= LARGEST_PORT):
        raise DemoError(f"{name} must be a port number from 1 to {LARGEST_PORT}, not {word!r}.")
    return int(word)


def check_port_is_free(variable: str, port: int) -> None:
    """Refuse a port that is taken on either loopback: whoever holds the other would be taken for us."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError as error:
                raise DemoError(
                    f"Port {port} needs more rights: set {variable} to one above 1023."
                ) from error
            except OSError as error:
                if host == "::1" and not is_listening(host, port):
                    continue
                raise DemoError(
                    f"Port {port} is taken by another program ({error.strerror}):"
                    f" stop that one, or choose another port: make demo {variable}=..."
                ) from error


def is_listening(host: str, port: int) -> bool:
    """Whether somebody answers there."""
    try:
        socket.create_connection((host, port), 0.5).close()
    except OSError:
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """The file holds this text; it appears whole or not at all, and only its owner may read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def inherited_environment() -> dict[str, str]:
    """What every program gets of the person's own environment."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def site_environment(places: Places, slapd: Slapd, redis: RedisServer) -> dict[str, str]:
    """The variables of the site, the worker and the timetable."""
    return inherited_environment() | {
        "DJANGO_SETTINGS_MODULE": "idp.project.settings",
        "SECRET_KEY_FILE": str(places.secret("site", octets=48)),
        # Relative to the folder that all parts stand in: a path may hold signs that an address may not.
        "DATABASE_URL": f"sqlite:///{os.path.relpath(places.database, ROOT)}",
        "REDIS_URL": redis.url,
        "STATIC_ROOT": str(places.static_folder),
        "DRAWBRIDGE_DEMO": "true",
        "DRAWBRIDGE_BASE_URL": places.portal,
        "DRAWBRIDGE_INSECURE_COOKIES": "true",
        "DRAWBRIDGE_KEY_DIR": str(places.key_folder),
        "DRAWBRIDGE_AWS_SIGNIN_URL": places.aws,
        "DRAWBRIDGE_LDAP_URI": slapd.uri,
        "DRAWBRIDGE_LDAP_CA_FILE": str(slapd.ca_file),
        "DRAWBRIDGE_LDAP_BIND_DN": slapd.bind_dn,
        "DRAWBRIDGE_LDAP_BIND_PASSWORD": slapd.bind_password,
        "DRAWBRIDGE_LDAP_USER_BASE": f"ou=people,{slapd.base}",
        "DRAWBRIDGE_LDAP_GROUP_BASE": f"ou=groups,{slapd.base}",
        "DRAWBRIDGE_ADMIN_GROUPS": company.group_dn("drawbridge-admins"),
        "DRAWBRIDGE_SESSION_TAGS": "CostCenter=departmentNumber",
        "AWS_ENDPOINT_URL_STS": places.aws,
        "AWS_ENDPOINT_URL_IAM": places.aws,
        "AWS_ENDPOINT_URL_ORGANIZATIONS": places.aws,
        "DRAWBRIDGE_BROKER_ACCESS_KEY_ID": BROKER_KEY_ID,
        "DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY_FILE": str(places.secret("broker", octets=20)),
        "DRAWBRIDGE_ENDER_ROLE": ENDER_ROLE,
        "DRAWBRIDGE_READER_ROLE": READER_ROLE,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": str(aws_profiles(places)),
        "DRAWBRIDGE_BROKER_PROFILES": f"{GOVERNMENT}={GOVERNMENT_PROFILE}",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def aws_profiles(places: Places) -> Path:
    """The file of the profiles by which the site is somebody in other partitions."""
    file = places.folder / "aws_credentials"
    if not file.exists():
        secret = places.secret("broker_government", octets=20).read_text()
        lines = (
            f"[{GOVERNMENT_PROFILE}]",
            f"aws_access_key_id = {GOVERNMENT_KEY_ID}",
            f"aws_secret_access_key = {secret}",
        )
        write_private(file, "\n".join(lines) + "\n")
    return file


def client_environment(places: Places) -> dict[str, str]:
    """The variables that point AWS's own clients at the local AWS, and nothing of theirs elsewhere."""
    return {
        "AWS_ENDPOINT_URL": places.aws,
        "AWS_ENDPOINT_URL_STS": places.aws,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
