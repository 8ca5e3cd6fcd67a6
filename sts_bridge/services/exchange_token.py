"""A person's token of a configured issuer → credentials, on the road `web-identity`; a renewal is the same again."""

from datetime import datetime, timedelta

from idp.domain.origin import Origin
from idp.services.web_identity import offer_by_token
from sts_bridge.services.issue_credentials import IssuedCredentials
from sts_bridge.services.redeem import take_by_token


def exchange_token(
    *,
    token: str,
    account: str,
    role_name: str,
    duration: timedelta | None,
    origin: Origin,
    now: datetime,
) -> IssuedCredentials:
    """Temporary credentials of this role for whom the token stands, recorded and audited before they leave.

    Refuses and is Unavailable as `offer_by_token` and `take_by_token` are.
    """
    offer = offer_by_token(
        token=token, account=account, role_name=role_name, duration=duration, origin=origin, now=now
    )
    credentials = take_by_token(offer=offer, token=token, origin=origin, now=now)
    return IssuedCredentials(credentials, offer.entitlement, offer.access_number)
