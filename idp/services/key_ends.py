"""The ends of certificates, told in time to replace them: 60, 30, 7 and 1 days before, each once."""

from datetime import datetime

from idp.domain.events import AuditEvent
from idp.models import AuditRecord
from idp.saml.key_rollover import published_keys
from idp.services.audit import write_event
from idp.services.keys import folder_of

WARNED_DAYS = (60, 30, 7, 1)


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
