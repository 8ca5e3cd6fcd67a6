"""The person as the directory answers now, or the last complete answer until the recheck deadline."""

import logging
import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from django.db import transaction

from idp.conf.access import access_config
from idp.directory import directories
from idp.domain.errors import DirectoryUnavailable, NotFound, RoleNotGranted, SignInNeeded
from idp.domain.identity import DirectoryIdentity
from idp.models import User
from idp.services.endings import demand_endings
from idp.services.rules import names_matter
from idp.services.site_sessions import end_sign_ins
from idp.services.snapshots import last_snapshot, store_snapshot, void_snapshot

logger = logging.getLogger("drawbridge.services")

MOST_KEPT = 2_048
SNAPSHOT_AT_MOST_EVERY = timedelta(minutes=1)


class SignInEnded(SignInNeeded):
    """The directory no longer lets this person in: their sessions have ended."""

    code = "sign-in-ended"
    sentence = "Your sign-in has ended. Please sign in again."


class UnknownName(NotFound):
    """Nobody, or more than one, goes by this name in the directory."""

    code = "unknown-name"
    sentence = "The directory knows nobody by this name."


class RecentAnswers:
    """What the directory said in the last seconds, and what of it is in the table; never grows beyond a limit."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self._answers: OrderedDict[str, DirectoryIdentity] = OrderedDict()
        self._stored: dict[str, DirectoryIdentity] = {}
        self._lock = threading.Lock()

    def get(self, account_key: str, *, now: datetime) -> DirectoryIdentity | None:
        """The answer about this account, if it may still be reused."""
        with self._lock:
            answer = self._answers.get(account_key)
        if answer is None or not is_younger(answer, access_config().reuse_for, now):
            return None
        return answer

    def is_stored(self, answer: DirectoryIdentity) -> bool:
        """Whether the table says the same already, and not long since."""
        with self._lock:
            stored = self._stored.get(answer.account_key)
        return stored is not None and says_the_same(stored, answer)

    def keep(self, answer: DirectoryIdentity, *, newly_stored: bool) -> None:
        """The answer may be reused; whether it has just gone into the table is told by who did that."""
        key = answer.account_key
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            if newly_stored:
                self._stored[key] = answer
            while len(self._answers) > MOST_KEPT:
                gone, _ = self._answers.popitem(last=False)
                self._stored.pop(gone, None)

    def forget(self, account_key: str) -> None:
        """The next question about this account goes to the directory."""
        with self._lock:
            self._answers.pop(account_key, None)
            self._stored.pop(account_key, None)

    def clear(self) -> None:
        """The next question about anybody goes to the directory."""
        with self._lock:
            self._answers.clear()
            self._stored.clear()


recent_answers = RecentAnswers()


def current_identity(person: User, *, now: datetime, names: bool = False) -> DirectoryIdentity:
    """The person as the directory has answered within the last seconds; with `names` those of the groups too.

    While it cannot be asked, the last complete answer until the recheck deadline; then Unavailable. Refuses
    with SignInEnded somebody who has left or is switched off: what they hold ends with that. Of somebody who is
    not there any more the sweep ends it, as soon as it believes that.
    """
    if person.is_local or person.is_workload:
        raise RoleNotGranted("neither a local administrator nor a workload is in the directory")
    names = names or names_matter()
    recent = recent_answers.get(person.account_key, now=now)
    if recent is not None and (recent.groups_named or not names):
        return recent
    try:
        answer = ask_about(person, now=now, names=names)
    except DirectoryUnavailable as unavailable:
        return last_answer(person, now=now, unavailable=unavailable)
    if answer is None or not answer.may_go_on:
        raise SignInEnded(let_go(person, answer, believed=answer is not None, now=now))
    remember(person, answer)
    return answer


def find_identity(name: str, *, now: datetime) -> DirectoryIdentity:
    """The person of this user name as the directory answers now; refuses an unknown one with UnknownName."""
    identity = directories.find_by_name(name, now=now)
    if identity is None:
        raise UnknownName(f"no one entry for {name!r}")
    return identity


def ask_about(person: User, *, now: datetime, names: bool = True) -> DirectoryIdentity | None:
    """What the directory says about this account; None if it is not there, or of no directory of ours."""
    name, _, immutable_id = person.account_key.partition(":")
    source = directories.directory_named(name)
    return source.find(immutable_id, now=now, names=names) if source is not None else None


def last_answer(person: User, *, now: datetime, unavailable: DirectoryUnavailable) -> DirectoryIdentity:
    """The last complete answer, if it is young enough; Unavailable for the same cause otherwise."""
    answer = last_snapshot(person)
    if answer is None or not answer.may_go_on:
        raise unavailable
    if not is_younger(answer, access_config().recheck_deadline, now):
        raise unavailable
    logger.warning(
        "directory.answer.reused",
        extra={
            "facts": {"account": person.account_key, "asked_at": answer.asked_at, "cause": unavailable.cause}
        },
    )
    return answer


def remember(person: User, answer: DirectoryIdentity) -> None:
    """The answer may be reused for a few seconds, and until the deadline while the directory is away."""
    stored = recent_answers.is_stored(answer)
    if not stored:
        store_snapshot(person, answer)
    recent_answers.keep(answer, newly_stored=not stored)


def let_go(person: User, answer: DirectoryIdentity | None, *, believed: bool, now: datetime) -> str:
    """Nobody is signed in as this person, and no earlier answer about them will be used again; gives the reason.

    Of somebody who has left, what they hold in AWS is due to be ended as well; where that is not believed yet
    it is the sweep's next question. That a directory is not configured any more does not say that its people
    have left.
    """
    known = directories.directory_named(person.directory) is not None
    if answer is not None:
        reason = f"directory:{answer.state.value}"
    else:
        reason = "directory:deleted" if known else "directory:not-configured"
    recent_answers.forget(person.account_key)
    has_left = known and believed and (answer is None or answer.has_left)
    with transaction.atomic():
        # Locked in the order of a sign-in: the person's row, the last answer, accesses, sign-ins.
        if has_left:
            User.objects.select_for_update(no_key=True).filter(pk=person.pk).first()
        void_snapshot(person, ask_again=known and not believed, now=now)
        if has_left:
            demand_endings(person, reason=reason, now=now)
        end_sign_ins(person, reason=reason, now=now)
    return reason


def is_younger(answer: DirectoryIdentity, limit: timedelta, now: datetime) -> bool:
    """Whether the answer's age is below the limit; one from the future (a clock was set back) counts as old."""
    return abs(now - answer.asked_at) < limit


def says_the_same(one: DirectoryIdentity, other: DirectoryIdentity) -> bool:
    """Whether the table may keep the one: it says the same, and its moment is near enough."""
    return (
        abs(other.asked_at - one.asked_at) < SNAPSHOT_AT_MOST_EVERY
        and (
            one.username,
            one.dn,
            one.display_name,
            one.mail,
            one.mails,
            one.state,
            one.groups,
            one.groups_named,
        )
        == (
            other.username,
            other.dn,
            other.display_name,
            other.mail,
            other.mails,
            other.state,
            other.groups,
            other.groups_named,
        )
        and dict(one.attributes) == dict(other.attributes)
    )
