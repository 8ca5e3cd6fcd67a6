"""Celery's own processes on a Redis of their own, against the test database: workers and timetables."""

import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from django.db import connection
from redis import Redis

from deploy.demo.redis_server import RedisServer
from idp.project.celery import app
from tests.servers.site import BIN, INHERITED, Process

QUEUE = "celery"
Answer = TypeVar("Answer")


class Timetable:
    """The programs that were started, on one Redis and the database that the test itself uses."""

    def __init__(self, folder: Path, redis: RedisServer, database_url: str) -> None:
        """Nothing runs yet."""
        self.folder = folder
        self.redis = redis
        self.env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.env |= {
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "idp.project.settings",
            "SECRET_KEY": "made-up-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF",
            "DRAWBRIDGE_DEMO": "true",
            "DRAWBRIDGE_BASE_URL": "http://localhost",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis.url,
            # The start-up checks want a directory; nobody is there to be asked about.
            "DRAWBRIDGE_LDAP_URI": "ldaps://127.0.0.1:1",
            "DRAWBRIDGE_LDAP_CA_FILE": ssl.get_default_verify_paths().openssl_cafile,
            "DRAWBRIDGE_LDAP_BIND_DN": "cn=nobody,dc=example,dc=test",
            "DRAWBRIDGE_LDAP_BIND_PASSWORD": "made-up-for-tests",
            "DRAWBRIDGE_LDAP_USER_BASE": "ou=people,dc=example,dc=test",
            "DRAWBRIDGE_LDAP_GROUP_BASE": "ou=groups,dc=example,dc=test",
        }
        self.running: list[Process] = []

    def start(self, *arguments: str, name: str) -> Process:
        """One of Celery's programs runs."""
        command = [str(BIN / "celery"), "--app", "idp.project.celery", "--quiet", *arguments]
        process = Process(name, command, env=self.env, folder=self.folder)
        self.running.append(process)
        return process

    def start_worker(self, name: str = "worker") -> Process:
        """A worker with one child takes messages."""
        return self.start("worker", "--concurrency=1", "--loglevel=info", name=name)

    def start_timetable(self, name: str = "beat") -> Process:
        """A timetable sends messages."""
        return self.start("beat", name=name)

    def stop(self) -> None:
        """Every program that was started is gone."""
        for process in reversed(self.running):
            process.kill(signal.SIGKILL)
        self.running.clear()

    def send(self, task: str, *, serializer: str = "json", args: tuple[Any, ...] = ()) -> None:
        """One message waits for a worker."""
        with app.connection_for_write(self.redis.url) as broker:
            app.send_task(task, args=args, serializer=serializer, connection=broker)

    def waiting(self) -> list[bytes]:
        """The messages that no worker has taken."""
        with Redis.from_url(self.redis.url) as client:
            return list(client.lrange(QUEUE, 0, -1))


def child_of(process: Process) -> int:
    """The worker's child that does the work; a worker that ended instead fails the test with its log."""
    listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def first_child() -> int:
        assert process.process.poll() is None, process.text()
        return next(map(int, listing.read_text().split()), 0)

    return wait_for(first_child)


def wait_for(question: Callable[[], Answer], *, seconds: float = 30) -> Answer:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


@contextmanager
def running_on_redis(folder: Path) -> Iterator[Timetable]:
    """A Redis of its own and nothing running on it; everything is stopped afterwards.

    The test's rows must be committed (`transactional_db`) for other processes to see them.
    """
    where = connection.settings_dict
    url = f"postgresql://{where['USER']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    with RedisServer(folder / "redis") as redis:
        programs = Timetable(folder, redis, url)
        try:
            yield programs
        finally:
            programs.stop()
