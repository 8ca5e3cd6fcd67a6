"""Who calls an operation of IAM, and whether such credentials may call IAM at all."""

from datetime import datetime
from http import HTTPStatus

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.signature_v4 import authenticate
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.world.model import Role

ROLE_NAME = r"[\w+=,.@-]+"


def iam_caller(call: Call, *, realm: Realm, now: datetime) -> Caller:
    """Give who signed the call; refuses federated users, and users' sessions without a second factor."""
    caller = authenticate(call, realm=realm, service="iam", now=now)
    if caller.kind is Kind.FEDERATED or (caller.kind is Kind.USER_SESSION and caller.mfa_at is None):
        raise AwsError(
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
            status=HTTPStatus.FORBIDDEN,
            reason="iam.kind",
        )
    return caller


def allow(
    call: Call,
    caller: Caller,
    action: str,
    resource: str,
    *,
    realm: Realm,
    now: datetime,
    role: Role | None = None,
) -> None:
    """Let the caller do this, and write it down; refuses what the caller's policies do not allow."""
    context = caller_context(call, caller, realm, now) | {"aws:resourceaccount": (caller.account,)}
    for key, value in (role.tags if role else {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = context[f"iam:resourcetag/{key.lower()}"] = (value,)
    authorize(Attempt(caller, f"iam:{action}", resource, context), realm)
    journal.write_line(
        "accepted",
        operation=action,
        request_id=call.request_id,
        role=caller.principal_arn,
        session=caller.name,
        resource=resource,
    )


def named_role(call: Call, action: str, check: Validator, *, realm: Realm, now: datetime) -> Role:
    """Give the role that a call names, once the caller may do this to it; refuses one that does not exist.

    Whoever may not is told so first, and learns nothing of which roles there are.
    """
    caller = iam_caller(call, realm=realm, now=now)
    name = check.text("RoleName", shortest=1, longest=64, pattern=ROLE_NAME)
    check.refuse_problems()
    role = realm.role_named(caller.partition, caller.account, name)
    resource = role.arn.text if role else f"arn:{caller.partition}:iam::{caller.account}:role/{name}"
    allow(call, caller, action, resource, realm=realm, now=now, role=role)
    if role is None:
        raise no_such_entity(f"The role with name {name} cannot be found.", "iam.role.unknown")
    return role


def no_such_entity(message: str, reason: str) -> AwsError:
    """Give the refusal of something that is not there."""
    return AwsError("NoSuchEntity", message, status=HTTPStatus.NOT_FOUND, reason=reason)


def limit_exceeded(message: str, reason: str) -> AwsError:
    """Give the refusal of more than there is room for."""
    return AwsError("LimitExceeded", message, status=HTTPStatus.CONFLICT, reason=reason)


def invalid_input(message: str, reason: str) -> AwsError:
    """Give the refusal of what IAM cannot make sense of."""
    return AwsError("InvalidInput", message, reason=reason)
