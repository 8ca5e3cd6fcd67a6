"""A token of a person or a workload → credentials, on the road `web-identity`; a renewal is the same again."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from idp.domain.origin import Origin
from idp.services.web_identity import TokenPreview, offer_by_token, preview_by_token
from sts_bridge.domain.session_policy import SessionPolicy, session_policy
from sts_bridge.services.issue_credentials import IssuedCredentials
from sts_bridge.services.redeem import take_by_token


def exchange_token(
    *,
    token: str,
    account: str,
    role_name: str,
    duration: timedelta | None,
    given_up: Mapping[str, str],
    origin: Origin,
    now: datetime,
) -> IssuedCredentials:
    """Temporary credentials of this role for whom the token stands, recorded and audited before they leave.

    `given_up` narrows the session: reading only, one region, one source address.

    Refuses and is Unavailable as `offer_by_token` and `take_by_token` are.
    """
    offer, narrowing = offer_by_token(
        token=token,
        account=account,
        role_name=role_name,
        duration=duration,
        given_up=given_up,
        origin=origin,
        now=now,
    )
    credentials = take_by_token(offer=offer, token=token, narrowing=narrowing, origin=origin, now=now)
    return IssuedCredentials(credentials, offer.entitlement, offer.access_number)


def preview_exchange(
    *,
    token: str,
    account: str,
    role_name: str,
    duration: timedelta | None,
    given_up: Mapping[str, str],
    origin: Origin,
    now: datetime,
) -> tuple[TokenPreview, SessionPolicy]:
    """What the same exchange would give, and the policy that would narrow it; AWS is not asked, nothing is given."""
    preview = preview_by_token(
        token=token,
        account=account,
        role_name=role_name,
        duration=duration,
        given_up=given_up,
        origin=origin,
        now=now,
    )
    return preview, session_policy(preview.narrowing, role=preview.entitlement.role)
