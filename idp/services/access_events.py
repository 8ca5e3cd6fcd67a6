"""What the audit tells of an access, in one form for every road: offered, refused, handed out, ended."""

from collections.abc import Mapping
from datetime import datetime

from idp.domain.aws.duration import GrantedDuration
from idp.domain.entitlements import Entitlement
from idp.domain.errors import Refused
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import AccessSession, AuditRecord, User
from idp.services.audit import event_row, write_event

LONGEST_CAUSE = 300

Details = Mapping[str, str | int | bool | None]


def offered_event(
    event: AuditEvent,
    access: AccessSession,
    *,
    entitlement: Entitlement,
    granted: GrantedDuration,
    origin: Origin,
    now: datetime,
    details: Details,
) -> AuditRecord:
    """Who may take what, by which rule and group, and for how long: a row that is not written yet."""
    return event_row(
        event,
        at=now,
        origin=origin,
        account_key=access.user.account_key,
        person=access.user.username,
        role_arn=access.role_arn,
        details=dict(details)
        | {
            "kind": access.kind,
            "access": str(access.pk),
            "session_name": access.session_name,
            "rule": entitlement.ground.rule.number,
            "group": entitlement.ground.group_dn,
            "seconds": granted.seconds,
            "limited_by": granted.limit.value,
            "narrowing": access.narrowing,
            "client": origin.client,
        },
    )


def write_refusal(
    event: AuditEvent,
    person: User,
    role_arn: str,
    refusal: Refused,
    *,
    origin: Origin,
    now: datetime,
    details: Details | None = None,
) -> None:
    """Who was refused what, and the private cause: a row of its own, after the rollback of what was refused."""
    write_event(
        event,
        at=now,
        origin=origin,
        account_key=person.account_key,
        person=person.username,
        role_arn=role_arn,
        reason=refusal.code,
        details={**(details or {}), "cause": refusal.cause[:LONGEST_CAUSE]},
    )


def write_of_access(
    event: AuditEvent,
    access: AccessSession,
    *,
    now: datetime,
    details: Details,
    origin: Origin | None = None,
    reason: str = "",
) -> None:
    """What has become of an access that is on record."""
    write_event(
        event,
        at=now,
        origin=origin,
        account_key=access.user.account_key,
        person=access.user.username,
        role_arn=access.role_arn,
        reason=reason,
        details={"access": str(access.pk), **details},
    )
