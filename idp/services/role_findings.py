"""How AWS differs from what is registered: kept as it was last seen, for the admin and for whoever asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from idp.domain.events import AuditEvent
from idp.models import Account, AccountCheck, RoleFinding
from idp.services.audit import write_event

LONGEST_DETAIL = 500
ACCOUNT_NOT_READ = "account-not-read"


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One difference as it is kept."""

    kind: str
    account: str
    role_arn: str
    detail: str


def store_findings(
    scope: str, rows: Iterable[FindingRow], *, now: datetime, keep_others: bool = False
) -> None:
    """What was seen of this account, or of the organization where the scope is empty, replaces what was known.

    With `keep_others` only what could not be read is replaced: what was known of the account stays.
    """
    found = list(rows)
    with transaction.atomic():
        known = RoleFinding.objects.filter(scope=scope)
        (known.filter(kind=ACCOUNT_NOT_READ) if keep_others else known).delete()
        RoleFinding.objects.bulk_create(
            [
                RoleFinding(
                    scope=scope,
                    kind=row.kind,
                    account=row.account,
                    role_arn=row.role_arn,
                    detail=row.detail[:LONGEST_DETAIL],
                    found_at=now,
                )
                for row in found
            ]
        )
        if scope:
            AccountCheck.objects.update_or_create(account=scope, defaults={"checked_at": now})
        write_event(AuditEvent.ROLES_CHECKED, at=now, details={"account": scope, "findings": len(found)})


def accounts_to_check(*, before: datetime) -> list[str]:
    """The registered accounts that were last looked at before this moment, or never, the longest waiting first."""
    seen = dict(AccountCheck.objects.values_list("account", "checked_at"))
    numbers = Account.objects.values_list("number", flat=True)
    waiting = [number for number in numbers if number not in seen or seen[number] < before]
    return sorted(waiting, key=lambda number: (number in seen, seen.get(number, before), number))
