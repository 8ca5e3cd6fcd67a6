"""What the directories say about people in one sweep: a directory that is down is asked once, and not again in it."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from idp.conf.access import access_config
from idp.directory.directories import find_each
from idp.directory.port import PersonAnswer
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import RESERVED
from idp.models import DirectorySnapshot
from idp.services.identity import is_younger
from idp.services.rules import names_matter
from idp.services.snapshots import from_json

logger = logging.getLogger("drawbridge.services")

# Of the time of a sweep a directory may take so much for nothing: it is the other directories' time too.
SECONDS_FOR_NOTHING = 5.0


class SweepQuestions:
    """The questions of one sweep, and which directories it leaves alone from now on."""

    def __init__(self) -> None:
        """Nobody has been asked yet."""
        self.down: set[str] = set()
        self._for_nothing: defaultdict[str, float] = defaultdict(float)

    def about(
        self, rows: Sequence[DirectorySnapshot], *, now: datetime
    ) -> Iterator[tuple[DirectorySnapshot, PersonAnswer]]:
        """What the directory says about each of these; where it has just been asked, what it said then.

        Nothing about the rest of a directory that is found to be down: nobody of another one waits for it.
        """
        stale: dict[str, dict[str, DirectorySnapshot]] = {}
        for row in rows:
            answer = from_json(row.identity, asked_at=row.asked_at)
            if row.user.directory in RESERVED:
                continue
            if is_younger(answer, access_config().sweep_every, now):
                yield row, answer
            else:
                stale.setdefault(row.user.directory, {})[answer.immutable_id] = row
        for name, by_id in stale.items():
            try:
                for immutable_id, asked in self._while_it_answers(name, list(by_id), now=now):
                    yield by_id[immutable_id], asked
            except DirectoryUnavailable as problem:
                self.down.add(name)
                facts = {"directory": name, "cause": problem.cause}
                logger.warning("sweep.directory.unavailable", extra={"facts": facts})

    def _while_it_answers(
        self, name: str, ids: list[str], *, now: datetime
    ) -> Iterator[tuple[str, PersonAnswer]]:
        """What this directory says about each; Unavailable once it has taken too long to say nothing.

        One entry that cannot be read costs no time to speak of, and so keeps nobody else waiting.
        """
        asked_at = time.monotonic()
        for immutable_id, answer in find_each(name, ids, now=now, names=names_matter()):
            took = time.monotonic() - asked_at
            yield immutable_id, answer
            if isinstance(answer, DirectoryUnavailable):
                self._for_nothing[name] += took
                if self._for_nothing[name] >= SECONDS_FOR_NOTHING:
                    raise answer
            asked_at = time.monotonic()
