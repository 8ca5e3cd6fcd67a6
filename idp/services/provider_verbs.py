"""What operators do with service providers, one verb each; every change is checked first and has its audit row."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.aws.signin import PARTITIONS
from idp.domain.provider_kind import ProviderKind
from idp.domain.ready_made import aws_iam
from idp.domain.service_provider import MalformedProvider, ServiceProvider
from idp.models import ServiceProvider as ProviderRow
from idp.services.provider_changes import (
    Author,
    FieldChange,
    differences,
    fill_row,
    held_row_of,
    remove_provider,
    row_of,
    store_provider,
    values_of,
)
from idp.services.provider_metadata import (
    MetadataSource,
    apply_metadata,
    held_row,
    metadata_of,
    new_row,
    source_of,
)
from idp.services.provider_terms import Terms, acs_of_texts, with_terms
from idp.services.service_provider_rows import provider_of_row


def add_from_metadata(
    source: MetadataSource,
    terms: Terms,
    *,
    entity_id: str,
    kind: ProviderKind | None,
    author: Author,
    now: datetime,
    dry_run: bool,
) -> tuple[FieldChange, ...]:
    """A provider as its metadata describes it, under these terms, switched off."""
    row = new_row(source, now=now, entity_id=entity_id, kind=kind)
    fill_row(row, with_terms(provider_of_row(row), terms))
    return store_provider(row, before={}, author=author, now=now, dry_run=dry_run)


def add_by_hand(
    entity_id: str, terms: Terms, *, author: Author, now: datetime, dry_run: bool
) -> tuple[FieldChange, ...]:
    """A provider from its addresses, under these terms, switched off; refuses one without an address."""
    if not terms.acs:
        raise MalformedProvider(sentence="A provider needs an address that takes responses.", field="acs")
    bare = ServiceProvider(
        entity_id=entity_id, name=(terms.name or entity_id)[:100], acs=acs_of_texts(terms.acs), enabled=False
    )
    row = fill_row(ProviderRow(), with_terms(bare, terms))
    return store_provider(row, before={}, author=author, now=now, dry_run=dry_run)


def add_ready_made(
    partition: str, regions: tuple[str, ...], *, author: Author, now: datetime, dry_run: bool
) -> tuple[FieldChange, ...]:
    """AWS IAM of this partition, switched on: who gets a role there say accounts, roles and rules."""
    documented = PARTITIONS[partition].audience if partition in PARTITIONS else ""
    audience = saml_config().audiences.get(partition, documented)
    row = fill_row(ProviderRow(), aws_iam(partition=partition, audience=audience, regions=regions))
    return store_provider(row, before={}, author=author, now=now, dry_run=dry_run)


def change(
    entity_id: str, terms: Terms, *, author: Author, now: datetime, dry_run: bool
) -> tuple[FieldChange, ...]:
    """The provider stands under these terms; what they do not name stays as it was agreed."""
    return _changed(entity_id, lambda provider: with_terms(provider, terms), author, now, dry_run=dry_run)


def switch(
    entity_id: str, *, enabled: bool, author: Author, now: datetime, dry_run: bool
) -> tuple[FieldChange, ...]:
    """The provider is served from the next click on, or is not."""
    return _changed(
        entity_id, lambda provider: replace(provider, enabled=enabled), author, now, dry_run=dry_run
    )


def refresh_now(entity_id: str, *, author: Author, now: datetime, dry_run: bool) -> tuple[FieldChange, ...]:
    """The provider's metadata has been read again; refuses one that has no address, and metadata not believed."""
    row = row_of(entity_id)
    if not row.metadata_url:
        raise MalformedProvider(sentence="This provider's metadata has no address.", field="metadata_url")
    metadata = metadata_of(source_of(row), now=now, entity_id=entity_id)
    with transaction.atomic():
        row = held_row(row)
        before = values_of(row)
        apply_metadata(row, metadata, now=now)
        changes = store_provider(row, before=before, author=author, now=now, dry_run=dry_run)
        if not changes and not dry_run:
            row.save()
    return changes


def remove(entity_id: str, *, author: Author, now: datetime, dry_run: bool) -> tuple[FieldChange, ...]:
    """The provider is gone; the persistent names that people have there stay, for the day it comes back."""
    with transaction.atomic():
        row = held_row_of(entity_id)
        changes = differences(values_of(row), {})
        if not dry_run:
            remove_provider(row, author=author, now=now)
    return changes


def _changed(
    entity_id: str,
    make: Callable[[ServiceProvider], ServiceProvider],
    author: Author,
    now: datetime,
    *,
    dry_run: bool,
) -> tuple[FieldChange, ...]:
    with transaction.atomic():
        row = held_row_of(entity_id)
        before = values_of(row)
        fill_row(row, make(provider_of_row(row)))
        return store_provider(row, before=before, author=author, now=now, dry_run=dry_run)
