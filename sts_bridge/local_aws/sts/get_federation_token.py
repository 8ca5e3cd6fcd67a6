"""`GetFederationToken`: keys for a person whom AWS does not know, narrowed by a session policy."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import (
    narrow,
    read_policies,
    read_seconds,
    read_smallest_token,
    read_tags,
)
from sts_bridge.local_aws.sts.answers import credentials_member, report, size_members
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.sts.get_session_token import DEFAULT, LONGEST, length_for
from sts_bridge.local_aws.validation import NAME, Validator


def get_federation_token(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the members of the result; without a session policy the keys may do nothing but say who they are."""
    caller = sts_caller(call, "GetFederationToken", realm=realm, now=now)
    check = Validator(call.parameters)
    name = check.text("Name", shortest=2, longest=32, pattern=NAME)
    seconds = read_seconds(check, largest=LONGEST, default=DEFAULT)
    smallest_token = read_smallest_token(check)
    policy, arns = read_policies(check)
    tags = read_tags(check)
    check.refuse_problems()
    narrowing = narrow(policy, arns, tags)
    arn = f"arn:{caller.partition}:sts::{caller.account}:federated-user/{name}"
    _authorize(call, caller, arn, seconds=seconds, tags=tags, realm=realm, now=now)
    session = Caller(
        kind=Kind.FEDERATED,
        partition=caller.partition,
        account=caller.account,
        arn=arn,
        user_id=f"{caller.account}:{name}",
        principal_arn=caller.principal_arn,
        name=name,
        issued_at=now,
        ends_at=(now + timedelta(seconds=length_for(caller, seconds))).replace(microsecond=0),
        tags=tags,
        session_policy=narrowing.policy,
        session_policy_arns=narrowing.policy_arns,
    )
    credentials = realm.vault.issue(session, smallest_token=smallest_token)
    report(call, "GetFederationToken", session, credentials)
    return {
        "Credentials": credentials_member(session, credentials),
        "FederatedUser": {"FederatedUserId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": narrowing.packed,
        **size_members(credentials),
    }


def _authorize(
    call: Call,
    caller: Caller,
    arn: str,
    *,
    seconds: int,
    tags: Mapping[str, str],
    realm: Realm,
    now: datetime,
) -> None:
    context = caller_context(call, caller, realm, now) | {"sts:durationseconds": (str(seconds),)}
    if tags:
        context["aws:tagkeys"] = tuple(tags)
        context |= {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()}
    actions = ["sts:GetFederationToken", *(["sts:TagSession"] if tags else [])]
    for action in actions:
        authorize(Attempt(caller, action, arn, context), realm)
