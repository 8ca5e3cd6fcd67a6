"""`ListAccountAliases`: the one alias of the caller's account, or none."""

from datetime import datetime

from sts_bridge.local_aws.iam.gate import allow, iam_caller
from sts_bridge.local_aws.iam.paging import read_page
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.validation import Validator


def list_account_aliases(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give a list of one or none, which is always the last page."""
    caller = iam_caller(call, realm=realm, now=now)
    check = Validator(call.parameters, "iam")
    read_page(check)
    check.refuse_problems()
    allow(call, caller, "ListAccountAliases", "*", realm=realm, now=now)
    account = realm.world.accounts.get((caller.partition, caller.account))
    alias = account.alias if account else None
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}
