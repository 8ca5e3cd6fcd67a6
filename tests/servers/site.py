"""The whole site as it runs: web server, worker and timetable as processes, on real servers."""

import atexit
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd, free_port
from deploy.demo.world import world
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MAPPING = ROOT / "deploy/demo/mapping.yaml"
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
START_SECONDS = 30


PREAMBLE = """
from io import StringIO
import django
from django.core.management import call_command
django.setup()
"""


@cache
def collected_static_files() -> str:
    """Where the static files stand as production serves them; collected once for all sites of this run."""
    folder = tempfile.mkdtemp(prefix="drawbridge-static-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "idp.project.settings",
            "SECRET_KEY": "nothing-is-signed-with-this",
            "DRAWBRIDGE_BASE_URL": "http://localhost",
            "DATABASE_URL": "sqlite:///nothing-is-stored",
            "STATIC_ROOT": folder,
        },
        cwd=ROOT,
        check=True,
    )
    return folder


class Process:
    """One of the site's programs with its log in a file; stopped with all its children."""

    def __init__(self, name: str, command: list[str], *, env: dict[str, str], folder: Path) -> None:
        """The program runs from here on."""
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self.process.pid

    def kill(self, how: signal.Signals = signal.SIGTERM) -> None:
        """The program and its children are gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
        self.process.wait(30)

    def text(self) -> str:
        """What the program has logged."""
        return self.log.read_text(errors="replace")


class Site:
    """A site of its own: folder, environment, and the programs that were started."""

    def __init__(
        self,
        folder: Path,
        *,
        slapd: Slapd,
        database_url: str,
        redis: RedisServer | None = None,
        local_aws_url: str = "",
        port: int | None = None,
        **settings: str,
    ) -> None:
        """Settle addresses and environment; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.env |= {
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "idp.project.settings",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis.url if redis else "redis://127.0.0.1:1/0",
            "DRAWBRIDGE_DEMO": "true",
            "DRAWBRIDGE_BASE_URL": self.url,
            "DRAWBRIDGE_INSECURE_COOKIES": "true",
            "DRAWBRIDGE_KEY_DIR": str(folder / "keys"),
            "DRAWBRIDGE_LDAP_URI": slapd.uri,
            "DRAWBRIDGE_LDAP_CA_FILE": str(slapd.ca_file),
            "DRAWBRIDGE_LDAP_BIND_DN": slapd.bind_dn,
            "DRAWBRIDGE_LDAP_BIND_PASSWORD": slapd.bind_password,
            "DRAWBRIDGE_LDAP_USER_BASE": f"ou=people,{slapd.base}",
            "DRAWBRIDGE_LDAP_GROUP_BASE": f"ou=groups,{slapd.base}",
            "DRAWBRIDGE_SESSION_TAGS": "CostCenter=departmentNumber",
            "STATIC_ROOT": str(folder / "static"),
        }
        if local_aws_url:
            self.env |= {"DRAWBRIDGE_AWS_SIGNIN_URL": local_aws_url, "AWS_ENDPOINT_URL_STS": local_aws_url}
        self.env |= settings
        self.processes: list[Process] = []

    def manage(
        self, *arguments: str, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What `manage.py` answers; its failure is an error with its own words."""
        run = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
        )
        if check and run.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)} ended with {run.returncode}: {run.stderr}")
        return run

    def prepare(self, *, mapping: Path | None = None) -> None:
        """Key, tables, static files and rules are there; one process does it all."""
        self.env["STATIC_ROOT"] = collected_static_files()
        steps = [
            "call_command('migrate', verbosity=0)",
            "call_command('make_signing_key', stdout=StringIO())",
        ]
        if mapping is not None:
            steps.append(f"call_command('mapping', 'import', {str(mapping)!r}, stdout=StringIO())")
        self.python(PREAMBLE, *steps)

    def python(self, *lines: str) -> None:
        """These lines have run in a process with the site's environment."""
        run = subprocess.run(
            [sys.executable, "-c", "\n".join(lines)],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(f"{lines[-1]} ended with {run.returncode}: {run.stderr}")

    def start_web(self, *options: str, workers: int = 1, threads: int = 4, wait: bool = True) -> Process:
        """The production server answers when this returns."""
        command = [
            sys.executable, "-m", "deploy.serve", "--bind", f"127.0.0.1:{self.port}",
            "--workers", str(workers), "--threads", str(threads), *options,
        ]  # fmt: skip
        process = self._start("web", command)
        if wait:
            self.wait_until_live(process)
        return process

    def start_worker(self) -> Process:
        """A Celery worker runs."""
        return self._start("worker", self.celery("worker", "--concurrency=1", "--loglevel=info"))

    def start_timetable(self, name: str = "timetable") -> Process:
        """A Celery timetable runs."""
        return self._start(name, self.celery("beat", "--schedule", str(self.folder / f"{name}.schedule")))

    def celery(self, *arguments: str) -> list[str]:
        """The command that starts a part of Celery."""
        return [str(BIN / "celery"), "--app", "idp.project.celery", *arguments]

    def wait_until_live(self, process: Process) -> None:
        """The site answers; if it ended instead, its log is the error."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/health/live", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the site did not start:\n{process.text()}")

    def ready(self) -> tuple[int, dict[str, object]]:
        """Status and answer of /health/ready."""
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self) -> None:
        """Every program that was started is gone."""
        for process in reversed(self.processes):
            process.kill()
        self.processes.clear()

    def _start(self, name: str, command: list[str]) -> Process:
        process = Process(name, command, env=self.env, folder=self.folder)
        self.processes.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def local_aws_of(site: Site, *, mapping: Path = MAPPING, **changes: object) -> LocalAws:
    """A local AWS that trusts this site's metadata, at the address the site was told; not started yet."""
    metadata = site.folder / "metadata.xml"
    site.manage("write_metadata", "--out", str(metadata))
    url = site.env["DRAWBRIDGE_AWS_SIGNIN_URL"]
    described = world(
        mapping=yaml.safe_load(mapping.read_text()),
        metadata_file=metadata,
        aws_url=url,
        entity_id=f"{site.url}/saml/metadata",
        sealing_key=secrets.token_bytes(32),
    )
    return LocalAws({**described, **changes}, port=urlsplit(url).port or 0)


@contextmanager
def running_site(
    folder: Path, *, slapd: Slapd, database_url: str, redis: RedisServer, workers: int = 1, **settings: str
) -> Iterator[tuple[Site, LocalAws]]:
    """Everything that `make demo` starts, on the servers given: web, worker, timetable and a local AWS."""
    url = f"http://127.0.0.1:{free_port()}"
    with Site(
        folder,
        slapd=slapd,
        database_url=database_url,
        redis=redis,
        local_aws_url=url,
        port=None,
        **settings,
    ) as site:
        site.prepare(mapping=MAPPING)
        with local_aws_of(site) as local_aws:
            site.start_worker()
            site.start_timetable()
            site.start_web(workers=workers)
            yield site, local_aws


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def site_and_aws(
    tmp_path_factory: pytest.TempPathFactory, company: Slapd, postgres: Postgres, redis: RedisServer
) -> Iterator[tuple[Site, LocalAws]]:
    """One running site that tests share; whoever changes its rules or servers makes one of their own."""
    with running_site(
        tmp_path_factory.mktemp("site"),
        slapd=company,
        database_url=own_database(postgres, "shared_site"),
        redis=redis,
        workers=2,
        # Real service providers of the tests are reached by plain http on this machine.
        DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS="true",
    ) as running:
        yield running


@pytest.fixture(scope="session")
def site(site_and_aws: tuple[Site, LocalAws]) -> Site:
    return site_and_aws[0]


@pytest.fixture(scope="session")
def site_aws(site_and_aws: tuple[Site, LocalAws]) -> LocalAws:
    return site_and_aws[1]


def own_database(server: Postgres, name: str) -> str:
    """The address of a fresh, empty database."""
    server.query(f'CREATE DATABASE "{name}"')
    return server.url(name)
