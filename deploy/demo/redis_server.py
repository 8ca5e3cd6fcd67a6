"""A Redis of our own on a loopback port: a broker that keeps nothing on disk."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from deploy.demo.slapd import DIES_WITH_US, free_port

START_SECONDS = 10


class RedisServer:
    """One Redis server."""

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        """Nothing runs yet."""
        self.folder = directory.resolve()
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """The server answers when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [
                *DIES_WITH_US, "--", "redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                "--dir", self.folder, "--save", "", "--appendonly", "no", "--logfile", self.folder / "log",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        ping = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "ping"]
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            answer = subprocess.run(ping, capture_output=True, check=False)
            if answer.stdout.strip() == b"PONG":
                return self
            time.sleep(0.02)
        raise RuntimeError(f"Redis did not start; see {self.folder / 'log'}")

    def stop(self) -> None:
        """The server is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
