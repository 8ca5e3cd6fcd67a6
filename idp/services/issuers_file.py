"""The file of issuers as it is now: read anew when it has changed; while it has a mistake the last good one holds.

In processes that serve, a thread of its own looks and reads: no request waits for a file.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from idp.domain.errors import Refused
from idp.domain.token_issuer import TokenIssuer
from idp.services.strict_yaml import MalformedFile
from idp.watcher import Watcher

LOOK_SECONDS = 5.0

logger = logging.getLogger("drawbridge.services")

Mark = tuple[int, int, int, int] | None
Issuers = tuple[TokenIssuer, ...]


class IssuersFile:
    """One file; what it says holds for every call within half a minute."""

    def __init__(
        self, path: Path, read: Callable[[bytes], Issuers], changed: Callable[[Issuers], None]
    ) -> None:
        """Nothing is read yet; `changed` is told of every good reading that differs from the one before."""
        self._path, self._read, self._changed = path, read, changed
        self._lock = threading.Lock()
        self._seen: Mark = None
        self._good: Issuers | None = None
        self._refusal: Refused | None = None
        self.watcher = Watcher(self._look, name="token-issuers", every_seconds=LOOK_SECONDS)

    def watch(self) -> None:
        """From the next call on a thread looks after the file; also in a process that is forked later."""
        self.watcher.start()

    def issuers(self) -> Issuers:
        """The issuers of the newest reading without a mistake; refuses with the mistakes where there was none yet."""
        if not self.watcher.is_fresh():
            self._look()
        if self._good is None:
            raise MalformedFile([self.problem or "has not been read"])
        return self._good

    @property
    def problem(self) -> str:
        """What is wrong with the file as it is now; empty where nothing is."""
        return self._refusal.cause if self._refusal is not None else ""

    def _look(self) -> None:
        with self._lock:
            mark = mark_of(self._path)
            # What is wrong may lie outside the file: an authority's file, or a directory's settings.
            if mark is None or mark != self._seen or self._refusal is not None:
                self._read_again(mark)
            self.watcher.has_looked()

    def _read_again(self, mark: Mark) -> None:
        """A file that changes while it is read is looked at again: its mark is of the time before."""
        before, self._seen = self.problem, mark
        try:
            issuers = self._read(self._path.read_bytes())
        except OSError as error:
            self._refusal = MalformedFile([f"{self._path} cannot be read: {error.strerror}"])
        except Refused as refusal:
            self._refusal = refusal
        else:
            self._refusal = None
            if issuers != self._good:
                self._good = issuers
                self._changed(issuers)
                logger.info(
                    "issuers.read", extra={"facts": {"issuers": ", ".join(one.url for one in issuers)}}
                )
        if self.problem and self.problem != before:
            logger.error("issuers.unreadable", extra={"facts": {"cause": self.problem}})


def mark_of(path: Path) -> Mark:
    """What changes whenever the file is written or replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
