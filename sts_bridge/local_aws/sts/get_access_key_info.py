"""`GetAccessKeyInfo`: which account a key belongs to; a temporary one carries it in its name."""

from datetime import datetime

from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.errors import validation_error
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sts.answers import report
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.tokens import account_of_key
from sts_bridge.local_aws.validation import Validator


def get_access_key_info(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the account of a key, whether it is still in force or not; refuses what is no key of this world."""
    caller = sts_caller(call, "GetAccessKeyInfo", realm=realm, now=now)
    check = Validator(call.parameters)
    number = check.text("AccessKeyId", shortest=16, longest=128, pattern=r"[\w]*")
    check.refuse_problems()
    authorize(Attempt(caller, "sts:GetAccessKeyInfo", "*", caller_context(call, caller, realm, now)), realm)
    known = realm.world.access_keys.get(number)
    account = known.user.arn.account if known else None
    if known is None and number.startswith("ASIA"):
        account = account_of_key(number)
    if account not in {place for _, place in realm.world.accounts}:
        raise validation_error("Invalid access key.", "sts.key.unknown")
    report(call, "GetAccessKeyInfo", caller)
    return {"Account": account}
