"""Every room has its sign, every import its right, every lock file its hashes and no address."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    path
    for room in ("idp", "sts_bridge")
    for path in (ROOT / room).rglob("__init__.py")
    if "management" not in path.parts
)
ALSO_NAMES_MODULES = {"idp/models/__init__.py", "idp/admin/__init__.py"}
HASHED_REQUIREMENT = re.compile(r"^[a-z0-9._-]+==\S+", re.ASCII | re.MULTILINE)


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_has_its_sign_and_nothing_else(path: Path) -> None:
    """A package's first file says what the room is for; only models and admin also name their modules."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no sign"
    if str(path.relative_to(ROOT)) not in ALSO_NAMES_MODULES:
        assert len(tree.body) == 1, f"{path} holds more than its sign"


def test_import_contracts_hold() -> None:
    """Who may import whom is as ARCHITECTURE.md says."""
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "build.lock"])
def test_lock_files_pin_by_hash_and_name_no_address(name: str) -> None:
    """Every locked package carries a hash; no registry, index or path stands in the file."""
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    pins = HASHED_REQUIREMENT.findall(text)
    assert pins
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_everything_imported_is_pinned() -> None:
    """What pyproject asks for, it asks for exactly."""
    text = (ROOT / "pyproject.toml").read_text()
    asked = re.findall(r'^  "([A-Za-z0-9._-]+)(.*)",$', text.split("[tool.ruff]")[0], re.MULTILINE)
    assert asked
    assert [name for name, pin in asked if not pin.startswith("==")] == []
