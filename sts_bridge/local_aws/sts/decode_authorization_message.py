"""`DecodeAuthorizationMessage`: why something was refused, for whoever may know it."""

from datetime import datetime

from sts_bridge.local_aws.authorization import AUTHORIZATION_MESSAGE, Attempt, authorize, caller_context
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sts.answers import report
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.validation import Validator


def decode_authorization_message(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the explanation as JSON; refuses a message that is not ours, or another account's."""
    caller = sts_caller(call, "DecodeAuthorizationMessage", realm=realm, now=now)
    check = Validator(call.parameters)
    encoded = check.text("EncodedMessage", shortest=1, longest=10_240, secret=True)
    check.refuse_problems()
    context = caller_context(call, caller, realm, now)
    authorize(Attempt(caller, "sts:DecodeAuthorizationMessage", "*", context), realm)
    opened = realm.vault.open(AUTHORIZATION_MESSAGE, encoded)
    if opened is None or opened["account"] != caller.account:
        raise AwsError(
            "InvalidAuthorizationMessageException",
            "Invalid authorization message.",
            reason="sts.authorization_message",
        )
    report(call, "DecodeAuthorizationMessage", caller)
    return {"DecodedMessage": opened["message"]}
