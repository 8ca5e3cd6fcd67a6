"""`GetSessionToken`: a user's own rights for a while, with a second factor on demand."""

from datetime import datetime, timedelta
from typing import Final

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import read_seconds, read_smallest_token
from sts_bridge.local_aws.sts.answers import credentials_member, report, size_members
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.sts.mfa import proven_at, read_factor
from sts_bridge.local_aws.validation import Validator

LONGEST: Final = 129_600
DEFAULT: Final = 43_200
LONGEST_OF_ROOT: Final = 3_600


def get_session_token(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the members of the result; the root user's session is cut to an hour without a word, as AWS does."""
    caller = sts_caller(call, "GetSessionToken", realm=realm, now=now)
    check = Validator(call.parameters)
    seconds = read_seconds(check, largest=LONGEST, default=DEFAULT)
    smallest_token = read_smallest_token(check)
    factor = read_factor(check)
    check.refuse_problems()
    mfa_at = proven_at(factor, caller, realm=realm, now=now)
    session = Caller(
        kind=Kind.USER_SESSION,
        partition=caller.partition,
        account=caller.account,
        arn=caller.arn,
        user_id=caller.user_id,
        principal_arn=caller.principal_arn,
        name=caller.name,
        issued_at=now,
        ends_at=(now + timedelta(seconds=length_for(caller, seconds))).replace(microsecond=0),
        mfa_at=mfa_at,
    )
    credentials = realm.vault.issue(session, smallest_token=smallest_token)
    report(call, "GetSessionToken", session, credentials)
    return {"Credentials": credentials_member(session, credentials), **size_members(credentials)}


def length_for(caller: Caller, seconds: int) -> int:
    """Give the length of a session that long-term keys open."""
    return min(seconds, LONGEST_OF_ROOT) if caller.is_root else seconds
