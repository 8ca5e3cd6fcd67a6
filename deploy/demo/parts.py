"""The programs of the demo as one whole: started one by one, watched, stopped together."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.slapd import DIES_WITH_US

LOOK_SECONDS = 0.1
START_SECONDS = 60
STOP_SECONDS = 6
TOLD_LINES = 15


class DemoError(Exception):
    """What went wrong, in one sentence for the person in front of it."""


class StopAskedError(Exception):
    """Somebody wants the demo to end."""


@dataclass(frozen=True)
class Part:
    """One program that runs, in a session of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    is_server: bool

    def told(self) -> str:
        """The end of what it has written."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"    {line}" for line in lines[-TOLD_LINES:])

    def end(self) -> os.waitid_result | None:
        """How the program has ended; it keeps its number, so that nobody else's group is ever killed."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def send(self, number: signal.Signals) -> None:
        """The program and its children have received this signal."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Starter:
    """Whoever has started this program: `make`, which waits for us when it is interrupted, without a word."""

    def __init__(self) -> None:
        """Remember who it is."""
        self.number = os.getppid()

    def wants_to_end(self) -> bool:
        """Whether it is gone, or was interrupted alone: its handler for that is dropped in that moment."""
        return os.getppid() != self.number or not self.expects_interrupts()

    def expects_interrupts(self) -> bool:
        """Whether an interrupt would be handled or ignored there, instead of ending it."""
        try:
            status = Path(f"/proc/{self.number}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        masks = [int(status.partition(name)[2].split()[0], 16) for name in ("SigCgt:", "SigIgn:")]
        return any(mask >> (signal.SIGINT - 1) & 1 for mask in masks)


class Parts:
    """All programs, in the order of their start; every waiting ends when one of them dies or a stop is asked."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.running: list[Part] = []
        self.stop_asked = threading.Event()
        self.starter: Starter | None = None

    def listen_to_signals(self, *, end_with_starter: bool) -> None:
        """Ctrl-C, a polite kill and a closed terminal ask for the stop; so does the end of whoever started us."""
        asked = {signal.SIGINT, signal.SIGTERM}
        # Under nohup a closed terminal is to be outlived.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            asked.add(signal.SIGHUP)
        for number in asked:
            signal.signal(number, lambda *_: self.stop_asked.set())
        if end_with_starter:
            self.starter = Starter()

    def start(self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path) -> Part:
        """The program runs; its output goes to the log."""
        self.look()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*DIES_WITH_US, "--", *command],
                env=env,
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.adopt(name, process, log, is_server=False)

    def adopt(
        self, name: str, process: subprocess.Popen[bytes] | None, log: Path, *, is_server: bool = True
    ) -> Part:
        """A program that somebody else has started is watched and stopped with the others."""
        if process is None:
            raise DemoError(f"{name} was not started.")
        part = Part(name, process, log, is_server)
        self.running.append(part)
        return part

    def finish(self, part: Part) -> None:
        """The program has done its work; refuses one that failed or takes too long."""
        self.running.remove(part)
        deadline = time.monotonic() + START_SECONDS
        try:
            while part.end() is None:
                self.look()
                if time.monotonic() > deadline:
                    raise DemoError(f"{part.name} has not finished within {START_SECONDS} seconds.")
                self.stop_asked.wait(LOOK_SECONDS / 4)
        finally:
            part.send(signal.SIGKILL)
            part.process.wait()
        if part.process.returncode:
            raise DemoError(f"{part.name} failed:\n{part.told()}")

    def wait_for(self, part: Part, is_well: Callable[[], bool]) -> None:
        """The part answers; refuses one that takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not is_well():
            self.look()
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{part.name} did not answer within {START_SECONDS} seconds."
                    f" The end of {part.log}:\n{part.told()}"
                )
            self.stop_asked.wait(LOOK_SECONDS / 2)
        self.look()

    def watch(self) -> None:
        """Return never: ends with StopAskedError, or with DemoError when a part has ended by itself."""
        while True:
            self.look()
            self.stop_asked.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Everything runs, and nobody wants it to end."""
        if self.stop_asked.is_set() or (self.starter and self.starter.wants_to_end()):
            raise StopAskedError
        for part in self.running:
            end = part.end()
            if end is not None:
                raise DemoError(
                    f"{part.name} has ended by itself ({told_end(end)}), so everything is stopped."
                    f" The end of {part.log}:\n{part.told()}"
                )

    def stop(self) -> None:
        """Nothing runs any more; the site and its workers go first, then the servers that they ask."""
        for is_server in (False, True):
            parts = [part for part in self.running if part.is_server is is_server]
            for part in parts:
                part.send(signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            for part in parts:
                while part.end() is None and time.monotonic() < deadline:
                    time.sleep(LOOK_SECONDS / 4)
                part.send(signal.SIGKILL)
                part.process.wait()
        self.running.clear()


def told_end(end: os.waitid_result) -> str:
    """How a program ended, in words."""
    if end.si_code == os.CLD_EXITED:
        return f"status {end.si_status}"
    return f"killed by {signal.Signals(end.si_status).name}"
