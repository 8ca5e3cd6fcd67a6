"""Accesses in AWS that must end before their time: each said once, for whoever can end it there."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from idp.domain.events import AuditEvent
from idp.models import AccessSession, EndingDue, User
from idp.services.audit import write_event


def demand_endings(person: User, *, reason: str, now: datetime, roles: Collection[str] | None = None) -> int:
    """Every access that this person holds now, or holds in these roles, is due to be ended, and audited once.

    What is due already stays as it was; tells how many are new.
    """
    with transaction.atomic():
        held = AccessSession.objects.open_at(now).filter(user=person)
        if roles is not None:
            held = held.filter(role_arn__in=roles)
        # The lock decides between two who find the same access: the second sees what the first has done.
        locked = [row.pk for row in held.order_by("pk").select_for_update()]
        rows = list(AccessSession.objects.filter(pk__in=locked, ending_due__isnull=True))
        EndingDue.objects.bulk_create([EndingDue(access=row, reason=reason, due_since=now) for row in rows])
        for row in rows:
            write_event(
                AuditEvent.ENDING_DUE,
                at=now,
                account_key=person.account_key,
                person=person.username,
                role_arn=row.role_arn,
                reason=reason,
                details={"access": str(row.pk), "kind": row.kind, "ends_at": row.ends_at.isoformat()},
            )
    return len(rows)
