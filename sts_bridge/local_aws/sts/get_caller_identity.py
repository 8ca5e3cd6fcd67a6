"""`GetCallerIdentity`: who holds these keys; needs no permission, and no policy can deny it."""

from datetime import datetime

from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sts.answers import report
from sts_bridge.local_aws.sts.gate import sts_caller


def get_caller_identity(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the members of the result; refuses a call that the holder of live credentials did not sign."""
    caller = sts_caller(call, "GetCallerIdentity", realm=realm, now=now)
    report(call, "GetCallerIdentity", caller)
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}
