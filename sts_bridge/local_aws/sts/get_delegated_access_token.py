"""`GetDelegatedAccessToken`: a trade-in token, which somebody's approval has made, against credentials of a role."""

import hmac
from datetime import datetime, timedelta
from http import HTTPStatus

from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.callers import role_caller
from sts_bridge.local_aws.errors import AwsError, access_denied
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sts.answers import credentials_member, report
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.world.model import Delegation

_SESSION = "delegated"
_LASTS = timedelta(hours=1)


def get_delegated_access_token(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give credentials for an hour at most; refuses a token that is over, and one that nobody has made."""
    caller = sts_caller(call, "GetDelegatedAccessToken", realm=realm, now=now)
    check = Validator(call.parameters)
    text = check.text("TradeInToken", shortest=1, longest=20_000, secret=True)
    check.refuse_problems()
    context = caller_context(call, caller, realm, now)
    authorize(Attempt(caller, "sts:GetDelegatedAccessToken", "*", context), realm)
    delegation = _find(text, realm)
    if delegation.ends_at <= now:
        raise AwsError(
            "ExpiredTradeInTokenException",
            "The trade-in token provided in the request has expired.",
            status=HTTPStatus.BAD_REQUEST,
            reason="sts.trade_in.expired",
        )
    session = role_caller(
        realm.world.roles[delegation.role_arn],
        _SESSION,
        issued_at=now,
        ends_at=min(now + _LASTS, delegation.ends_at),
        chained=True,
    )
    credentials = realm.vault.issue(session)
    report(call, "GetDelegatedAccessToken", session, credentials, by=caller.arn)
    return {"Credentials": credentials_member(session, credentials), "AssumedPrincipal": session.arn}


def _find(text: str, realm: Realm) -> Delegation:
    for known in realm.world.delegations:
        if hmac.compare_digest(known.token.encode(), text.encode()):
            return known
    raise access_denied("sts.trade_in.unknown", "The trade-in token is not valid.")
