"""`GetRole`: one role with its tags and its last use."""

from datetime import datetime

from sts_bridge.local_aws.iam.gate import named_role
from sts_bridge.local_aws.iam.roles import role_member
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.validation import Validator


def get_role(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give one role; a role that was never used has an empty last use."""
    role = named_role(call, "GetRole", Validator(call.parameters, "iam"), realm=realm, now=now)
    used = realm.last_use(role)
    tags = [{"Key": key, "Value": value} for key, value in role.tags.items()]
    return {
        "Role": {
            **role_member(role),
            "Tags": tags or None,
            "RoleLastUsed": {} if used is None else {"LastUsedDate": used[0], "Region": used[1]},
        }
    }
