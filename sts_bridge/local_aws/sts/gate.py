"""Who calls an operation of STS, and whether such credentials may call it at all."""

from datetime import datetime
from http import HTTPStatus
from typing import Final

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.errors import AwsError, access_denied
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.signature_v4 import authenticate, signed_region

# IAM User Guide, "Compare AWS STS credentials".
_MAY_CALL: Final = {
    "AssumeRole": {Kind.LONG_TERM, Kind.ROLE, Kind.USER_SESSION},
    "AssumeRoot": {Kind.LONG_TERM, Kind.ROLE},
    "GetCallerIdentity": set(Kind),
    "GetFederationToken": {Kind.LONG_TERM},
    "GetSessionToken": {Kind.LONG_TERM},
    "GetAccessKeyInfo": {Kind.LONG_TERM, Kind.ROLE},
    "DecodeAuthorizationMessage": {Kind.LONG_TERM, Kind.ROLE},
    "GetDelegatedAccessToken": {Kind.LONG_TERM, Kind.ROLE},
    "GetWebIdentityToken": {Kind.LONG_TERM, Kind.ROLE},
}


def sts_caller(call: Call, operation: str, *, realm: Realm, now: datetime) -> Caller:
    """Give who signed the call; refuses credentials that may not call this operation, whatever policies say."""
    caller = authenticate(call, realm=realm, service="sts", now=now)
    refuse_disabled_region(signed_region(call), realm)
    if caller.kind not in _MAY_CALL[operation]:
        raise access_denied(f"sts.kind.{operation}", f"Cannot call {operation} with session credentials")
    return caller


def refuse_disabled_region(region: str | None, realm: Realm) -> None:
    """Refuse a region in which the world has switched STS off."""
    if region in realm.world.disabled_regions:
        raise AwsError(
            "RegionDisabledException",
            f"STS is not activated in this region for account. Region: {region}",
            status=HTTPStatus.FORBIDDEN,
            reason="sts.region.disabled",
        )
