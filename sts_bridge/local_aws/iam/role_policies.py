"""The inline policies of a role: `PutRolePolicy`, `GetRolePolicy`, `ListRolePolicies`, `DeleteRolePolicy`.

A policy counts from the next call on, for sessions that were opened before it too: that is how sessions are ended.
"""

import json
from datetime import datetime
from typing import Final

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.iam.gate import ROLE_NAME, limit_exceeded, named_role, no_such_entity
from sts_bridge.local_aws.iam.paging import cut, read_page
from sts_bridge.local_aws.iam.roles import document_text
from sts_bridge.local_aws.policies.documents import read_permissions
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.policies.lawful import refuse_unlawful
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.world.model import RESERVED_ROLE, Role

_LONGEST_TOGETHER: Final = 10_240
_DOCUMENT_TEXT = "[\u0009\u000a\u000d\u0020-\u00ff]+"
_SERVICE_PATH = "/aws-service-role/"


def put_role_policy(call: Call, *, realm: Realm, now: datetime) -> None:
    """The policy stands in the role, in place of one of the same name.

    Refuses what is no policy, roles that belong to AWS, and more text than a role has room for.
    """
    check = Validator(call.parameters, "iam")
    name = _read_name(check)
    document = check.text("PolicyDocument", shortest=1, longest=131_072, pattern=_DOCUMENT_TEXT)
    role = named_role(call, "PutRolePolicy", check, realm=realm, now=now)
    _refuse_unmodifiable(role)
    try:
        content = json.loads(document)
        read_permissions(content, name=name)
        refuse_unlawful(content)
    except (MalformedPolicy, RecursionError, ValueError) as problem:
        told = str(problem) if isinstance(problem, MalformedPolicy) else "This policy contains invalid Json"
        raise AwsError("MalformedPolicyDocument", told, reason="iam.policy.malformed") from problem
    with realm.state.writing():
        documents = realm.role_documents(role.arn.text) | {name: document}
        if sum(len("".join(text.split())) for text in documents.values()) > _LONGEST_TOGETHER:
            raise limit_exceeded(
                f"Maximum policy size of {_LONGEST_TOGETHER} bytes exceeded for role {role.arn.name}",
                "iam.policy.too_large",
            )
        realm.write_role_policy(role.arn.text, name, document)


def get_role_policy(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give one policy as it was written."""
    check = Validator(call.parameters, "iam")
    name = _read_name(check)
    role = named_role(call, "GetRolePolicy", check, realm=realm, now=now)
    document = realm.role_documents(role.arn.text).get(name)
    if document is None:
        raise _unknown(name)
    return {"RoleName": role.arn.name, "PolicyName": name, "PolicyDocument": document_text(document)}


def list_role_policies(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the names of the role's inline policies."""
    check = Validator(call.parameters, "iam")
    page = read_page(check)
    role = named_role(call, "ListRolePolicies", check, realm=realm, now=now)
    names = sorted(realm.role_documents(role.arn.text))
    found, more = cut(names, page, of=f"policies {role.arn.text}", vault=realm.vault)
    return {"PolicyNames": list(found), **more}


def delete_role_policy(call: Call, *, realm: Realm, now: datetime) -> None:
    """The role has no policy of this name; refuses where it had none before."""
    check = Validator(call.parameters, "iam")
    name = _read_name(check)
    role = named_role(call, "DeleteRolePolicy", check, realm=realm, now=now)
    _refuse_unmodifiable(role)
    with realm.state.writing():
        if name not in realm.role_documents(role.arn.text):
            raise _unknown(name)
        realm.write_role_policy(role.arn.text, name, None)


def _read_name(check: Validator) -> str:
    return check.text("PolicyName", shortest=1, longest=128, pattern=ROLE_NAME)


def _unknown(name: str) -> AwsError:
    return no_such_entity(f"The role policy with name {name} cannot be found.", "iam.policy.unknown")


def _refuse_unmodifiable(role: Role) -> None:
    if role.arn.name.startswith(RESERVED_ROLE) or role.arn.path.startswith(_SERVICE_PATH):
        raise AwsError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.arn.name}' - "
            "this role is only modifiable by AWS",
            reason="iam.role.protected",
        )
