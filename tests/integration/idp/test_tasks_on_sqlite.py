"""The demo's database under the same load: SQLite, two workers, two timetables."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from deploy.demo.redis_server import RedisServer
from tests.servers.site import ROOT
from tests.servers.timetable import Timetable, wait_for

DUE, OPEN = 30, 5
MAKE_ROWS = f"""
from datetime import UTC, datetime, timedelta
from tests.integration.idp.services.accesses import a_person, an_access
now = datetime.now(UTC)
person = a_person(now=now)
for minutes in range({DUE}):
    an_access(person, ends_at=now - timedelta(minutes=minutes))
for minutes in range({OPEN}):
    an_access(person, ends_at=now + timedelta(hours=1, minutes=minutes))
"""


def test_two_of_everything_on_sqlite_mark_each_end_once(tmp_path: Path) -> None:
    """Writers that wait for each other lose nothing: each due access is marked and audited once, truly."""
    file = tmp_path / "site.sqlite3"

    def ask(statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(file, timeout=10)) as database:
            return database.execute(statement).fetchall()

    with RedisServer(tmp_path / "redis") as redis:
        programs = Timetable(tmp_path, redis, f"sqlite:///{file}")
        for arguments in (["migrate", "--verbosity=0"], ["shell", "--verbosity=0", "-c", MAKE_ROWS]):
            subprocess.run([sys.executable, "manage.py", *arguments], env=programs.env, cwd=ROOT, check=True)
        try:
            for name in ("first", "second"):
                programs.start_worker(f"{name} worker")
                programs.start_timetable(f"{name} beat")
            wait_for(lambda: ask("SELECT count(*) FROM idp_accesssession WHERE state = 'ended'") == [(DUE,)])
            programs.send("idp.mark_ended_accesses")
            wait_for(lambda: programs.waiting() == [])
        finally:
            programs.stop()
    assert ask("SELECT count(*) FROM idp_accesssession WHERE ended_at = ends_at") == [(DUE,)]
    assert ask("SELECT count(*) FROM idp_accesssession WHERE state <> 'ended'") == [(OPEN,)]
    audited = "FROM idp_auditrecord WHERE event = 'access:session:ended'"
    assert ask(f"SELECT count(*), count(DISTINCT details) {audited}") == [(DUE, DUE)]
    assert all("locked" not in process.read_text() for process in tmp_path.glob("*.log"))
