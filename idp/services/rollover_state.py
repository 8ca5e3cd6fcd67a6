"""Where a rollover stands: the keys, the four steps, and who is known to have the certificate that is waited for."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from idp.domain.aws.role import Road
from idp.domain.events import AuditEvent
from idp.domain.provider_kind import ProviderKind
from idp.models import Account, AuditRecord, KeyAbsence, KeyConfirmation, ServiceProvider
from idp.saml.key_files import why_not_writable
from idp.saml.key_rollover import PublishedKey, published_keys
from idp.services.keys import folder_of

# Whoever holds a statement, or reads our metadata seldom, must still find the former certificate (MD-06).
OVERLAP = timedelta(hours=24)
MOST_NAMED = 5
STEPS_ON_RECORD = (
    AuditEvent.SIGNING_KEY_MADE,
    AuditEvent.SIGNING_KEY_PROMOTED,
    AuditEvent.SIGNING_KEY_TAKEN_BACK,
    AuditEvent.SIGNING_KEY_RETIRED,
    AuditEvent.SIGNING_KEY_REFUSED,
)


class Stage(StrEnum):
    """Where a rollover stands."""

    STEADY = "steady"
    PUBLISHED = "published"
    SWITCHED = "switched"


class Verb(StrEnum):
    """What an administrator does to go on, or to go back."""

    PUBLISH = "publish"
    SWITCH = "switch"
    TAKE_BACK = "take-back"
    RETIRE = "retire"


class Progress(StrEnum):
    """How far one of the four steps is."""

    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Party:
    """Who must have a certificate before it signs: an AWS account by its number, a service by its entity ID.

    `looked_at` is when it was last read there and was not found, or could not be read, as `problem` says.
    """

    party: str
    title: str
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    looked_at: datetime | None = None
    problem: str = ""

    @property
    def told(self) -> str:
        """Whether it has the certificate, and how that is known."""
        if self.confirmed_at is not None:
            return f"has it: {self.confirmed_by}, {self.confirmed_at:%Y-%m-%d %H:%M} UTC"
        if self.looked_at is None:
            return "not known"
        seen = f"could not be read ({self.problem})" if self.problem else "has it not, as read in AWS"
        return f"{seen}, {self.looked_at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four steps, how far it is, and who took it when, as far as that is on record."""

    name: str
    progress: Progress
    at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rollover:
    """Where it stands, the keys by their places, and who is known to have the certificate that is waited for."""

    curve: bool
    stage: Stage
    keys: dict[str, PublishedKey]
    parties: tuple[Party, ...]
    steps: tuple[Step, ...]
    retire_from: datetime | None
    only_by_command: str

    @property
    def waited_for(self) -> PublishedKey | None:
        """The key whose certificate everybody must have: the next one, or after a switch the one that signs."""
        return wanted_of(self.keys)

    @property
    def waiting_for(self) -> tuple[Party, ...]:
        """Who is not known to have it yet."""
        return tuple(party for party in self.parties if party.confirmed_at is None)

    @property
    def mark(self) -> str:
        """What a step must find unchanged to be the one that was decided on."""
        return mark_of(self.keys)

    @property
    def mark_of_waiting(self) -> str:
        """Who is not known to have it yet, in a few characters: whoever goes on without them has seen them."""
        return digest_of(party.party for party in self.waiting_for)

    @property
    def possible(self) -> tuple[Verb, ...]:
        """What can be done now, forward first."""
        verbs = [Verb.SWITCH if "next" in self.keys else Verb.PUBLISH]
        if "previous" in self.keys:
            verbs = [Verb.RETIRE] if "next" not in self.keys else [*verbs, Verb.RETIRE]
        return tuple(verbs) if self.stage is Stage.STEADY else (*verbs, Verb.TAKE_BACK)

    def phrase_for(self, verb: Verb, *, now: datetime) -> str:
        """What must be typed where this step goes before its time; empty where it does not."""
        if verb is Verb.SWITCH and self.waiting_for:
            return f"switch without {len(self.waiting_for)}"
        if verb in {Verb.SWITCH, Verb.RETIRE} and self.is_overlap(now=now):
            return f"{verb} early"
        return ""

    def is_overlap(self, *, now: datetime) -> bool:
        """Whether the former certificate is still needed: to retire it, or to switch over it, is too early."""
        return self.retire_from is not None and now < self.retire_from


def rollover(*, curve: bool = False) -> Rollover:
    """Where the rollover stands at this moment; with `curve` that of the keys on a curve."""
    folder = folder_of(curve=curve)
    keys = published_keys(folder)
    stage = Stage.PUBLISHED if "next" in keys else Stage.SWITCHED if "previous" in keys else Stage.STEADY
    wanted = wanted_of(keys)
    parties = _parties(wanted.fingerprint if wanted else "")
    made, switched = None, None
    if wanted is not None:
        made = _last(AuditEvent.SIGNING_KEY_MADE, wanted.fingerprint, folder=folder)
    if "previous" in keys and "current" in keys:
        switched = _last(AuditEvent.SIGNING_KEY_PROMOTED, keys["current"].fingerprint, folder=folder)
    return Rollover(
        curve=curve,
        stage=stage,
        keys=keys,
        parties=parties,
        steps=_steps(stage, parties, made=made, switched=switched if stage is Stage.SWITCHED else None),
        retire_from=switched.at + OVERLAP if switched else None,
        only_by_command=why_not_writable(folder),
    )


def wanted_of(keys: dict[str, PublishedKey]) -> PublishedKey | None:
    """The key whose certificate everybody must have, if there is one that some may not have."""
    return keys.get("next") or (keys.get("current") if "previous" in keys else None)


def mark_of(keys: dict[str, PublishedKey]) -> str:
    """Which key is in which place, in a few characters."""
    return digest_of(f"{place}={key.fingerprint}" for place, key in sorted(keys.items()))


def digest_of(words: Iterable[str]) -> str:
    """What tells whether these words are the same, in a few characters."""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:32]


def last_steps(*, curve: bool, limit: int) -> list[AuditRecord]:
    """The steps that were taken, taken back or refused, the newest first."""
    here = AuditRecord.objects.filter(event__in=STEPS_ON_RECORD, details__folder=str(folder_of(curve=curve)))
    return list(here[:limit])


def named(parties: Sequence[Party]) -> str:
    """Some of them by their names, for a sentence."""
    names = ", ".join(party.party for party in parties[:MOST_NAMED])
    return f"{names}{' and others' if len(parties) > MOST_NAMED else ''}"


def _last(event: AuditEvent, fingerprint: str, *, folder: Path) -> AuditRecord | None:
    return AuditRecord.objects.filter(
        event=event, details__fingerprint=fingerprint, details__folder=str(folder)
    ).first()


def _steps(
    stage: Stage, parties: tuple[Party, ...], *, made: AuditRecord | None, switched: AuditRecord | None
) -> tuple[Step, ...]:
    done, now, later = Progress.DONE, Progress.NOW, Progress.LATER
    all_have_it = all(party.confirmed_at for party in parties)
    if stage is Stage.STEADY:
        progress = (now, later, later, later)
    elif stage is Stage.PUBLISHED:
        progress = (done, done, now, later) if all_have_it else (done, now, later, later)
    else:
        progress = (done, done if all_have_it else now, done, now)
    on_record = (made, None, switched, None)
    names = ("publish", "wait", "switch", "retire")
    return tuple(
        Step(name, how_far, row.at if row else None, row.person if row else "")
        for name, how_far, row in zip(names, progress, on_record, strict=True)
    )


def _parties(fingerprint: str) -> tuple[Party, ...]:
    """Every AWS account that people enter by a statement, and every service that is on; AWS IAM is its accounts."""
    known = {row.party: row for row in KeyConfirmation.objects.filter(fingerprint=fingerprint)}
    looked = {row.party: row for row in KeyAbsence.objects.filter(fingerprint=fingerprint)}
    accounts = Account.objects.filter(roles__road=Road.SAML.value).distinct().order_by("name")
    everybody = [(row.number, f"{row.name} (AWS account)") for row in accounts]
    services = ServiceProvider.objects.filter(enabled=True).exclude(kind=ProviderKind.AWS.value)
    everybody += [(row.entity_id, row.name) for row in services.order_by("name")]
    return tuple(_party(party, title, known.get(party), looked.get(party)) for party, title in everybody)


def _party(party: str, title: str, known: KeyConfirmation | None, looked: KeyAbsence | None) -> Party:
    if known is not None:
        return Party(party, title, confirmed_at=known.confirmed_at, confirmed_by=known.confirmed_by)
    if looked is not None:
        return Party(party, title, looked_at=looked.looked_at, problem=looked.problem)
    return Party(party, title)
