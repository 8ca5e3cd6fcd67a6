"""What AWS is asked for an access on offer, by its road; recorded with the end that AWS gave before it leaves."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import Road
from idp.domain.aws.session_name import short_session_name
from idp.domain.errors import Refused, Unavailable
from idp.domain.origin import Origin
from idp.services.access_sessions import activate_access, withdraw_access
from idp.services.endings import AccessEnds
from idp.services.issue_assertion import IssuedStatement
from idp.services.offer_access import OfferedAccess
from sts_bridge.aws.sts import (
    SessionWish,
    assume_role,
    assume_role_with_saml,
    assume_role_with_web_identity,
    get_federation_token,
)
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import BrokerUnknown
from sts_bridge.domain.session_policy import WHOLE_ROLE, session_policy
from sts_bridge.services.health import CLOCK_TOLERANCE
from sts_bridge.services.regions import in_some_region

LONGEST_FEDERATED_NAME = 32

logger = logging.getLogger("drawbridge.bridge")


def redeem(
    *, statement: IssuedStatement, narrowing: Narrowing, origin: Origin, now: datetime
) -> TemporaryCredentials:
    """The credentials for this statement; the access is in force on record until the end that STS gave.

    Refuses where STS refuses and is Unavailable where STS is; then the access is over on record and the
    audit tells why, on its own.
    """
    role = statement.entitlement.role

    def ask(region: str, config: BridgeConfig) -> TemporaryCredentials:
        return assume_role_with_saml(
            role=role.arn,
            provider=role.provider,
            statement=statement.saml_response,
            duration=statement.granted.duration,
            policy=session_policy(narrowing, role=role),
            region=region,
            config=config,
        )

    return _recorded(
        lambda: in_some_region(role.arn.partition, ask),
        statement.access_number,
        origin=origin,
        now=now,
    )


def take_by_broker(
    *, offer: OfferedAccess, narrowing: Narrowing, origin: Origin, now: datetime
) -> TemporaryCredentials:
    """The credentials that the broker takes for this person; recorded, refused and unavailable likewise."""
    role = offer.entitlement.role

    def ask(region: str, config: BridgeConfig) -> TemporaryCredentials:
        policy = session_policy(narrowing, role=role)
        wish = SessionWish(
            name=offer.session_name,
            duration=offer.granted.duration,
            policy=policy,
            external_id=role.external_id,
            source_identity=offer.session_name if role.source_identity else "",
            tags=offer.tags,
            transitive_tags=role.transitive_tags,
        )
        if role.road is Road.FEDERATION:
            return _federation_token(offer, wish, region, config)
        if not role.external_id:
            raise BrokerUnknown(f"account {role.arn.account} has no ExternalId: save it once in the admin")
        began_at = time.monotonic()
        hub = _hub_credentials(offer, region, config)
        # The person waits for both together.
        left = config.shortened(time.monotonic() - began_at) if hub is not None else config
        return assume_role(role=role.arn, wish=wish, by=hub, region=region, config=left)

    return _recorded(
        lambda: in_some_region(role.arn.partition, ask), offer.access_number, origin=origin, now=now
    )


def take_by_token(
    *, offer: OfferedAccess, token: str, narrowing: Narrowing, origin: Origin, now: datetime
) -> TemporaryCredentials:
    """The credentials for this token; recorded, refused and unavailable likewise."""
    role = offer.entitlement.role

    def ask(region: str, config: BridgeConfig) -> TemporaryCredentials:
        policy = session_policy(narrowing, role=role)
        wish = SessionWish(name=offer.session_name, duration=offer.granted.duration, policy=policy)
        return assume_role_with_web_identity(
            role=role.arn, token=token, wish=wish, region=region, config=config
        )

    return _recorded(
        lambda: in_some_region(role.arn.partition, ask), offer.access_number, origin=origin, now=now
    )


def _hub_credentials(offer: OfferedAccess, region: str, config: BridgeConfig) -> TemporaryCredentials | None:
    """The account's hub, taken in this person's name so that CloudTrail tells who; None where there is no hub."""
    hub = offer.entitlement.role.hub
    if hub is None:
        return None
    wish = SessionWish(
        name=offer.session_name,
        duration=offer.granted.duration,
        policy=WHOLE_ROLE,
    )
    return assume_role(role=hub, wish=wish, by=None, region=region, config=config)


def _federation_token(
    offer: OfferedAccess, wish: SessionWish, region: str, config: BridgeConfig
) -> TemporaryCredentials:
    role = offer.entitlement.role
    name = short_session_name(
        offer.session_name, account_key=offer.account_key, longest=LONGEST_FEDERATED_NAME
    )
    credentials = get_federation_token(
        partition=role.arn.partition,
        wish=SessionWish(name=name, duration=wish.duration, policy=wish.policy, tags=wish.tags),
        region=region,
        config=config,
    )
    # A federated user lives in the broker's own account: elsewhere the rules would have given another account.
    if not credentials.assumed_role.startswith(f"arn:{role.arn.partition}:sts::{role.arn.account}:"):
        raise BrokerUnknown(f"the broker's user is not of account {role.arn.account}")
    return credentials


def _recorded(
    ask: Callable[[], TemporaryCredentials], number: UUID, *, origin: Origin, now: datetime
) -> TemporaryCredentials:
    began_at = time.monotonic()
    try:
        credentials = ask()
    except (Refused, Unavailable) as error:
        withdraw_access(number, reason=error.code, cause=error.cause, origin=origin, now=now)
        logger.warning(
            "credentials.refused",
            extra={"facts": {"access": str(number), "code": error.code, "cause": error.cause}},
        )
        raise
    apart = credentials.issued_at - (now + timedelta(seconds=time.monotonic() - began_at))
    if abs(apart) > CLOCK_TOLERANCE:
        logger.warning("aws.clock.apart", extra={"facts": {"seconds": round(apart.total_seconds())}})
    try:
        activate_access(
            number,
            ends_at=credentials.expires_at,
            access_key_id=credentials.access_key_id,
            issued_at=credentials.issued_at,
            packed_percent=credentials.packed_percent,
            origin=origin,
            now=now,
        )
    except AccessEnds as refusal:
        withdraw_access(number, reason=refusal.code, cause=refusal.cause, origin=origin, now=now)
        raise
    return credentials
