"""Person and chosen role → an access on offer, recorded: what the broker's roads ask before they go to AWS."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from idp.conf.directories import tag_sources_of
from idp.domain.access_session import AccessKind
from idp.domain.aws.attributes import session_tags
from idp.domain.aws.duration import GrantedDuration
from idp.domain.aws.role import Road
from idp.domain.aws.session_name import check_session_name
from idp.domain.entitlements import Entitlement
from idp.domain.errors import Refused
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.origin import Origin
from idp.models import User
from idp.models.compiled import insert_together
from idp.services.access_events import offered_event, write_refusal
from idp.services.access_sessions import access_row
from idp.services.grants import granted_role, identity_for_access, time_for

BROKER_ROADS = frozenset({Road.BROKER, Road.FEDERATION})
# Until AWS has answered the end is not known; an offer that nobody takes up is over after this and its length.
OFFERED_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OfferedAccess:
    """One access that AWS may be asked for: who, which role, how long, and what is said of the person."""

    entitlement: Entitlement
    granted: GrantedDuration
    access_number: UUID
    session_name: str
    tags: Mapping[str, str]
    account_key: str


def offer_access(
    *,
    person: User,
    account: str,
    role_name: str,
    kind: AccessKind,
    duration: timedelta | None,
    narrowing: str,
    origin: Origin,
    signed_in_at: datetime,
    now: datetime,
) -> OfferedAccess:
    """The access is on record as offered before anybody asks AWS for it.

    Refuses with RoleNotGranted if no rule gives the role now, and with AnotherRoad if a statement opens it;
    is Unavailable as `issue_assertion` is.
    """
    try:
        identity = identity_for_access(person, now=now)
        entitlement = granted_role(identity, account, role_name, roads=BROKER_ROADS, now=now)
        return write_offer(
            person=person,
            identity=identity,
            entitlement=entitlement,
            kind=kind,
            duration=duration,
            narrowing=narrowing,
            origin=origin,
            signed_in_at=signed_in_at,
            now=now,
        )
    except Refused as refusal:
        asked = f"{account}/{role_name}"
        write_refusal(AuditEvent.CREDENTIALS_REFUSED, person, asked, refusal, origin=origin, now=now)
        raise


def write_offer(
    *,
    person: User,
    identity: DirectoryIdentity,
    entitlement: Entitlement,
    kind: AccessKind,
    duration: timedelta | None,
    narrowing: str,
    origin: Origin,
    signed_in_at: datetime,
    now: datetime,
) -> OfferedAccess:
    """What was decided is on record as offered, with its audit row: both or neither; joins a running transaction."""
    granted = time_for(
        entitlement,
        console=kind is AccessKind.CONSOLE,
        request=duration,
        signed_in_at=signed_in_at,
        now=now,
    ).granted
    session_name = check_session_name(person.session_name or "")
    tags = session_tags(entitlement.role, identity.attributes, tag_sources_of(identity.directory))
    access = access_row(
        person=person,
        kind=kind,
        entitlement=entitlement,
        session_name=session_name,
        assertion_id=None,
        narrowing=narrowing,
        ends_at=now + OFFERED_FOR + granted.duration,
        origin=origin,
        now=now,
    )
    event = offered_event(
        AuditEvent.ACCESS_OFFERED,
        access,
        entitlement=entitlement,
        granted=granted,
        origin=origin,
        now=now,
        details={"road": access.road},
    )
    insert_together(access, event)
    return OfferedAccess(entitlement, granted, access.pk, session_name, dict(tags), person.account_key)
