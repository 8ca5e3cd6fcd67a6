"""`GetCallerIdentity`: who holds these keys; needs no permission, and no policy can deny it."""

from datetime import datetime

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.signature_v4 import authenticate
from sts_bridge.local_aws.tokens import Vault


def get_caller_identity(call: Call, *, vault: Vault, now: datetime) -> dict[str, object]:
    """Give the members of the result; refuses a call that the holder of a live session did not sign."""
    session = authenticate(call, vault=vault, service="sts", now=now)
    journal.write_line(
        "accepted",
        operation="GetCallerIdentity",
        request_id=call.request_id,
        role=session.role_arn,
        session=session.session_name,
    )
    return {"UserId": session.user_id, "Account": session.account, "Arn": session.arn}
