"""The members that several results have in common."""

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.callers import Caller
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.session_terms import LARGEST_TOKEN
from sts_bridge.local_aws.tokens import Credentials


def credentials_member(caller: Caller, credentials: Credentials) -> dict[str, object]:
    """Give temporary keys with their end."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": caller.ends_at,
    }


def size_members(credentials: Credentials) -> dict[str, object]:
    """Give how large the token is, and how much of its room it takes."""
    size = len(credentials.session_token)
    return {
        "SessionTokenUtilization": min(100, size * 100 // LARGEST_TOKEN),
        "SessionTokenSize": size,
    }


def report(
    call: Call, operation: str, caller: Caller, credentials: Credentials | None = None, **more: str | None
) -> None:
    """Write down who was given what; never a secret."""
    journal.write_line(
        "accepted",
        operation=operation,
        request_id=call.request_id,
        role=caller.principal_arn,
        session=caller.name,
        access_key_id=credentials.access_key_id if credentials else None,
        **more,
    )
