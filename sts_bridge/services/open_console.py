"""Signed-in person and role → a console address made from credentials, by AWS's federation endpoint."""

from datetime import datetime

from idp.domain.access_session import AccessKind
from idp.domain.assertion import NewIds
from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import CLICKED_ROADS, AnotherRoad, Road
from idp.domain.aws.signin import check_destination, federation_endpoint
from idp.domain.errors import Refused, Unavailable
from idp.domain.origin import Origin
from idp.services.access_sessions import Person, record_refused_console
from idp.services.grants import granted_role, identity_for_access
from sts_bridge.aws.federation import console_address
from sts_bridge.conf import bridge_config
from sts_bridge.domain.credentials import Secret
from sts_bridge.services.issue_credentials import issue_credentials

SESSION_ENDED = "/session-ended/"


def open_console(
    *,
    person: Person,
    account: str,
    role_name: str,
    narrowing: Narrowing,
    destination: str | None,
    region: str | None,
    origin: Origin,
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> Secret:
    """An address that opens the console as this role until its credentials end; it works once, for 15 minutes.

    Refuses with AnotherRoad a role that a posted statement opens, unless the session is narrowed: session
    policies cannot travel in such a post. Otherwise refuses and is Unavailable as `issue_credentials` is.
    """
    config = bridge_config()
    # Whoever has not the role hears that first, as on every other road.
    identity = identity_for_access(person, now=now)
    role = granted_role(identity, account, role_name, roads=CLICKED_ROADS, now=now).role
    if role.road is Road.SAML and not narrowing:
        raise AnotherRoad(f"{role.arn} is opened by a statement")
    endpoint = federation_endpoint(role.arn.partition, region=region, stand_in=config.stand_in)
    page = endpoint.console
    if destination is not None:
        page = check_destination(destination, partition=endpoint.partition, stand_in=config.stand_in)
    issued = issue_credentials(
        person=person,
        account=account,
        role_name=role_name,
        kind=AccessKind.CONSOLE,
        narrowing=narrowing,
        origin=origin,
        signed_in_at=signed_in_at,
        now=now,
        ids=ids,
    )
    try:
        return console_address(
            issued.credentials,
            endpoint=endpoint.address,
            destination=page,
            issuer=f"{config.base_url}{SESSION_ENDED}",
            config=config,
        )
    except (Refused, Unavailable) as error:
        record_refused_console(
            issued.access_number, reason=error.code, cause=error.cause, origin=origin, now=now
        )
        raise
