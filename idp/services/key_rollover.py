"""The steps of a rollover, for the command and the page alike: publish, confirm, switch, retire, and each back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.errors import NotFound, Refused, Unavailable
from idp.domain.events import AuditEvent
from idp.models import KeyAbsence, KeyConfirmation
from idp.saml.errors import KeyChangeRefused
from idp.saml.key_making import KeyMade
from idp.saml.key_rollover import published_keys, retire_previous, take_back
from idp.saml.token_keys import retire_token_key, take_token_key_back
from idp.services.audit import write_event
from idp.services.keys import Recorded, folder_of, make_signing_key, promote_next_key
from idp.services.provider_changes import Author
from idp.services.rollover_state import Rollover, Verb, mark_of, named, rollover

USUAL_DAYS = 1_095
FORGOTTEN_AFTER = timedelta(days=90)
LONGEST_PROBLEM = 300


class UnknownParty(NotFound):
    """Nobody of this name believes our statements."""

    code = "unknown-party"
    sentence = "There is no AWS account and no service provider of this name."


def usual_bits(*, curve: bool) -> int:
    """How long a key is where nobody asks for another length."""
    return 256 if curve else 2_048


def publish(
    *,
    author: Author,
    now: datetime,
    bits: int | None = None,
    days: int = USUAL_DAYS,
    curve: bool = False,
    seen: str = "",
) -> KeyMade:
    """A fresh next key, whose certificate stands in our metadata at once; the first of all is current.

    For this and every other step: `seen` is the mark of the state that was decided upon, and any other state is
    refused; whatever is refused is on record too.
    """
    with _refusals_on_record(Verb.PUBLISH, author=author, now=now, curve=curve):
        return make_signing_key(
            now=now,
            bits=bits or usual_bits(curve=curve),
            days=days,
            curve=curve,
            recorded=_recorded(author, curve=curve, seen=seen),
        )


def switch(
    *, author: Author, now: datetime, anyway: bool = False, curve: bool = False, seen: str = ""
) -> KeyMade:
    """The next key signs from now on, and whatever was the former one is gone.

    Refuses while somebody is not known to have it, and within a day of the last switch, unless that is wanted.
    """
    with _refusals_on_record(Verb.SWITCH, author=author, now=now, curve=curve):
        state = rollover(curve=curve)
        waiting = state.waiting_for
        if waiting and not anyway:
            raise KeyChangeRefused(
                sentence=f"{len(waiting)} are not known to have the next certificate: {named(waiting)}."
                " Confirm them, or switch anyway."
            )
        _check_overlap(state, now=now, anyway=anyway)
        recorded = _recorded(author, curve=curve, seen=seen, without=len(waiting))
        return promote_next_key(now=now, curve=curve, recorded=recorded)


def take_step_back(*, author: Author, now: datetime, curve: bool = False, seen: str = "") -> KeyMade:
    """The last step is undone: the next key is withdrawn, or the former one signs again."""
    back = take_token_key_back if saml_config().token else take_back
    recorded = _recorded(author, curve=curve, seen=seen)
    with _refusals_on_record(Verb.TAKE_BACK, author=author, now=now, curve=curve), transaction.atomic():
        return back(
            folder_of(curve=curve),
            now=now,
            record=recorded.by(AuditEvent.SIGNING_KEY_TAKEN_BACK, now=now),
        )


def retire(
    *, author: Author, now: datetime, anyway: bool = False, curve: bool = False, seen: str = ""
) -> KeyMade:
    """The former key is gone for good; refuses within a day of the switch, unless that is wanted."""
    end = retire_token_key if saml_config().token else retire_previous
    with _refusals_on_record(Verb.RETIRE, author=author, now=now, curve=curve):
        _check_overlap(rollover(curve=curve), now=now, anyway=anyway)
        recorded = _recorded(author, curve=curve, seen=seen)
        with transaction.atomic():
            return end(folder_of(curve=curve), record=recorded.by(AuditEvent.SIGNING_KEY_RETIRED, now=now))


def confirm(
    parties: Sequence[str], *, author: Author, now: datetime, curve: bool = False, certificate: str = ""
) -> tuple[str, ...]:
    """These are known to have the certificate that is waited for; gives those for whom that is new.

    `certificate` is the fingerprint of the one that was looked for. Refuses where another one is waited for by
    now, where nothing is published to be confirmed, and a name that nobody goes by.
    """
    with _refusals_on_record("confirm", author=author, now=now, curve=curve):
        fingerprint, known = _waited_for(parties, curve=curve, certificate=certificate)
    new = tuple(party for party in dict.fromkeys(parties) if not known[party])
    with transaction.atomic():
        KeyConfirmation.objects.bulk_create(
            [
                KeyConfirmation(
                    fingerprint=fingerprint, party=party, confirmed_at=now, confirmed_by=author.person
                )
                for party in new
            ],
            ignore_conflicts=True,
        )
        KeyAbsence.objects.filter(fingerprint=fingerprint, party__in=new).delete()
        for party in new:
            _write(AuditEvent.SIGNING_KEY_CONFIRMED, fingerprint, party, author=author, now=now)
    return new


def doubt(
    parties: Sequence[str], *, author: Author, now: datetime, curve: bool = False, certificate: str = ""
) -> tuple[str, ...]:
    """These are waited for again: that they have the certificate was wrong; gives those for whom that is new.

    Refuses likewise.
    """
    with _refusals_on_record("doubt", author=author, now=now, curve=curve):
        fingerprint, known = _waited_for(parties, curve=curve, certificate=certificate)
    old = tuple(party for party in dict.fromkeys(parties) if known[party])
    with transaction.atomic():
        KeyConfirmation.objects.filter(fingerprint=fingerprint, party__in=old).delete()
        for party in old:
            _write(AuditEvent.SIGNING_KEY_DOUBTED, fingerprint, party, author=author, now=now)
    return old


def note_absent(seen: Mapping[str, str], *, certificate: str, now: datetime) -> None:
    """These were read and do not have the certificate of this fingerprint, or could not be read, for this reason."""
    KeyAbsence.objects.filter(looked_at__lt=now - FORGOTTEN_AFTER).delete()
    for party, problem in seen.items():
        KeyAbsence.objects.update_or_create(
            fingerprint=certificate,
            party=party,
            defaults={"looked_at": now, "problem": problem[:LONGEST_PROBLEM]},
        )


def _check_overlap(state: Rollover, *, now: datetime, anyway: bool) -> None:
    """Refuse what would take the former certificate away too early, unless that is wanted."""
    if state.is_overlap(now=now) and not anyway:
        raise KeyChangeRefused(
            sentence="Both certificates stay for a day after the switch: the former one may go from"
            f" {state.retire_from:%Y-%m-%d %H:%M} UTC on."
        )


def _waited_for(parties: Sequence[str], *, curve: bool, certificate: str) -> tuple[str, dict[str, bool]]:
    """The certificate that is waited for, and of everybody whether they are known to have it."""
    state = rollover(curve=curve)
    if state.waited_for is None:
        raise KeyChangeRefused(sentence="There is no next key: nothing waits to be confirmed.")
    if certificate and certificate != state.waited_for.fingerprint:
        raise KeyChangeRefused(
            sentence="Another certificate is waited for by now. See who has that one, then confirm."
        )
    known = {party.party: party.confirmed_at is not None for party in state.parties}
    for party in parties:
        if party not in known:
            raise UnknownParty(
                party[:200], sentence=f"{party[:200]} is no AWS account and no service provider."
            )
    return state.waited_for.fingerprint, known


def _recorded(author: Author, *, curve: bool, seen: str, without: int = 0) -> Recorded:
    """How a step is recorded; while nobody else can change the keys it looks whether all is as it was seen."""

    def check() -> None:
        if seen and seen != mark_of(published_keys(folder_of(curve=curve))):
            raise KeyChangeRefused(
                sentence="Somebody has changed the keys meanwhile. See where the rollover stands now, then go on."
            )

    return Recorded(author, check, {"without": without} if without else {})


def note_refused(
    step: str, reason: str, told: str, cause: str = "", *, author: Author, now: datetime, curve: bool
) -> None:
    """That this step was refused is on record, whoever refused it."""
    write_event(
        AuditEvent.SIGNING_KEY_REFUSED,
        at=now,
        origin=author.origin,
        account_key=author.account_key,
        person=author.person,
        reason=reason,
        details={
            "step": step,
            "folder": str(folder_of(curve=curve)),
            "told": told,
            "cause": cause or told,
        },
    )


@contextmanager
def _refusals_on_record(step: str, *, author: Author, now: datetime, curve: bool) -> Iterator[None]:
    """A step that is refused, or cannot be made now, has its record too; it is raised on."""
    try:
        yield
    except (Refused, Unavailable) as problem:
        note_refused(step, problem.code, problem.told, problem.cause, author=author, now=now, curve=curve)
        raise


def _write(event: AuditEvent, fingerprint: str, party: str, *, author: Author, now: datetime) -> None:
    write_event(
        event,
        at=now,
        origin=author.origin,
        account_key=author.account_key,
        person=author.person,
        details={"fingerprint": fingerprint, "party": party},
    )
