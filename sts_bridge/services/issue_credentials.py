"""Signed-in person and role → credentials, by the road that the role is registered with: one verb for all."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.domain.access_session import AccessKind
from idp.domain.assertion import NewIds
from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import Road
from idp.domain.entitlements import Entitlement
from idp.domain.origin import Origin
from idp.services.access_sessions import Person
from idp.services.grants import road_of
from idp.services.issue_assertion import issue_assertion
from idp.services.offer_access import offer_access
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.services.redeem import redeem, take_by_broker


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """The credentials, by what right they were given, and under which number they are on record."""

    credentials: TemporaryCredentials
    entitlement: Entitlement
    access_number: UUID


def issue_credentials(
    *,
    person: Person,
    account: str,
    role_name: str,
    kind: AccessKind = AccessKind.CREDENTIALS,
    narrowing: Narrowing,
    origin: Origin,
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> IssuedCredentials:
    """Temporary credentials of this role for this person, recorded and audited before they leave.

    Refuses and is Unavailable as `issue_assertion`, `offer_access` and `redeem` are.
    """
    road = road_of(account, role_name)
    if road is Road.SAML:
        statement = issue_assertion(
            person=person,
            account=account,
            role_name=role_name,
            kind=kind,
            region=None,
            destination=None,
            duration=narrowing.duration,
            narrowing=narrowing.line(),
            origin=origin,
            signed_in_at=signed_in_at,
            now=now,
            ids=ids,
        )
        credentials = redeem(statement=statement, narrowing=narrowing, origin=origin, now=now)
        return IssuedCredentials(credentials, statement.entitlement, statement.access_number)
    offer = offer_access(
        person=person,
        account=account,
        role_name=role_name,
        kind=kind,
        duration=narrowing.duration,
        narrowing=narrowing.line(),
        origin=origin,
        signed_in_at=signed_in_at,
        now=now,
    )
    credentials = take_by_broker(offer=offer, narrowing=narrowing, origin=origin, now=now)
    return IssuedCredentials(credentials, offer.entitlement, offer.access_number)
