"""What is well and what is not, for `/health/ready` and `doctor`."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from idp.directory.directories import measure
from idp.services.clock import clock_problem
from idp.services.keys import WARNED_FROM_DAYS, key_status
from idp.services.provider_certificates import count_ending
from idp.services.regions import region_warnings
from idp.services.token_issuers import issuers_problem

BROKER_SECONDS = 1.0
DIRECTORY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """One server of a directory: how long a small question takes it, or what is wrong; and its breaker's state."""

    directory: str
    uri: str
    milliseconds: float | None
    state: str
    problem: str


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part; `cause` says what is wrong in a few words, never with a secret in them; `warning` what is not yet."""

    name: str
    cause: str = ""
    warning: str = ""
    servers: tuple[ServerHealth, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether the part works."""
        return not self.cause


@dataclass(frozen=True, slots=True)
class Health:
    """All parts as they were when looked at."""

    parts: tuple[PartHealth, ...]
    looked_at: datetime

    @property
    def is_well(self) -> bool:
        """Whether requests may be sent here."""
        return all(part.is_well for part in self.parts)


class LastLook:
    """What was seen last; one thread looks at a time, and those who waited meanwhile share what it saw."""

    def __init__(self) -> None:
        """Nobody has looked yet."""
        self.health: Health | None = None
        self.began = 0.0
        self.lock = threading.Lock()

    def shared(self, now: datetime) -> Health:
        """A look that began after this was called: never an old answer, however many ask at once."""
        asked = time.monotonic()
        with self.lock:
            if self.health is None or self.began < asked:
                self.began = time.monotonic()
                self.health = look(now=now + timedelta(seconds=self.began - asked))
            return self.health


last_look = LastLook()


def look_after_health(*, now: datetime) -> Health:
    """How everything is now; many askers cost one look after the other, not one each."""
    return last_look.shared(now)


def look(*, now: datetime) -> Health:
    """How everything is at this moment; each part within the time limit of its own connection."""
    parts = (
        # The clock among the first: what follows may take its time, and `now` grows old.
        *database_health(now=now),
        PartHealth("broker", broker_cause()),
        signing_key_health(now=now),
        provider_health(now=now),
        directory_health(),
        *issuers_health(),
        region_health(),
    )
    return Health(parts, now)


def database_cause() -> str:
    """Empty if the database answers; drivers put host and user into their messages, so only the kind is told."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        return f"does not answer ({type(error).__name__})"
    return ""


def database_health(*, now: datetime) -> tuple[PartHealth, PartHealth]:
    """The database, and our clock by its; one that does not answer is waited for once."""
    began = time.monotonic()
    if cause := database_cause():
        return PartHealth("database", cause), PartHealth("clock")
    return PartHealth("database"), clock_health(now=now + timedelta(seconds=time.monotonic() - began))


def clock_health(*, now: datetime) -> PartHealth:
    """Well if our clock agrees with the database's, by which other processes go too; and if nobody can tell."""
    try:
        return PartHealth("clock", clock_problem(now=now))
    except (DatabaseError, InterfaceError):
        connection.close()
        return PartHealth("clock")


def broker_cause() -> str:
    """Empty if Redis answers."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
        ) as broker:
            broker.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        return f"does not answer ({type(error).__name__})"
    return ""


def signing_key_health(*, now: datetime) -> PartHealth:
    """Well if statements can be signed now; what will need a hand soon, or is not published, is a warning."""
    status = key_status(now=now)
    return PartHealth("signing_key", status.cause, status.warning)


def provider_health(*, now: datetime) -> PartHealth:
    """Always well: services' certificates end nothing here; a warning where one that was entered by hand will end."""
    try:
        ending = count_ending(now=now)["hand", WARNED_FROM_DAYS]
    except (DatabaseError, InterfaceError):
        return PartHealth("service_providers")
    told = f"{ending} have a certificate that ends within {WARNED_FROM_DAYS} days, or has ended"
    return PartHealth("service_providers", warning=told if ending else "")


def directory_health() -> PartHealth:
    """Well if one server of each directory answers within a second, however silent the others may be."""
    answers = measure(seconds=DIRECTORY_SECONDS)
    silent = [name for name, servers in answers.items() if all(server.problem for server in servers)]
    return PartHealth(
        "directory",
        f"no server answers ({', '.join(silent)})" if silent else "",
        servers=tuple(
            ServerHealth(name, server.uri, server.milliseconds, server.state, server.problem)
            for name, servers in answers.items()
            for server in servers
        ),
    )


def issuers_health() -> tuple[PartHealth, ...]:
    """The file of token issuers, where there is one: with a mistake in it the last good reading goes on."""
    problem = issuers_problem()
    if problem is None:
        return ()
    return (PartHealth("token_issuers", warning="the last good file holds" if problem else ""),)


def region_health() -> PartHealth:
    """Always well, because requests may be sent here all the same; what is off or does not answer is a warning."""
    try:
        return PartHealth("regions", warning="; ".join(region_warnings()))
    except (DatabaseError, InterfaceError):
        return PartHealth("regions")


class Tables:
    """Whether the tables of this release have been seen; once there, they stay."""

    are_there = False


def tables_are_there() -> bool:
    """Whether the database has every table and column that this release uses."""
    if not Tables.are_there:
        executor = MigrationExecutor(connection)
        Tables.are_there = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return Tables.are_there
