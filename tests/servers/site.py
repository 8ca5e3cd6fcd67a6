"""The whole site as it runs: gunicorn, worker and timetable as processes, on real servers."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import Postgres, free_port

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
START_SECONDS = 30


class Process:
    """One of the site's programs with its log in a file; stopped with all its children."""

    def __init__(self, name: str, command: list[str], *, env: dict[str, str], folder: Path) -> None:
        """The program runs from here on."""
        self.name = name
        self.log = folder / f"{name}.log"
        self.process = subprocess.Popen(
            command,
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("ab"),
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
        local_aws: LocalAws | None = None,
        local_aws_url: str = "",
        port: int | None = None,
        **settings: str,
    ) -> None:
        """Settle addresses and environment; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        aws = local_aws.url if local_aws else local_aws_url
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
        if aws:
            self.env |= {"DRAWBRIDGE_AWS_SIGNIN_URL": aws, "AWS_ENDPOINT_URL_STS": aws}
        self.env |= settings
        self.processes: list[Process] = []

    def manage(
        self, *arguments: str, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What `manage.py` answers."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=check,
            input=stdin,
        )

    def prepare(self, *, mapping: Path | None = None) -> None:
        """Key, tables, static files and rules are there."""
        self.manage("make_signing_key")
        self.manage("migrate", "--verbosity=0")
        self.manage("collectstatic", "--noinput", "--verbosity=0")
        if mapping is not None:
            self.manage("mapping", "import", str(mapping))

    def start_web(self, *, workers: int = 1, threads: int = 4, wait: bool = True) -> Process:
        """The production server answers when this returns."""
        command = [
            str(BIN / "gunicorn"), "--config", "deploy/gunicorn.conf.py",
            "--bind", f"127.0.0.1:{self.port}", "--workers", str(workers), "--threads", str(threads),
            "idp.project.wsgi",
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


def own_database(server: Postgres, name: str) -> str:
    """The address of a fresh, empty database."""
    server.query(f'CREATE DATABASE "{name}"')
    return server.url(name)
