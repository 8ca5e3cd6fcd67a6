"""The file of the authorities that vouch for directory servers: read anew when it has become another one."""

import logging
import time
from pathlib import Path

from cryptography import x509

logger = logging.getLogger("drawbridge.directory")

LOOK_EVERY = 5.0

Seen = tuple[int, int, int, int]


class AuthorityFile:
    """Tells by a number whether the file is still the same; looks at it every few seconds, and reads it seldom."""

    def __init__(self, path: str) -> None:
        """Whatever the file holds now is the first edition."""
        self._path = Path(path)
        self._seen: Seen | None = None
        self._complained_of: Seen | None = None
        self._look_at = 0.0
        self._edition = 0

    def edition(self) -> int:
        """Another number for another file; one that cannot be read, or holds no certificate, changes nothing."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look()
        return self._edition

    def _look(self) -> None:
        try:
            found = self._path.stat()
        except OSError:
            # Whoever opens a connection now is told; those that stand go on.
            return
        seen = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if self._seen is None:
            self._seen = seen
        if seen in {self._seen, self._complained_of}:
            return
        if not self._holds_certificates():
            self._complained_of = seen
            logger.error("directory.authorities.unreadable", extra={"facts": {"file": str(self._path)}})
            return
        self._seen = seen
        self._edition += 1
        logger.warning("directory.authorities.changed", extra={"facts": {"file": str(self._path)}})

    def _holds_certificates(self) -> bool:
        try:
            return bool(x509.load_pem_x509_certificates(self._path.read_bytes()))
        except (OSError, ValueError):
            return False
