"""The containers of the handbook: each part is given what its work reads, and no more than that."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KEYS = "keys:/var/lib/drawbridge/keys"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The parts by their names."""
    read: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    return read


def test_who_reads_the_keys(services: dict[str, dict[str, Any]]) -> None:
    """The site signs, the worker tells of ends and confirms: both read. By the tools alone keys are changed."""
    mounted = {
        name: [volume for volume in service.get("volumes", []) if volume.startswith(KEYS)]
        for name, service in services.items()
    }
    given = {name: volumes for name, volumes in mounted.items() if volumes}
    assert given == {"site": [f"{KEYS}:ro"], "worker": [f"{KEYS}:ro"], "tools": [KEYS]}
