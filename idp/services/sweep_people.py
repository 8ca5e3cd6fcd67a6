"""Everyone with something to lose, asked about again on the timetable: what the directory takes away is gone soon.

The table is the queue. A person is taken up at most once within the interval, whatever becomes of it, by
any number of workers and timetables; whoever could not be asked has their turn again in the next one.
"""

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from idp.conf.access import access_config
from idp.directory.port import PersonAnswer
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import DirectoryIdentity
from idp.models import AccessSession, DirectorySnapshot, SiteSession
from idp.services.absences import have_left
from idp.services.identity import let_go
from idp.services.lost_groups import follow
from idp.services.snapshots import VOID
from idp.services.sweep_questions import SweepQuestions

logger = logging.getLogger("drawbridge.services")

TAKEN_AT_ONCE = 50
# A tick of the timetable, a message that waits for a worker, and the sweep itself.
MAY_BE_LATE = timedelta(seconds=60)
KEPT_FOR_AT_LEAST = timedelta(minutes=15)


@dataclass(slots=True)
class Swept:
    """What one sweep did: people taken up, those let go, those who lost a role, those nobody answered about."""

    taken_up: int = 0
    let_go: int = 0
    lost_roles: int = 0
    unanswered: int = 0


def sweep_people(*, now: datetime, for_at_most: timedelta) -> Swept:
    """Everyone whose turn it is has been asked about, as far as the time allows; the next sweep goes on from there.

    Whoever has left is signed in nowhere and holds nothing that is not due to be ended; whoever lost a
    group has lost what only that group gave. While the directory cannot be asked nobody loses anything
    here: from the recheck deadline on nothing is handed out to them anyway. Nor does anybody wait for a
    directory that is not theirs: one that is down is asked once in a sweep.
    """
    until = time.monotonic() + for_at_most.total_seconds()
    swept, questions = Swept(), SweepQuestions()
    every = access_config().sweep_every
    DirectorySnapshot.objects.out_of_line(now, every=every).update(swept_at=now - every)
    while time.monotonic() < until and (rows := take_up(now=now, besides=questions.down)):
        swept.taken_up += len(rows)
        to_follow = with_something_to_lose(rows, now=now)
        followed = [row for row in rows if row.user_id in to_follow]
        drop_idle_rows(rows, followed, now=now)
        sweep_portion(followed, questions, swept, now=now, until=until)
    return swept


def sweep_is_late(*, now: datetime) -> timedelta | None:
    """How long the longest waiting has not been taken up, where that is longer than a sweep that runs lets it be."""
    every = access_config().sweep_every
    late = DirectorySnapshot.objects.due_to_sweep(now, every=2 * every + MAY_BE_LATE).first()
    if late is None:
        return None
    return abs(now - (late.swept_at or late.asked_at))


def take_up(*, now: datetime, besides: Collection[str] = ()) -> list[DirectorySnapshot]:
    """Some of those whose turn it is, now nobody else's until the interval is over; none of these directories."""
    with transaction.atomic():
        due = DirectorySnapshot.objects.due_to_sweep(now, every=access_config().sweep_every)
        if besides:
            due = due.exclude(user__directory__in=besides)
        claimed = due.select_related("user").select_for_update(of=("self",), skip_locked=True)
        rows = list(claimed[:TAKEN_AT_ONCE])
        DirectorySnapshot.objects.filter(pk__in=[row.pk for row in rows]).update(swept_at=now)
    return rows


def with_something_to_lose(rows: Iterable[DirectorySnapshot], *, now: datetime) -> set[int]:
    """Those of the people who are signed in, or hold an access in AWS."""
    people = [row.user_id for row in rows]
    signed_in = SiteSession.objects.open_at(now).filter(user__in=people)
    holding = AccessSession.objects.open_at(now).filter(user__in=people)
    return {*signed_in.values_list("user", flat=True), *holding.values_list("user", flat=True)}


def drop_idle_rows(
    rows: Iterable[DirectorySnapshot], followed: Sequence[DirectorySnapshot], *, now: datetime
) -> None:
    """Answers about people with nothing to lose are gone once they may not be used any more."""
    useful_for = max(access_config().recheck_deadline, KEPT_FOR_AT_LEAST)
    kept = {row.pk for row in followed}
    idle = [row.pk for row in rows if row.pk not in kept]
    DirectorySnapshot.objects.filter(pk__in=idle, asked_at__lte=now - useful_for).delete()


def sweep_portion(
    rows: Sequence[DirectorySnapshot],
    questions: SweepQuestions,
    swept: Swept,
    *,
    now: datetime,
    until: float,
) -> None:
    """What follows for each of these, as far as the time allows and their directories answer."""
    answers: list[tuple[DirectorySnapshot, PersonAnswer]] = []
    for row, answer in questions.about(rows, now=now):
        answers.append((row, answer))
        if time.monotonic() >= until:
            break
    swept.unanswered += len(rows) - len(answers)
    in_doubt = directories_in_doubt(answers, now=now)
    for row, answer in answers:
        if isinstance(answer, DirectoryUnavailable):
            logger.warning(
                "sweep.person.unanswered",
                extra={"facts": {"account": row.user.account_key, "cause": answer.cause}},
            )
            swept.unanswered += 1
        elif answer is not None and answer.may_go_on:
            swept.lost_roles += follow(row.user, answer, newly_asked=is_newly_asked(row, answer), now=now)
        elif answer is not None or row.user.directory not in in_doubt:
            let_go(row.user, answer, believed=True, now=now)
            # Whoever has been let go before is followed while something of theirs is open, and counted once.
            swept.let_go += row.asked_at != VOID
        else:
            swept.unanswered += 1


def directories_in_doubt(
    answers: Sequence[tuple[DirectorySnapshot, PersonAnswer]], *, now: datetime
) -> set[str]:
    """The directories in which so many are not there that it is not believed."""
    asked: Counter[str] = Counter()
    absent: dict[str, list[DirectorySnapshot]] = {}
    for row, answer in answers:
        if answer is None:
            absent.setdefault(row.user.directory, []).append(row)
        # Whom nobody answered about is no sign that the others have left.
        answered = not isinstance(answer, DirectoryUnavailable)
        asked[row.user.directory] += answered and is_newly_asked(row, answer)
    return {
        name
        for name, rows in absent.items()
        if not have_left(rows, directory=name, asked=asked[name], now=now)
    }


def is_newly_asked(row: DirectorySnapshot, answer: PersonAnswer) -> bool:
    """Whether the answer is not the one that stands in the table."""
    return not isinstance(answer, DirectoryIdentity) or answer.asked_at != row.asked_at
