"""`make demo` as a person uses it: started, walked through, interrupted; and what goes wrong is said."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from deploy.demo.slapd import free_port
from tests.http_browser import HttpBrowser

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
STOP_SECONDS = 20
SECOND_START_SECONDS = 10
arn_mark = re.compile(r'data-arn="([^"]+)"')


class Demo:
    """One run of the demo's program, as `make demo` starts it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """It runs from here on, in a group of its own as from a terminal."""
        self.folder = folder
        self.ports = {"DEMO_PORT": str(free_port()), "DEMO_AWS_PORT": str(free_port())} | environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo.run", "--dir", folder, "--end-with-starter"],
            cwd=ROOT,
            env={**os.environ, **self.ports},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def ready_file(self) -> Path:
        """Written when everything answers."""
        return self.folder / "ready.json"

    def wait_until_ready(self) -> dict[str, Any]:
        """What the ready file says."""
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, self.output()
        answer: dict[str, Any] = json.loads(self.ready_file.read_text())
        return answer

    def output(self) -> str:
        """All that it has said, once it has ended."""
        return self.process.communicate(timeout=START_SECONDS)[0]

    def descendants(self) -> dict[int, str]:
        """Every process below it, with its command line."""
        found: dict[int, str] = {}
        parents = [self.process.pid]
        while parents:
            parent = parents.pop()
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            for child in map(int, children):
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
                parents.append(child)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=STOP_SECONDS)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """It holds within this time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def are_gone(processes: dict[int, str]) -> bool:
    """Whether none of them runs any more; what waits to be collected by its parent runs no more."""
    for pid in processes:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all runs: what the first has prepared, the others find."""
    return tmp_path_factory.mktemp("a demo") / ".demo"


def test_the_demo_is_ready_keeps_its_promises_and_leaves_nothing(folder: Path) -> None:
    """The first start prepares all; smoke passes; everybody sees the promised roles; an interrupt ends it all."""
    with Demo(folder) as demo:
        ready = demo.wait_until_ready()
        assert stat.S_IMODE(demo.ready_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert ready.keys() == {"portal", "aws", "people", "admin", "env"}
        smoke = subprocess.run(
            [sys.executable, "-m", "deploy.demo.smoke", "--dir", folder],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert smoke.returncode == 0, smoke.stdout + smoke.stderr
        assert {person["username"]: seen_by(ready["portal"], person) for person in ready["people"]} == {
            person["username"]: person["roles"] if person["may_sign_in"] else None
            for person in ready["people"]
        }
        assert enters_admin(ready["portal"], **ready["admin"])
        assert enters_admin(ready["portal"], "maria", "demo-maria")
        assert not enters_admin(ready["portal"], "jane", "demo-jane")
        below = demo.descendants()
        assert len(below) >= len(("slapd", "redis", "site", "its worker", "worker", "timetable", "aws"))
        demo.process.send_signal(signal.SIGINT)
        said = demo.output()
        assert demo.process.returncode == 0, said
    assert "nothing is left running" in said
    assert are_gone(below), below
    assert not demo.ready_file.exists()


def seen_by(portal: str, person: dict[str, Any]) -> list[str] | None:
    """The roles that a person finds; None where the sign-in is refused."""
    browser = HttpBrowser(portal)
    browser.try_sign_in(person["username"], person["password"], expect=None)
    if browser.status != 302:
        assert browser.status == 403
        return None
    found = sorted(arn_mark.findall(browser.ask("GET", "/")))
    browser.connection.close()
    return found


def enters_admin(portal: str, username: str, password: str) -> bool:
    """Whether the administration opens for this person."""
    browser = HttpBrowser(portal)
    browser.ask("GET", "/admin/login/")
    browser.post("/admin/login/", {"username": username, "password": password}, expect=None)
    browser.ask("GET", "/admin/", expect=None)
    browser.connection.close()
    return browser.status == 200


def test_a_part_that_dies_is_named_and_everything_stops(folder: Path) -> None:
    """A second start takes under ten seconds; when Redis is killed the demo says so, stops all, and fails."""
    began = time.monotonic()
    with Demo(folder) as demo:
        demo.wait_until_ready()
        assert time.monotonic() - began < SECOND_START_SECONDS
        below = demo.descendants()
        (redis,) = [pid for pid, command in below.items() if command.startswith("redis-server")]
        os.kill(redis, signal.SIGKILL)
        said = demo.output()
        assert demo.process.returncode == 1
    assert "Redis has ended by itself (killed by SIGKILL)" in said
    assert are_gone(below), below
    assert not demo.ready_file.exists()


def test_what_was_started_dies_with_the_demo(folder: Path) -> None:
    """When the demo itself is killed without a chance to clean up, its parts end too."""
    with Demo(folder) as demo:
        demo.wait_until_ready()
        below = demo.descendants()
        # A second one in the same folder is refused, and the first is not harmed.
        with Demo(folder) as second:
            assert "another demo already runs" in second.output()
            assert second.process.returncode == 1
        assert not are_gone(below)
        demo.process.kill()
        demo.output()
    wait_until(lambda: are_gone(below), STOP_SECONDS)


@pytest.mark.parametrize("variable", ["DEMO_PORT", "DEMO_AWS_PORT"])
def test_a_taken_port_is_said(folder: Path, variable: str) -> None:
    """The sentence names the port and the variable that moves it; nothing is started, and a stale file goes."""
    folder.mkdir(exist_ok=True)
    (folder / "ready.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with Demo(folder, **{variable: port}) as demo:
            said = demo.output()
            assert demo.process.returncode == 1
    assert f"Port {port} is taken" in said
    assert f"{variable}=" in said
    assert not demo.ready_file.exists()


@pytest.mark.parametrize("word", ["http", "0", "65536", "-1", "8e3", "٨٠٠٠"])
def test_nonsense_for_a_port_is_said(folder: Path, word: str) -> None:
    """The sentence names the variable and the word."""
    with Demo(folder, DEMO_PORT=word) as demo:
        said = demo.output()
        assert demo.process.returncode == 1
    assert "DEMO_PORT must be a port number" in said
    assert repr(word) in said
