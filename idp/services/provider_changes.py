"""Adding, changing and removing service providers: what is stored has been checked, and has its audit row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.errors import NotFound
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.service_provider import MalformedProvider, ServiceProvider
from idp.models import ServiceProvider as ProviderRow
from idp.saml.certificates import can_encrypt, read_certificate_text
from idp.services.audit import write_event
from idp.services.provider_certificates import note_certificates
from idp.services.service_provider_rows import AGREED_FIELDS, fields_of, provider_of_row
from idp.services.service_providers import check_addresses

LONGEST_VALUE = 1_000
KEPT_FIELDS = ("note", "metadata_url", "metadata_certificate")


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and from where."""

    person: str
    account_key: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One column that says something else than before."""

    field: str
    before: str
    after: str


class UnknownRow(NotFound):
    """There is no service provider of this name."""

    code = "no-such-service-provider"
    sentence = "There is no service provider of this entity ID."


def row_of(entity_id: str) -> ProviderRow:
    """The row of this entity ID, whether or not it is enabled; refuses an unknown one."""
    row = ProviderRow.objects.filter(entity_id=entity_id).first()
    if row is None:
        raise UnknownRow(entity_id[:200])
    return row


def held_row_of(entity_id: str) -> ProviderRow:
    """The same row for changing it in the running transaction: whoever else changes it waits until that is over."""
    row = ProviderRow.objects.select_for_update().filter(entity_id=entity_id).first()
    if row is None:
        raise UnknownRow(entity_id[:200])
    return row


def check_row(row: ProviderRow) -> ServiceProvider:
    """The provider that this row describes; refuses what could not be served, our own name, and plain addresses."""
    provider = check_addresses(provider_of_row(row))
    if provider.entity_id == saml_config().entity_id:
        raise MalformedProvider(sentence="This is our own entity ID.", field="entity_id")
    for certificate in provider.signing_certificates:
        read_certificate_text(certificate)
    if provider.encryption_certificate and not can_encrypt(provider.encryption_certificate):
        raise MalformedProvider(
            sentence="Assertions are encrypted for RSA keys only.", field="encryption_certificate"
        )
    return provider


def store_provider(
    row: ProviderRow, *, before: Mapping[str, str], author: Author, now: datetime, dry_run: bool = False
) -> tuple[FieldChange, ...]:
    """The row is in its table, and each value that changed is on record; a change of nothing writes nothing.

    `before` is what `values_of` said of the row as it was stored, empty for a new one.
    Refuses likewise, and an entity ID that is taken.
    """
    note_certificates(row, check_row(row))
    if row.pk is None and ProviderRow.objects.filter(entity_id=row.entity_id).exists():
        raise MalformedProvider(
            sentence="A service provider of this entity ID is there already.", field="entity_id"
        )
    changes = differences(before, values_of(row))
    if changes and not dry_run:
        with transaction.atomic():
            row.save()
            _record("changed" if before else "added", row, changes, author=author, now=now)
    return changes


def remove_provider(row: ProviderRow, *, author: Author, now: datetime) -> None:
    """The row is gone, and the record tells what it said; the persistent names of people there are kept."""
    with transaction.atomic():
        _record("removed", row, differences(values_of(row), {}), author=author, now=now)
        row.delete()


def fill_row(row: ProviderRow, provider: ServiceProvider) -> ProviderRow:
    """The row says what this value says; its note and the source of its metadata stay."""
    for name, value in fields_of(provider).items():
        setattr(row, name, value)
    return row


def values_of(row: ProviderRow) -> dict[str, str]:
    """What the row says, field by field, in words; also of a row that cannot be read as a provider."""
    return {name: _text(getattr(row, name)) for name in (*AGREED_FIELDS, *KEPT_FIELDS)}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """Every field that says something else."""
    names = sorted(before.keys() | after.keys())
    pairs = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(FieldChange(name, old, new) for name, old, new in pairs if old != new)


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        # The database keeps the keys of an entry in an order of its own.
        return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)


def _record(
    kind: str, row: ProviderRow, changes: tuple[FieldChange, ...], *, author: Author, now: datetime
) -> None:
    details: dict[str, str | int | bool | None] = {"kind": kind, "entity_id": row.entity_id, "name": row.name}
    for change in changes:
        details |= {
            f"{change.field}:old": change.before[:LONGEST_VALUE],
            f"{change.field}:new": change.after[:LONGEST_VALUE],
        }
    write_event(
        AuditEvent.SERVICE_PROVIDER_CHANGED,
        at=now,
        origin=author.origin,
        account_key=author.account_key,
        person=author.person,
        details=details,
    )
