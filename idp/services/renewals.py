"""Which accesses may be renewed without the password: for how long after the sign-in, and what never may."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from idp.conf.access import access_config
from idp.domain.access_session import AccessKind
from idp.domain.aws.arn import RoleArn
from idp.domain.errors import NotFound, Refused
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import AccessSession, User
from idp.services.access_events import write_refusal
from idp.services.audit import write_event

# As long as the sessions page shows it.
RENEWABLE_AFTER_ITS_END = timedelta(hours=24)


class RenewalRefused(Refused):
    """This access is not renewed: it was ended on purpose, or the policy asks for the password."""

    code = "renewal-refused"
    sentence = "This access was ended, so it is not renewed. Please start again from your roles."


@dataclass(frozen=True, slots=True)
class RenewableAccess:
    """What is renewed: the role, and what of it had been given up."""

    number: UUID
    role: RoleArn
    narrowing: str


def renewable_access(
    person: User, number: UUID, *, signed_in_at: datetime, origin: Origin, now: datetime
) -> RenewableAccess:
    """The access as it may be renewed now; that the role is still this person's is asked when it is issued.

    Refuses one that is not theirs or long over, one that somebody has asked to end, and where the sign-in is older
    than the policy allows.
    """
    rows = AccessSession.objects.select_related("ending_due")
    row = rows.filter(pk=number, user=person, kind=AccessKind.CREDENTIALS.value).first()
    if row is None or row.ends_at + RENEWABLE_AFTER_ITS_END <= now:
        raise NotFound(f"access {number} is not one that {person.account_key} may renew")
    refusal = None
    if hasattr(row, "ending_due"):
        refusal = RenewalRefused(f"access {number} was to end since {row.ending_due.due_since:%H:%M:%S}")
    elif signed_in_at + access_config().renewable_for <= now:
        refusal = RenewalRefused(
            f"signed in at {signed_in_at:%Y-%m-%d %H:%M:%S}",
            sentence="Your sign-in is too old to renew this access. Please sign out, sign in and start again.",
        )
    if refusal is not None:
        write_refusal(
            AuditEvent.CREDENTIALS_REFUSED,
            person,
            row.role_arn,
            refusal,
            origin=origin,
            now=now,
            details={"access": str(number)},
        )
        raise refusal
    return RenewableAccess(row.pk, RoleArn.parse(row.role_arn), row.narrowing)


def note_renewed(
    person: User, access: RenewableAccess, *, renewed_as: UUID, origin: Origin, now: datetime
) -> None:
    """The audit ties the new access to the one that it continues."""
    write_event(
        AuditEvent.ACCESS_RENEWED,
        at=now,
        origin=origin,
        account_key=person.account_key,
        person=person.username,
        role_arn=str(access.role),
        details={"access": str(access.number), "renewed_as": str(renewed_as)},
    )
