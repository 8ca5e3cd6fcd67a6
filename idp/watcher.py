"""A thread that looks after what may change in files, so that nobody who asks has to wait for a file."""

import os
import threading
import time
from collections.abc import Callable

STALE_SECONDS = 30.0


class Watcher:
    """Calls `look` every few seconds from a thread of its own, in each process that asks; in one forked later too."""

    def __init__(self, look: Callable[[], object], *, name: str, every_seconds: float) -> None:
        """Nobody looks yet; `name` is what the thread is called."""
        self._look = look
        self._name = name
        self._every_seconds = every_seconds
        self._is_on = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._of_process = 0
        self._looked_at = 0.0

    def start(self) -> None:
        """From the next question on the thread looks."""
        self._is_on = True

    def has_looked(self) -> None:
        """Somebody has looked just now, the thread or whoever could not wait for it."""
        self._looked_at = time.monotonic()

    def is_fresh(self) -> bool:
        """Whether what was seen last is young enough; a thread that is not there, as after a fork, is started."""
        if not self._is_on:
            return False
        thread = self._thread
        if thread is None or self._of_process != os.getpid() or not thread.is_alive():
            with self._lock:
                if self._thread is thread:
                    self._of_process = os.getpid()
                    self._thread = threading.Thread(target=self._keep_looking, name=self._name, daemon=True)
                    self._thread.start()
            return False
        return time.monotonic() - self._looked_at < STALE_SECONDS

    def _keep_looking(self) -> None:
        while True:
            time.sleep(self._every_seconds)
            self._look()
