"""Nobody who lists the machine's processes finds a secret of ours."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.slapd import free_port
from tests.integration.sts_bridge.world_file import empty_world
from tests.servers.site import ROOT
from tests.servers.timetable import Timetable, child_of, running_on_redis, wait_for


@pytest.fixture
def timetable(
    tmp_path: Path,
    transactional_db: None,  # noqa: ARG001 - workers read the same database
) -> Iterator[Timetable]:
    with running_on_redis(tmp_path) as programs:
        yield programs


def seen_from_outside(pid: int) -> str:
    """What every process listing shows of a process, and what its owner may read."""
    folder = Path(f"/proc/{pid}")
    return "\n".join(
        (folder / name).read_text(errors="replace") for name in ("cmdline", "environ", "comm", "status")
    )


@pytest.mark.attack("CR-04")
def test_secrets_from_files_are_in_no_command_line_and_no_environment(timetable: Timetable) -> None:
    """A worker whose secrets come from files shows none, nor does its child; given directly they would be seen."""
    canaries = {
        "SECRET_KEY": secrets.token_urlsafe(60),
        "DRAWBRIDGE_LDAP_BIND_PASSWORD": secrets.token_urlsafe(20),
        "DATABASE_URL": timetable.env.pop("DATABASE_URL") + f"?application_name={secrets.token_hex(8)}",
    }
    direct = timetable.env | canaries
    for name, value in canaries.items():
        timetable.env.pop(name, None)
        file = timetable.folder / name
        file.write_text(value)
        timetable.env[f"{name}_FILE"] = str(file)
    worker = timetable.start_worker()
    for pid in (worker.pid, child_of(worker)):
        for value in canaries.values():
            assert value not in seen_from_outside(pid)
    timetable.env = direct
    careless = timetable.start_worker("careless worker")
    child = child_of(careless)
    for value in canaries.values():
        assert value in seen_from_outside(child)
        assert value not in Path(f"/proc/{child}/cmdline").read_text()
    for process in (worker, careless):
        assert not any(value in process.text() for value in canaries.values())


@pytest.mark.attack("CR-04")
def test_the_local_aws_is_given_no_secret_of_ours(tmp_path: Path) -> None:
    """`run_local_aws` becomes the local AWS under the same process number, with nothing of ours in sight."""
    canary = secrets.token_urlsafe(60)
    world = tmp_path / "world.json"
    world.write_text(json.dumps(empty_world()))
    env = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": canary,
        "DRAWBRIDGE_BASE_URL": "https://idp.example.test",
        "DATABASE_URL": f"postgresql://drawbridge:{canary}@127.0.0.1:1/x",
        "DRAWBRIDGE_LDAP_BIND_PASSWORD": canary,
        "AWS_SECRET_ACCESS_KEY": canary,
    }
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "run_local_aws",
        "--world",
        "world.json",
        "--port",
        str(free_port()),
    ]
    process = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert wait_for(lambda: canary in seen_from_outside(process.pid))
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        shown = seen_from_outside(process.pid)
        assert "sts_bridge.local_aws" in shown
        assert canary not in shown
        assert "SECRET" not in shown
        assert "DRAWBRIDGE" not in shown
    finally:
        process.terminate()
        process.communicate(timeout=20)
