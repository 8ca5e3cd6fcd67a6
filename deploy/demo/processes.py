"""The parts of the demo as processes: each with its log, none of them outliving us, all of them gone at the end.

Every part leads a session of its own, so that Ctrl-C reaches only the supervisor; the kernel ends a part whose
supervisor is gone (this holds for the thread that started it, so one thread starts all).
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.demo.slapd import DIES_WITH_US

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_END = 8
LINES_SHOWN = 15


class PartEnded(Exception):  # noqa: N818 - it tells what happened; whether that is an error, the caller knows
    """A part ended although nobody asked it to."""

    def __init__(self, part: "Part") -> None:
        """Tell which, how, and what it said last."""
        how = part.how_it_ended() or "without an error"
        super().__init__(f"{part.name} ended ({how}).\n{part.last_lines()}")


class Part:
    """One process of the demo, which leads a session of its own."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        """The process has been started; what it says goes to the log."""
        self.name = name
        self.process = process
        self.log = log

    def has_ended(self) -> bool:
        """Whether the process has ended; it keeps its number until `clear_away`."""
        return self._ending() is not None

    def how_it_ended(self) -> str:
        """Exit status or signal, in words; empty if it has ended well, or not at all."""
        ending = self._ending()
        if ending is None or (ending.si_code == os.CLD_EXITED and ending.si_status == 0):
            return ""
        if ending.si_code == os.CLD_EXITED:
            return f"exit status {ending.si_status}"
        return f"killed by {signal.Signals(ending.si_status).name}"

    def _ending(self) -> os.waitid_result | None:
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def last_lines(self) -> str:
        """The end of its log, indented."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        if not lines:
            return f"  It said nothing ({self.log} is empty)."
        return "\n".join((f"  The last of {self.log}:", *(f"  | {line}" for line in lines[-LINES_SHOWN:])))

    def ask_to_end(self) -> None:
        """SIGTERM to the process; its children are its own business."""
        if not self.has_ended():
            os.kill(self.process.pid, signal.SIGTERM)

    def clear_away(self) -> None:
        """Neither the process nor anything it has started is left."""
        # While the leader has not been waited for, no other group can have this number.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Parts:
    """All parts, in the order in which they were started."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        """Nothing runs yet; logs go to the folder."""
        self.folder = folder
        self.env = env
        self.running: list[Part] = []

    def start(self, name: str, *command: str | Path) -> Part:
        """One more part runs."""
        path = self.folder / f"{name.replace(' ', '-')}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [*DIES_WITH_US, "--", *map(str, command)],
                cwd=ROOT,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.adopt(Part(name, process, path))

    def adopt(self, part: Part) -> Part:
        """A part that was started elsewhere is stopped with the others."""
        self.running.append(part)
        return part

    def finish(self, part: Part) -> None:
        """This part has done its work and is gone; refuses one that failed, as PartEnded."""
        while not part.has_ended():
            self.check(but=part)
            time.sleep(0.02)
        if part.how_it_ended():
            raise PartEnded(part)
        self.running.remove(part)
        part.clear_away()

    def check(self, *, but: Part | None = None) -> None:
        """All run; refuses with PartEnded where one does not."""
        for part in self.running:
            if part is not but and part.has_ended():
                raise PartEnded(part)

    def stop(self) -> None:
        """Nothing runs: the last started is asked first, whoever takes too long is killed."""
        for part in reversed(self.running):
            part.ask_to_end()
        deadline = time.monotonic() + SECONDS_TO_END
        while time.monotonic() < deadline and not all(part.has_ended() for part in self.running):
            time.sleep(0.02)
        for part in reversed(self.running):
            part.clear_away()
        self.running.clear()
