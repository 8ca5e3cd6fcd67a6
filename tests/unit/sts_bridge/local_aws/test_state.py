"""What calls change: kept together or not at all, shared by processes, and gone without a file."""

import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.state import State

NOW, LATER = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_marks_are_claimed_once_and_fail_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark serves once until its end; where no more can be kept, nothing more is taken."""
    marks = State()
    assert marks.claim(("i", "a", "r"), until=LATER, now=NOW)
    assert not marks.claim(("i", "a", "r"), until=LATER, now=NOW)
    assert marks.claim(("i", "a", "other role"), until=LATER, now=NOW)
    monkeypatch.setattr("sts_bridge.local_aws.state._MOST_MARKS", 2)
    assert not marks.claim(("i", "b", "r"), until=LATER, now=NOW)
    assert marks.claim(("i", "b", "r"), until=datetime(2026, 3, 3, tzinfo=UTC), now=LATER)


def test_a_file_is_shared_and_outlives_the_process(tmp_path: Path) -> None:
    """What one process marks, another sees, and so does the next after a restart; memory forgets."""
    file = tmp_path / "state.db"
    one, two = State(file), State(file)
    assert one.claim(("x",), until=LATER, now=NOW)
    assert not two.claim(("x",), until=LATER, now=NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    one.close()
    two.close()
    assert not State(file).claim(("x",), until=LATER, now=NOW)
    assert State().claim(("x",), until=LATER, now=NOW)


def write_twice(state: State) -> None:
    with state.writing() as tables:
        for _ in range(2):
            tables.execute("INSERT INTO role_policy VALUES ('r', 'n', '{}')")


def test_a_change_is_whole_or_nothing() -> None:
    """A fault in the middle leaves everything as it was."""
    state = State()
    with pytest.raises(sqlite3.IntegrityError):
        write_twice(state)
    assert state.rows("SELECT * FROM role_policy") == []
    with state.writing() as tables:
        tables.execute("INSERT INTO role_policy VALUES ('r', 'n', '{}')")
    assert state.rows("SELECT * FROM role_policy") == [("r", "n", "{}")]


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    """Nonsense stops the start, in one sentence that names the file."""
    file = tmp_path / "state.db"
    file.write_text("this is no database, and long enough to be told from one" * 20)
    for wrong in (file, tmp_path / "none" / "state.db"):
        with pytest.raises(WorldError, match=r"state\.db"):
            State(wrong)
