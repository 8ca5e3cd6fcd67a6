"""Signed-in person and role → statement → credentials: the short way, in one verb."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.domain.access_session import AccessKind
from idp.domain.assertion import NewIds
from idp.domain.entitlements import Entitlement
from idp.domain.origin import Origin
from idp.services.access_sessions import Person
from idp.services.issue_assertion import issue_assertion
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.services.redeem import redeem


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """The credentials, and by what right they were given."""

    credentials: TemporaryCredentials
    entitlement: Entitlement


def issue_credentials(
    *,
    person: Person,
    account: str,
    role_name: str,
    duration: timedelta | None,
    origin: Origin,
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> IssuedCredentials:
    """Temporary credentials of this role for this person, recorded and audited before they leave.

    Refuses and is Unavailable as `issue_assertion` and `redeem` are.
    """
    statement = issue_assertion(
        person=person,
        account=account,
        role_name=role_name,
        kind=AccessKind.CREDENTIALS,
        region=None,
        destination=None,
        duration=duration,
        origin=origin,
        signed_in_at=signed_in_at,
        now=now,
        ids=ids,
    )
    return IssuedCredentials(redeem(statement=statement, origin=origin, now=now), statement.entitlement)
