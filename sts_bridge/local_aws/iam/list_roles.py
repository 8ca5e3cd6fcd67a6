"""`ListRoles`: the roles of the caller's account, page by page."""

from datetime import datetime

from sts_bridge.local_aws.iam.gate import allow, iam_caller
from sts_bridge.local_aws.iam.paging import cut, read_page
from sts_bridge.local_aws.iam.roles import role_member
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.validation import Validator

_PATH_PREFIX = "/[\u0021-\u007f]*"


def list_roles(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the roles below a path, in the order of their names."""
    caller = iam_caller(call, realm=realm, now=now)
    check = Validator(call.parameters, "iam")
    prefix = check.optional("PathPrefix", shortest=1, longest=512, pattern=_PATH_PREFIX) or "/"
    page = read_page(check)
    check.refuse_problems()
    resource = f"arn:{caller.partition}:iam::{caller.account}:role{prefix}"
    allow(call, caller, "ListRoles", resource, realm=realm, now=now)
    found = sorted(
        (
            role
            for role in realm.world.roles.values()
            if role.arn.home == (caller.partition, caller.account) and role.arn.path.startswith(prefix)
        ),
        key=lambda role: role.arn.name,
    )
    roles, more = cut(found, page, of=f"roles {resource}", vault=realm.vault)
    return {"Roles": list(map(role_member, roles)), **more}
