"""Statement and role → credentials, recorded with the end that STS gave before they leave."""

import logging
from datetime import datetime

from idp.domain.errors import Refused, Unavailable
from idp.domain.origin import Origin
from idp.services.access_sessions import activate_access, withdraw_access
from idp.services.issue_assertion import IssuedStatement
from sts_bridge.aws.sts import assume_role_with_saml
from sts_bridge.conf import bridge_config
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.regions import sts_region

logger = logging.getLogger("drawbridge.bridge")


def redeem(*, statement: IssuedStatement, origin: Origin, now: datetime) -> TemporaryCredentials:
    """The credentials for this statement; the access is in force on record until the end that STS gave.

    Refuses where STS refuses and is Unavailable where STS is; then the access is over on record and the
    audit tells why, on its own.
    """
    config, role = bridge_config(), statement.entitlement.role
    try:
        credentials = assume_role_with_saml(
            role=role.arn,
            provider=role.provider,
            statement=statement.saml_response,
            duration=statement.granted.duration,
            region=sts_region(role.arn.partition, preferred=config.sts_region),
            config=config,
        )
    except (Refused, Unavailable) as error:
        withdraw_access(statement.access_number, reason=error.code, cause=error.cause, origin=origin, now=now)
        logger.warning(
            "credentials.refused",
            extra={
                "facts": {"access": str(statement.access_number), "code": error.code, "cause": error.cause}
            },
        )
        raise
    activate_access(
        statement.access_number,
        ends_at=credentials.expires_at,
        access_key_id=credentials.access_key_id,
        origin=origin,
        now=now,
    )
    return credentials
