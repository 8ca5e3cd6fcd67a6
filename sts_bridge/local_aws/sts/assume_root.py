"""`AssumeRoot`: checked like any call, and then denied to everybody.

No organization of this AWS manages the root users of its accounts, and who may not is all that a federation meets.
"""

from datetime import datetime
from typing import NoReturn

from sts_bridge.local_aws.authorization import Attempt, caller_context, refusal
from sts_bridge.local_aws.policies.decisions import Decision
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import read_smallest_token
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.validation import ARN, Validator

_LONGEST_SECONDS = 900
_NOBODY = Decision(allowed=False, failures=("root access is not managed by an organization",))


def assume_root(call: Call, *, realm: Realm, now: datetime) -> NoReturn:
    """Refuses parameters outside their limits, and then with AccessDenied, whoever asks."""
    caller = sts_caller(call, "AssumeRoot", realm=realm, now=now)
    check = Validator(call.parameters)
    target = check.text("TargetPrincipal", shortest=12, longest=2_048)
    check.text("TaskPolicyArn.arn", shortest=20, longest=2_048, pattern=ARN)
    check.number("DurationSeconds", smallest=0, largest=_LONGEST_SECONDS, default=_LONGEST_SECONDS)
    read_smallest_token(check)
    check.refuse_problems()
    root = target if target.startswith("arn:") else f"arn:{caller.partition}:iam::{target}:root"
    attempt = Attempt(caller, "sts:AssumeRoot", root, caller_context(call, caller, realm, now))
    raise refusal(attempt, _NOBODY, realm.vault, side="")
