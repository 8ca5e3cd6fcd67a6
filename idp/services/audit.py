"""Write one event: it joins the running transaction, so that what happened and its record are one."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import AuditRecord
from idp.models.compiled import insert_row
from idp.services.counters import count_event

LONGEST_DETAIL = 4_000
NOWHERE = Origin(address="", reference="")


def write_event(
    event: AuditEvent,
    *,
    at: datetime,
    origin: Origin | None = None,
    account_key: str = "",
    person: str = "",
    role_arn: str = "",
    reason: str = "",
    details: Mapping[str, str | int | bool | None] | None = None,
) -> None:
    """The event is recorded when the running transaction commits; `reason` is a machine's word, never a secret."""
    insert_row(
        event_row(
            event,
            at=at,
            origin=origin,
            account_key=account_key,
            person=person,
            role_arn=role_arn,
            reason=reason,
            details=details,
        )
    )


def event_row(
    event: AuditEvent,
    *,
    at: datetime,
    origin: Origin | None = None,
    account_key: str = "",
    person: str = "",
    role_arn: str = "",
    reason: str = "",
    details: Mapping[str, str | int | bool | None] | None = None,
) -> AuditRecord:
    """The event as a row that is not written yet, for those who write it together with what it tells of.

    Texts from outside are cut to what the table holds: a hostile length must not lose the record.
    """
    came_from = origin or NOWHERE
    row = AuditRecord(
        at=at,
        event=event.value,
        account_key=storable(account_key, 255),
        person=storable(person, 255),
        address=came_from.address[:45],
        reference=came_from.reference[:40],
        role_arn=storable(role_arn, 640),
        reason=storable(reason, 200),
        details={name: _storable_value(value) for name, value in (details or {}).items()},
    )
    # Counted once it is on record: a replay, or what is taken back, writes none.
    row.when_written = partial(count_event, event)
    return row


def storable(text: str, length: int) -> str:
    """The text cut to this length; PostgreSQL stores neither NUL nor lone surrogates."""
    return text[:length].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _storable_value(value: str | int | bool | None) -> str | int | bool | None:  # noqa: FBT001 - a value of any kind
    return storable(value, LONGEST_DETAIL) if isinstance(value, str) else value
