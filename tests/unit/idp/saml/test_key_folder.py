"""Whether this process may change keys in a folder is told before anybody presses a button."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.saml.key_files import why_not_writable

NOBODY = 65_534
ASK = """
import os, sys
from pathlib import Path
from idp.saml.key_files import why_not_writable
os.getuid() or os.setuid(65534)
print(why_not_writable(Path(sys.argv[1])))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may look at, and nobody else may write to."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-keys-") as name:
        Path(name).chmod(0o555)
        yield Path(name)
        Path(name).chmod(0o755)


def as_nobody(folder: Path) -> str:
    """What a process without rights says of it."""
    run = subprocess.run([sys.executable, "-c", ASK, str(folder)], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_a_folder_that_is_ours_may_be_written(tmp_path: Path) -> None:
    """Also one that is not there yet, if it can be made."""
    assert why_not_writable(tmp_path) == ""
    assert why_not_writable(tmp_path / "keys" / "ec") == ""


def test_a_folder_of_another_may_not(folder: Path) -> None:
    """Who runs, and whose it is, is told; given to whom it runs as it may."""
    told = as_nobody(folder)
    assert "may not write to" in told
    assert str(folder) in told
    folder.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    assert as_nobody(folder) == ""


def test_a_folder_that_cannot_be_reached_is_told(folder: Path) -> None:
    """No page fails over a folder that hides what is in it; shown again it is told as it is."""
    inside = folder / "keys"
    folder.chmod(0o755)
    inside.mkdir()
    folder.chmod(0o600)
    assert "cannot be looked at" in as_nobody(inside)
    folder.chmod(0o755)
    assert "cannot be looked at" not in as_nobody(inside)
