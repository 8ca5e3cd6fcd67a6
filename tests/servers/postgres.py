"""A throw-away PostgreSQL on a free loopback port, and the test database in it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from deploy.demo.slapd import free_port

BINARIES = Path("/usr/lib/postgresql/15/bin")
SERVER_USER = "postgres"


class Postgres:
    """One PostgreSQL server with its data in a folder of its own."""

    def __init__(self, *, durable: bool = False, options: tuple[str, ...] = ()) -> None:
        """Nothing runs yet; `durable` keeps fsync on, for figures that count it."""
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="drawbridge-pg-", dir="/tmp"))
        self.port = free_port()
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self.as_user: dict[str, object] = {}
        if os.getuid() == 0:
            server_user = pwd.getpwnam(SERVER_USER)
            os.chown(self.folder, server_user.pw_uid, server_user.pw_gid)
            self.as_user = {"user": server_user.pw_uid, "group": server_user.pw_gid, "extra_groups": []}

    def url(self, database: str = "postgres") -> str:
        """The address of a database as `DATABASE_URL` wants it."""
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """The server answers when this returns."""
        data = self.folder / "data"
        if not data.exists():
            self._run("initdb", "-A", "trust", "-U", "test", "--locale=C.UTF-8", "--no-sync", "-D", str(data))
        return self.start_again()

    def start_again(self) -> Self:
        """The server answers again, with the data it had."""
        data = self.folder / "data"
        careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        options = [
            "listen_addresses=127.0.0.1",
            "max_connections=200",
            *self.options,
            *([] if self.durable else careless),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload] # Popen's own keyword names
                [
                    BINARIES / "postgres", "-D", data, "-p", str(self.port), "-k", self.folder,
                    *(word for option in options for word in ("-c", option)),
                ],
                stdout=subprocess.DEVNULL,
                stderr=log,
                **self.as_user,
            )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            ready = subprocess.run(
                [BINARIES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
            )
            if ready.returncode == 0:
                return self
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")

    def halt(self) -> None:
        """The server is gone at once, as after a crash; its data stay."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
            self.process = None

    def stop(self) -> None:
        """The server is gone and so are its data."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql: str, database: str = "postgres") -> str:
        """What psql prints for this statement, bare."""
        answer = subprocess.run(
            [
                BINARIES / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1",
                "-h", "127.0.0.1", "-p", str(self.port), "-U", "test", "-d", database, "-c", sql,
            ],
            check=True,
            capture_output=True,
            text=True,
        )  # fmt: skip
        return answer.stdout.strip()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [BINARIES / program, *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self.as_user,  # type: ignore[call-overload] # Popen's own keyword names
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # A test counts statements.
    with Postgres(options=("shared_preload_libraries=pg_stat_statements",)) as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """The test database lives on our own server, unless DATABASE_URL asks for SQLite."""
    from django.db import connections  # noqa: PLC0415 - Django is set up only now

    connection = connections["default"]
    if connection.vendor == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        connection.settings_dict.update(
            HOST="127.0.0.1", PORT=str(server.port), USER="test", NAME="drawbridge"
        )
