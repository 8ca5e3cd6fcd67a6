"""What a click would give, told before it: for how long and by which limit, and which policy would narrow it."""

from dataclasses import dataclass
from datetime import datetime

from idp.domain.aws.duration import HonestTime
from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import CLICKED_ROADS
from idp.domain.aws.signin import sign_in_endpoint
from idp.domain.entitlements import Entitlement
from idp.services.access_sessions import Person
from idp.services.grants import granted_role, identity_for_access, time_for
from sts_bridge.conf import bridge_config
from sts_bridge.domain.session_policy import SessionPolicy, session_policy


@dataclass(frozen=True, slots=True)
class SessionPreview:
    """The role, the time of each kind of session, the policy, and where a form for the console may lead."""

    entitlement: Entitlement
    console: HonestTime
    credentials: HonestTime
    policy: SessionPolicy
    form_action: tuple[str, ...]


def preview_session(
    *,
    person: Person,
    account: str,
    role_name: str,
    narrowing: Narrowing,
    signed_in_at: datetime,
    now: datetime,
) -> SessionPreview:
    """What this person would get; nothing is recorded, and AWS is not asked. Refuses as the click would."""
    identity = identity_for_access(person, now=now)
    entitlement = granted_role(identity, account, role_name, roads=CLICKED_ROADS, now=now)
    console, credentials = (
        time_for(entitlement, console=console, request=narrowing.duration, signed_in_at=signed_in_at, now=now)
        for console in (True, False)
    )
    partition, stand_in = entitlement.role.arn.partition, bridge_config().stand_in
    endpoint = sign_in_endpoint(partition=partition, region=None, stand_in=stand_in, audiences={})
    return SessionPreview(
        entitlement,
        console,
        credentials,
        session_policy(narrowing, role=entitlement.role),
        endpoint.form_action,
    )


def partition_of(*, person: Person, account: str, role_name: str, now: datetime) -> str:
    """The partition of a role that this person has; refuses with RoleNotGranted if they have it not."""
    identity = identity_for_access(person, now=now)
    return granted_role(identity, account, role_name, roads=CLICKED_ROADS, now=now).role.arn.partition
