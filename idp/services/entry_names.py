"""Names that come from people's own entries: at one service each is one person's, until an operator releases it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from idp.domain.errors import Unavailable
from idp.domain.events import AuditEvent
from idp.domain.groups import fold_widely
from idp.domain.name_id import NameIdTaken
from idp.models import EntryNameId
from idp.models.compiled import CompiledQuery
from idp.services.audit import write_event
from idp.services.provider_changes import Author, FieldChange

holder = CompiledQuery(
    # Two filters, because one would be put into the order of the alphabet.
    lambda: EntryNameId.objects.filter(entity_id="").filter(value_sha256="").values_list("account_key")
)


def claim_entry_name(value: str, *, entity_id: str, account_key: str, now: datetime) -> None:
    """At this service nobody else is called so, in any spelling that a service may take for the same.

    Joins the running transaction. Refuses with NameIdTaken where the name is somebody else's: a shared
    mailbox, or an address that was given again.
    """
    digest = digest_of(value)
    found = holder.row(entity_id, digest)
    if found is None:
        row = EntryNameId(
            entity_id=entity_id, value_sha256=digest, value=value, account_key=account_key, created_at=now
        )
        with transaction.atomic():
            # Of two first visits at once one has the name.
            EntryNameId.objects.bulk_create([row], ignore_conflicts=True)
            found = holder.row(entity_id, digest)
    if found is None:
        raise Unavailable(f"no holder of a name at {entity_id} could be told")
    if found[0] != account_key:
        raise NameIdTaken(f"the name at {entity_id} is that of {found[0]}")


def check_entry_name(value: str, *, entity_id: str, account_key: str) -> None:
    """Refuse with NameIdTaken a name that is somebody else's at this service; nobody is given it by that."""
    found = holder.row(entity_id, digest_of(value))
    if found is not None and found[0] != account_key:
        raise NameIdTaken(f"the name at {entity_id} is that of {found[0]}")


def held_entry_name(values: Sequence[str], *, entity_id: str, account_key: str) -> str:
    """Which of these values the account is called by at this service, the one given last; nothing if by none."""
    spelt = {digest_of(value): value for value in values}
    rows = EntryNameId.objects.filter(
        entity_id=entity_id, account_key=account_key, value_sha256__in=list(spelt)
    )
    digests = rows.order_by("-created_at", "-pk").values_list("value_sha256", flat=True)
    return next((spelt[digest] for digest in digests), "")


def release_entry_name(
    entity_id: str, value: str, *, author: Author, now: datetime, dry_run: bool
) -> tuple[FieldChange, ...]:
    """The next person whose entry gives this name may have it at this service; that is recorded."""
    rows = EntryNameId.objects.filter(entity_id=entity_id, value_sha256=digest_of(value))
    with transaction.atomic():
        changes = tuple(FieldChange("name identifier", f"{row.value}: {row.account_key}", "") for row in rows)
        if changes and not dry_run:
            rows.delete()
            write_event(
                AuditEvent.SERVICE_PROVIDER_CHANGED,
                at=now,
                origin=author.origin,
                account_key=author.account_key,
                person=author.person,
                details={"change": "name released", "entity_id": entity_id, "held": changes[0].before[:300]},
            )
    return changes


def digest_of(value: str) -> str:
    """What the name is found by, however it is spelt: unequal here is unequal at every service."""
    return hashlib.sha256(fold_widely(value).encode()).hexdigest()
