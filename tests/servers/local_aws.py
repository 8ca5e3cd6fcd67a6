"""The local AWS as a process of its own, over a world that the test describes."""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parents[2]
_SECONDS_TO_START = 30.0


class LocalAws:
    """One local AWS on a free loopback port; its log can be read while it runs."""

    def __init__(self, world: dict[str, Any], *arguments: str, port: int = 0) -> None:
        """Nothing runs yet; `arguments` go to the command line as they are."""
        self.folder = Path(tempfile.mkdtemp(prefix="drawbridge-aws-"))
        self.world = world
        self.arguments = arguments
        self.port = port
        self.url = ""
        self._read_until = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """It answers when this returns."""
        world_file = self.folder / "world.json"
        world_file.write_text(json.dumps(self.world))
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "sts_bridge.local_aws",
                    "--world", str(world_file), "--port", str(self.port), *self.arguments,
                ],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )  # fmt: skip
        self.url = json.loads(self._first_line())["url"]
        return self

    def stop(self) -> int | None:
        """It is gone, and so is its folder; gives the status it ended with."""
        status = None
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(20)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)
        return status

    @property
    def log_file(self) -> Path:
        """Where its standard error goes."""
        return self.folder / "log"

    def new_log_lines(self) -> list[dict[str, Any]]:
        """What it has written since this was last asked; a line that is not JSON fails the test."""
        with self.log_file.open() as log:
            log.seek(self._read_until)
            lines = log.read().splitlines()
            self._read_until = log.tell()
        return [json.loads(line) for line in lines]

    def cpu_seconds(self) -> float:
        """The processor time it has used, its own and the kernel's for it."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name: str = "VmHWM") -> int:
        """Its memory in bytes; the highest so far, unless another line of the kernel's account is named."""
        (line,) = [line for line in self._proc("status").splitlines() if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024

    def _proc(self, name: str) -> str:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/{name}").read_text()

    def _first_line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            ready = waiting.select(_SECONDS_TO_START)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            log = self.log_file.read_text()
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the local AWS did not start: {log}")
        return line

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
