"""A token of a person or a workload → credentials, on the road `web-identity`; a renewal is the same again."""

from datetime import datetime

from idp.domain.origin import Origin
from idp.services.web_identity import TokenPreview, TokenRequest, offer_by_token, preview_by_token
from sts_bridge.domain.session_policy import SessionPolicy, session_policy
from sts_bridge.services.issue_credentials import IssuedCredentials
from sts_bridge.services.redeem import take_by_token


def exchange_token(asked: TokenRequest, *, origin: Origin, now: datetime) -> IssuedCredentials:
    """Temporary credentials of this role for whom the token stands, recorded and audited before they leave.

    Refuses and is Unavailable as `offer_by_token` and `take_by_token` are.
    """
    offer, narrowing = offer_by_token(asked, origin=origin, now=now)
    credentials = take_by_token(offer=offer, token=asked.token, narrowing=narrowing, origin=origin, now=now)
    return IssuedCredentials(credentials, offer.entitlement, offer.access_number)


def preview_exchange(
    asked: TokenRequest, *, origin: Origin, now: datetime
) -> tuple[TokenPreview, SessionPolicy]:
    """What the same exchange would give, and the policy that would narrow it; AWS is not asked, nothing is given."""
    preview = preview_by_token(asked, origin=origin, now=now)
    return preview, session_policy(preview.narrowing, role=preview.entitlement.role)
