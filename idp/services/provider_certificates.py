"""The ends of service providers' own certificates, told in time: those entered by hand, and those from metadata.

Nothing ends with them here: metadata is what gives a key its trust. But whoever sees the end come will change the
key, and a service whose certificates were entered by hand must tell us the new one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, QuerySet

from idp.domain.errors import Malformed
from idp.domain.events import AuditEvent
from idp.domain.service_provider import ServiceProvider
from idp.models import ServiceProvider as ProviderRow
from idp.saml.certificates import read_certificate_text
from idp.services.audit import write_event
from idp.services.service_provider_rows import provider_of_row

WARNED_DAYS = (60, 30, 7, 1)
# Metadata that is read again brings the new certificate by itself: a word is due only where it has not.
WARNED_DAYS_OF_METADATA = (7, 1)
ENDED = 0
MOST_TOLD = 50
MOST_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True)
class EndingCertificate:
    """One service whose certificates end soon, or have ended; `is_milder` where its metadata brings new ones."""

    name: str
    entity_id: str
    until: datetime
    is_over: bool
    is_milder: bool
    told: str


def end_of_certificates(provider: ServiceProvider) -> datetime | None:
    """When this service is left without a certificate for one of its uses; None where it has none that can be read.

    Of several signing certificates the newest counts: the others are on their way out.
    """
    signing = list(_ends(provider.signing_certificates))
    encryption = list(_ends(filter(None, [provider.encryption_certificate])))
    return min((max(ends) for ends in (signing, encryption) if ends), default=None)


def note_certificates(row: ProviderRow, provider: ServiceProvider) -> None:
    """The row says when its certificates end; a new end has not been told yet. It is not saved yet."""
    until = end_of_certificates(provider)
    if until != row.certificates_until:
        row.certificates_until, row.certificates_told = until, None


def ending_certificates(*, now: datetime) -> list[EndingCertificate]:
    """The services that are on and whose certificates end within 60 days, the first to end first."""
    return [
        ending_of(row, now=now)
        for row in _ending(now=now, days=WARNED_DAYS[0]).order_by("certificates_until")[:MOST_TOLD]
    ]


def ending_of(row: ProviderRow, *, now: datetime) -> EndingCertificate:
    """What is told of this row, which has an end."""
    until = row.certificates_until or now
    is_over, is_milder = until <= now, bool(row.metadata_url)
    days = (until - now).days
    told = f"a certificate of its own {'ended' if is_over else 'ends'} on {until:%Y-%m-%d}"
    told += "" if is_over else f", in {days} day{'' if days == 1 else 's'}"
    told += "; its metadata, which is read again by itself, has no newer one yet" if is_milder else ""
    return EndingCertificate(row.name, row.entity_id, until, is_over, is_milder, told)


def warn_of_provider_certificates(*, now: datetime) -> int:
    """Each end is on record 60, 30, 7 and 1 days before, once each; gives how many were told.

    Where metadata is read again it is told 7 and 1 days before only.
    """
    _look_at_new_rows()
    told = 0
    for row in _ending(now=now, days=WARNED_DAYS[0]).iterator():
        left = ((row.certificates_until or now) - now).days
        days = WARNED_DAYS_OF_METADATA if row.metadata_url else WARNED_DAYS
        due = min((one for one in days if left < one), default=None)
        if due is None or (row.certificates_told is not None and row.certificates_told <= due):
            continue
        # Compare and set: of two workers one tells it.
        claimed = ProviderRow.objects.filter(
            pk=row.pk, certificates_until=row.certificates_until, certificates_told=row.certificates_told
        ).update(certificates_told=due, version=F("version"))
        if claimed:
            write_event(
                AuditEvent.SERVICE_PROVIDER_CERTIFICATE_ENDING,
                at=now,
                details={
                    "entity_id": row.entity_id,
                    "name": row.name,
                    "days": due,
                    "valid_until": f"{row.certificates_until:%Y-%m-%dT%H:%M:%SZ}",
                    "from_metadata": bool(row.metadata_url),
                },
            )
            told += 1
    return told


def count_ending(*, now: datetime) -> dict[tuple[str, int], int]:
    """How many services' certificates end within so many days (0: have ended), by where they come from."""
    wanted = {
        f"{source}_{days}": Count("pk", filter=Q(certificates_until__lt=now + timedelta(days=days)) & which)
        for source, which in (("hand", Q(metadata_url="")), ("metadata", ~Q(metadata_url="")))
        for days in (*WARNED_DAYS, ENDED)
    }
    counted = _ending(now=now, days=WARNED_DAYS[0]).aggregate(**wanted)
    return {
        (source, days): counted[f"{source}_{days}"]
        for source in ("hand", "metadata")
        for days in (*WARNED_DAYS, ENDED)
    }


def _ending(*, now: datetime, days: int) -> QuerySet[ProviderRow]:
    return ProviderRow.objects.filter(enabled=True, certificates_until__lt=now + timedelta(days=days))


def _look_at_new_rows() -> None:
    """Rows that were written by a release without these columns get theirs, so many in each run."""
    rows = ProviderRow.objects.filter(certificates_until=None).exclude(
        Q(signing_certificates=[]) & Q(encryption_certificate="")
    )
    for row in rows.order_by("pk")[:MOST_LOOKED_AT]:
        try:
            until = end_of_certificates(provider_of_row(row))
        except Malformed:
            continue
        if until is not None:
            ProviderRow.objects.filter(pk=row.pk, version=row.version).update(
                certificates_until=until, version=F("version")
            )


def _ends(texts: Iterable[str]) -> Iterator[datetime]:
    for text in texts:
        try:
            yield read_certificate_text(text).valid_until
        except Malformed:
            continue
