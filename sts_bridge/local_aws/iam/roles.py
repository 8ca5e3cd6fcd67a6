"""A role as the answers of IAM show it."""

import json
from urllib.parse import quote

from sts_bridge.local_aws.world.model import Role


def role_member(role: Role) -> dict[str, object]:
    """Give what a list of roles shows of one; tags and last use stand in GetRole only."""
    return {
        "Path": role.arn.path,
        "RoleName": role.arn.name,
        "RoleId": role.role_id,
        "Arn": role.arn.text,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": document_text(json.dumps(role.trust_document)),
        "Description": role.description or None,
        "MaxSessionDuration": role.longest_session,
    }


def document_text(document: str) -> str:
    """Give a policy as it travels: percent-encoded."""
    return quote(document, safe="")
