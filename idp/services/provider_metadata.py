"""Service providers from their metadata: read from a file, a paste or an address, and read again on the timetable."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.errors import Malformed, Refused
from idp.domain.events import AuditEvent
from idp.domain.provider_kind import ProviderKind
from idp.domain.provider_metadata import ProviderMetadata, refreshed
from idp.domain.ready_made import ready_made
from idp.domain.service_provider import MalformedProvider
from idp.models import ServiceProvider as ProviderRow
from idp.saml.certificates import read_certificate_text
from idp.saml.metadata_fetch import FetchPolicy, fetch_metadata
from idp.saml.provider_metadata import read_metadata
from idp.services.audit import write_event
from idp.services.provider_certificates import note_certificates
from idp.services.provider_changes import check_row, differences, fill_row, values_of
from idp.services.service_provider_rows import provider_of_row

RETRY_AFTER = timedelta(minutes=15)
LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """Where metadata comes from: a document, or an address; `certificate` pins its signature."""

    document: bytes = b""
    url: str = ""
    certificate: str = ""


def metadata_of(source: MetadataSource, *, now: datetime, entity_id: str = "") -> ProviderMetadata:
    """What the source says, checked; refuses what cannot be fetched, believed or used."""
    certificate = read_certificate_text(source.certificate).text if source.certificate else ""
    document = source.document or fetch_metadata(source.url, fetch_policy())
    return read_metadata(
        document,
        now=now,
        certificate=certificate,
        entity_id=entity_id,
        longest_validity=saml_config().metadata_validity,
    )


def fetch_policy() -> FetchPolicy:
    """Public addresses, those private networks that the settings name, and this machine in a demo only."""
    config = saml_config()
    return FetchPolicy(networks=config.metadata_networks, loopback=config.unsafe_loopback_providers)


def new_row(
    source: MetadataSource,
    *,
    now: datetime,
    entity_id: str = "",
    kind: ProviderKind | None = None,
    name: str = "",
) -> ProviderRow:
    """A row, not saved yet, as the metadata describes the service: switched off and for nobody."""
    metadata = metadata_of(source, now=now, entity_id=entity_id)
    row = fill_row(ProviderRow(), ready_made(metadata, kind=kind))
    row.name = name or row.name
    return with_source(row, source, metadata, now=now)


def with_source(
    row: ProviderRow, source: MetadataSource, metadata: ProviderMetadata, *, now: datetime
) -> ProviderRow:
    """The row remembers where its metadata came from, and when to read it again."""
    row.metadata_url = source.url
    row.metadata_certificate = source.certificate
    row.metadata_sha256 = metadata.sha256
    row.refreshed_at = now
    row.refresh_due_at = now + metadata.refresh_after if source.url else None
    row.refresh_problem = ""
    return row


def source_of(row: ProviderRow) -> MetadataSource:
    """Where the metadata of this row is read again."""
    return MetadataSource(url=row.metadata_url, certificate=row.metadata_certificate)


def held_row(row: ProviderRow) -> ProviderRow:
    """The row as it is in its table now, for changing it in the running transaction.

    Metadata is fetched before: a service may take its time to answer, and what operators do meanwhile holds.
    Refuses a row that was removed meanwhile, or whose metadata is to come from elsewhere now.
    """
    held = ProviderRow.objects.select_for_update().filter(pk=row.pk).first()
    if held is None or source_of(held) != source_of(row):
        raise MalformedProvider(
            f"{row.entity_id} was changed while its metadata was read",
            sentence="This service provider was changed while its metadata was read: nothing was taken from it.",
        )
    return held


def apply_metadata(row: ProviderRow, metadata: ProviderMetadata, *, now: datetime) -> None:
    """The row has the addresses and keys that the service names now, all else as agreed; it is not saved yet."""
    fill_row(row, refreshed(provider_of_row(row), metadata))
    with_source(row, source_of(row), metadata, now=now)


def refresh_due_providers(*, now: datetime, limit: int) -> int:
    """So many providers whose metadata is due have been read again, each claimed once; gives how many."""
    due = list(
        ProviderRow.objects.filter(refresh_due_at__lte=now)
        .exclude(metadata_url="")
        .order_by("refresh_due_at")
        .values_list("pk", "refresh_due_at")[:limit]
    )
    done = 0
    for number, due_at in due:
        # Compare and set: of two workers one reads it, and a worker that dies leaves it for later.
        claimed = ProviderRow.objects.filter(pk=number, refresh_due_at=due_at).update(
            refresh_due_at=now + RETRY_AFTER
        )
        if claimed:
            row = ProviderRow.objects.filter(pk=number).first()
            if row is not None:
                refresh_provider(row, now=now)
                done += 1
    return done


def refresh_provider(row: ProviderRow, *, now: datetime) -> bool:
    """The provider's addresses and keys are as its metadata says now; what was agreed stays as it is.

    False, and on record, where it could not be read or believed: what was read last holds until its own end.
    """
    try:
        metadata = metadata_of(source_of(row), now=now, entity_id=row.entity_id)
        with transaction.atomic():
            _write(held_row(row), metadata, now=now)
    except Refused as refusal:
        _note_failure(row, refusal, now=now)
        return False
    return True


def _write(row: ProviderRow, metadata: ProviderMetadata, *, now: datetime) -> None:
    before = values_of(row)
    apply_metadata(row, metadata, now=now)
    note_certificates(row, check_row(row))
    row.save()
    changes = differences(before, values_of(row))
    if changes:
        details = {"entity_id": row.entity_id, "name": row.name, "sha256": row.metadata_sha256}
        for change in changes:
            details |= {f"{change.field}:old": change.before, f"{change.field}:new": change.after}
        write_event(AuditEvent.SERVICE_PROVIDER_REFRESHED, at=now, details=details)


def _note_failure(tried: ProviderRow, refusal: Refused, *, now: datetime) -> None:
    """The row says what is wrong; the trail hears of each new problem once, not of every try.

    Of a row that was changed meanwhile or is gone nothing is said: this was not about what it says now.
    """
    problem = refusal.told[:LONGEST_PROBLEM]
    with transaction.atomic():
        row = ProviderRow.objects.select_for_update().filter(pk=tried.pk).first()
        if row is None or source_of(row) != source_of(tried):
            return
        is_new = row.refresh_problem != problem
        ProviderRow.objects.filter(pk=row.pk).update(
            refresh_problem=problem, refresh_due_at=now + RETRY_AFTER
        )
        if is_new:
            write_event(
                AuditEvent.SERVICE_PROVIDER_REFRESH_FAILED,
                at=now,
                reason=getattr(refusal, "reason", refusal.code),
                details={"entity_id": row.entity_id, "name": row.name, "cause": refusal.cause[:300]},
            )


def pasted(text: str) -> MetadataSource:
    """Metadata as somebody pasted it; refuses an empty paste."""
    if not text.strip():
        raise Malformed("nothing was pasted", sentence="There is no metadata.")
    return MetadataSource(document=text.encode(errors="replace"))
