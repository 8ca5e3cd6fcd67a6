"""What calls of the API have changed, and which statements were used: in one SQLite file, or in memory only.

Several processes may share the file: each writes in one transaction, and reads what the others wrote.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sts_bridge.local_aws.errors import WorldError

_SECONDS_TO_WAIT: Final = 10.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS role_policy (
    role TEXT NOT NULL, name TEXT NOT NULL, document TEXT, PRIMARY KEY (role, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS saml_provider (
    arn TEXT PRIMARY KEY, metadata TEXT NOT NULL, unique_id TEXT NOT NULL, created REAL NOT NULL,
    encryption TEXT, tags TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS private_key (
    id TEXT PRIMARY KEY, provider TEXT NOT NULL, pem TEXT NOT NULL, added REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbound_key (
    algorithm TEXT PRIMARY KEY, id TEXT NOT NULL, pem TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS role_use (
    role TEXT PRIMARY KEY, at REAL NOT NULL, region TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used (
    mark TEXT PRIMARY KEY, until REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_until ON used (until);
"""
_MOST_MARKS: Final = 100_000


class State:
    """The tables, behind one connection that one thread at a time uses."""

    def __init__(self, file: Path | None = None) -> None:
        """Open the file, making it where it is missing; refuses with WorldError what is no such file."""
        self._lock = threading.RLock()
        try:
            if file is not None:
                # Uploaded private keys stand in it, and the files beside it are made like it.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(
                file or ":memory:", timeout=_SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as problem:
            raise WorldError(f"the state file {file} cannot be used: {problem}") from problem

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Give what a statement finds; one that writes stands alone, or inside of `writing`."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens as one, or not at all; nobody else writes meanwhile."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def claim(self, mark: Iterable[str], *, until: datetime, now: datetime) -> bool:
        """Tell whether this is the first use; where no more marks can be kept, no use is the first."""
        text = "\n".join(mark)
        with self.writing() as tables:
            (kept,) = tables.execute("SELECT count(*) FROM used").fetchone()
            if kept >= _MOST_MARKS:
                kept -= tables.execute("DELETE FROM used WHERE until <= ?", (now.timestamp(),)).rowcount
            if kept >= _MOST_MARKS:
                return False
            added = tables.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (text, until.timestamp()))
            return added.rowcount == 1

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()
