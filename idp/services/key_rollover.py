"""A rollover as steps that one can see and take back: publish, wait until everybody has it, switch, retire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from idp.conf import saml_config
from idp.domain.aws.role import Road
from idp.domain.errors import NotFound
from idp.domain.events import AuditEvent
from idp.domain.service_provider import ProviderKind
from idp.models import Account, AuditRecord, KeyConfirmation, ServiceProvider
from idp.saml.errors import KeyChangeRefused
from idp.saml.key_making import KeyMade
from idp.saml.key_rollover import PublishedKey, published_keys, retire_previous, take_back
from idp.saml.token_keys import retire_token_key, take_token_key_back
from idp.services.audit import write_event
from idp.services.keys import folder_of, promote_next_key, write_key_event
from idp.services.provider_changes import Author

# Whoever holds a statement, or reads our metadata seldom, must still find the former certificate (MD-06).
OVERLAP = timedelta(hours=24)
WARNED_DAYS = (60, 30, 7, 1)


class Stage(StrEnum):
    """Where a rollover stands."""

    STEADY = "steady"
    PUBLISHED = "published"
    SWITCHED = "switched"


class UnknownParty(NotFound):
    """Nobody of this name believes our statements."""

    code = "unknown-party"
    sentence = "There is no AWS account and no service provider of this name."


@dataclass(frozen=True, slots=True)
class Party:
    """Who must have a certificate before it signs: an AWS account by its number, a service by its entity ID."""

    party: str
    title: str
    confirmed_at: datetime | None
    confirmed_by: str


@dataclass(frozen=True, slots=True)
class Rollover:
    """Where it stands, the keys by their places, and who is known to have the next one."""

    stage: Stage
    keys: dict[str, PublishedKey]
    parties: tuple[Party, ...]

    @property
    def waiting_for(self) -> tuple[Party, ...]:
        """Who is not known to have it yet."""
        return tuple(party for party in self.parties if party.confirmed_at is None)


def rollover(*, curve: bool = False) -> Rollover:
    """Where the rollover stands at this moment; with `curve` that of the keys on a curve."""
    keys = published_keys(folder_of(curve=curve))
    stage = Stage.PUBLISHED if "next" in keys else Stage.SWITCHED if "previous" in keys else Stage.STEADY
    wanted = keys.get("next")
    return Rollover(stage, keys, _parties(wanted.fingerprint if wanted else ""))


def confirm(parties: Sequence[str], *, author: Author, now: datetime, curve: bool = False) -> tuple[str, ...]:
    """These are known to have the next certificate; gives those for whom that is new.

    Refuses where nothing is published to be confirmed, and a name that nobody goes by.
    """
    state = rollover(curve=curve)
    published = state.keys.get("next")
    if published is None:
        raise KeyChangeRefused(sentence="There is no next key: nothing waits to be confirmed.")
    known = {party.party for party in state.parties}
    for party in parties:
        if party not in known:
            raise UnknownParty(
                party[:200], sentence=f"{party[:200]} is no AWS account and no service provider."
            )
    waiting = {party.party for party in state.waiting_for}
    new = tuple(party for party in dict.fromkeys(parties) if party in waiting)
    with transaction.atomic():
        KeyConfirmation.objects.bulk_create(
            [
                KeyConfirmation(
                    fingerprint=published.fingerprint,
                    party=party,
                    confirmed_at=now,
                    confirmed_by=author.person,
                )
                for party in new
            ],
            ignore_conflicts=True,
        )
        for party in new:
            write_event(
                AuditEvent.SIGNING_KEY_CONFIRMED,
                at=now,
                origin=author.origin,
                account_key=author.account_key,
                person=author.person,
                details={"fingerprint": published.fingerprint, "party": party},
            )
    return new


def switch(*, author: Author, now: datetime, anyway: bool = False, curve: bool = False) -> KeyMade:
    """The next key signs from now on; refuses while somebody is not known to have it, unless that is wanted."""
    waiting = rollover(curve=curve).waiting_for
    if waiting and not anyway:
        names = ", ".join(party.party for party in waiting[:5])
        raise KeyChangeRefused(
            sentence=f"{len(waiting)} are not known to have the next certificate: {names}"
            f"{' and others' if len(waiting) > 5 else ''}. Confirm them, or switch anyway."  # noqa: PLR2004 - as many as are named
        )
    return promote_next_key(now=now, operator=author.person, curve=curve)


def take_step_back(*, author: Author, now: datetime, curve: bool = False) -> KeyMade:
    """The last step is undone: the next key is withdrawn, or the former one signs again."""
    back = take_token_key_back if saml_config().token else take_back
    with transaction.atomic():
        return back(
            folder_of(curve=curve),
            now=now,
            record=lambda key: write_key_event(
                AuditEvent.SIGNING_KEY_TAKEN_BACK, key, operator=author.person, now=now
            ),
        )


def retire(*, author: Author, now: datetime, anyway: bool = False, curve: bool = False) -> KeyMade:
    """The former key is gone for good; refuses within a day of the switch, unless that is wanted."""
    here = AuditRecord.objects.filter(
        event=AuditEvent.SIGNING_KEY_PROMOTED, details__folder=str(folder_of(curve=curve))
    )
    promoted = here.order_by("-at").first()
    if promoted is not None and now < promoted.at + OVERLAP and not anyway:
        raise KeyChangeRefused(
            sentence=f"The switch was at {promoted.at:%Y-%m-%d %H:%M} UTC: both certificates stay for a day."
        )
    end = retire_token_key if saml_config().token else retire_previous
    with transaction.atomic():
        return end(
            folder_of(curve=curve),
            record=lambda key: write_key_event(
                AuditEvent.SIGNING_KEY_RETIRED, key, operator=author.person, now=now
            ),
        )


def warn_of_key_ends(*, now: datetime) -> int:
    """Each end of a signing certificate is told 60, 30, 7 and 1 days before, once each; gives how many were told."""
    told = 0
    for curve in (False, True):
        key = published_keys(folder_of(curve=curve)).get("current")
        if key is None:
            continue
        left = (key.valid_until - now).days
        due = [days for days in WARNED_DAYS if left < days]
        if not due:
            continue
        details: dict[str, str | int | bool | None] = {
            "fingerprint": key.fingerprint,
            "days": min(due),
            "valid_until": key.valid_until.isoformat(),
        }
        known = AuditRecord.objects.filter(
            event=AuditEvent.SIGNING_KEY_ENDING, details__fingerprint=key.fingerprint, details__days=min(due)
        )
        if not known.exists():
            write_event(AuditEvent.SIGNING_KEY_ENDING, at=now, details=details)
            told += 1
    return told


def _parties(fingerprint: str) -> tuple[Party, ...]:
    """Every AWS account that people enter by a statement, and every service that is on; AWS IAM is its accounts."""
    known = {row.party: row for row in KeyConfirmation.objects.filter(fingerprint=fingerprint)}
    accounts = Account.objects.filter(roles__road=Road.SAML.value).distinct().order_by("name")
    named = [(row.number, f"{row.name} (AWS account)") for row in accounts]
    services = ServiceProvider.objects.filter(enabled=True).exclude(kind=ProviderKind.AWS.value)
    named += [(row.entity_id, row.name) for row in services.order_by("name")]
    return tuple(
        Party(
            party,
            title,
            known[party].confirmed_at if party in known else None,
            known[party].confirmed_by if party in known else "",
        )
        for party, title in named
    )
