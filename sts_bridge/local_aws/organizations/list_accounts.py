"""`ListAccounts`: the accounts of the organization, for whoever manages it."""

import json
from datetime import datetime
from typing import Any, Final

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.callers import Caller
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.signature_v4 import authenticate
from sts_bridge.local_aws.world.model import Account, Organization

_PURPOSE = "accounts"
_MOST: Final = 20
# The older member knows fewer states.
_STATUSES: Final = {
    "PENDING_ACTIVATION": "ACTIVE",
    "ACTIVE": "ACTIVE",
    "SUSPENDED": "SUSPENDED",
    "PENDING_CLOSURE": "PENDING_CLOSURE",
    "CLOSED": "SUSPENDED",
}


def list_accounts(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give one page of accounts, and a token while more follow; a page may be empty and not the last.

    Refuses accounts that do not manage the organization, a token that is not ours, and pages larger than twenty.
    """
    caller = authenticate(call, realm=realm, service="organizations", now=now)
    wish = _read(call)
    organization = _organization_of(caller, realm)
    context = caller_context(call, caller, realm, now)
    authorize(Attempt(caller, "organizations:ListAccounts", "*", context), realm)
    begin, after_empty = _place(wish, realm)
    accounts = [account for account in realm.world.accounts.values() if account.partition == caller.partition]
    most = wish.get("MaxResults", _MOST)
    # AWS sends empty pages at times, and clients that stop there miss accounts.
    page = [] if organization.empty_pages and not after_empty else accounts[begin : begin + most]
    end = begin + len(page)
    answer: dict[str, object] = {"Accounts": [_member(account, organization) for account in page]}
    if end < len(accounts):
        answer["NextToken"] = realm.vault.seal(_PURPOSE, {"at": end, "empty": not page})
    journal.write_line(
        "accepted",
        operation="ListAccounts",
        request_id=call.request_id,
        role=caller.principal_arn,
        session=caller.name,
    )
    return answer


def _read(call: Call) -> dict[str, Any]:
    try:
        wish = json.loads(call.body or b"{}")
    except (RecursionError, ValueError) as problem:
        raise AwsError(
            "SerializationException", "The body is no JSON.", reason="organizations.json"
        ) from problem
    if not isinstance(wish, dict):
        raise AwsError("SerializationException", "The body is no JSON object.", reason="organizations.json")
    most, token = wish.get("MaxResults", _MOST), wish.get("NextToken", "x")
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= _MOST:
        raise _invalid_input("MaxResults must be from 1 to 20.", "organizations.max_results")
    if not isinstance(token, str):
        raise _invalid_input("NextToken must be a text.", "organizations.token")
    return wish


def _organization_of(caller: Caller, realm: Realm) -> Organization:
    organization = realm.world.organization
    if organization is None:
        raise AwsError(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
            reason="organizations.none",
        )
    if caller.account not in {organization.management_account, *organization.delegated_accounts}:
        raise AwsError(
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
            reason="organizations.account",
        )
    return organization


def _place(wish: dict[str, Any], realm: Realm) -> tuple[int, bool]:
    """Give where the page begins, and whether the last one was an empty one."""
    if wish.get("NextToken") is None:
        return 0, True
    mark = realm.vault.open(_PURPOSE, wish["NextToken"])
    if mark is None:
        raise _invalid_input("You provided an invalid NextToken.", "organizations.token")
    return int(mark["at"]), bool(mark["empty"])


def _member(account: Account, organization: Organization) -> dict[str, object]:
    return {
        "Id": account.id,
        "Arn": (
            f"arn:{account.partition}:organizations::{organization.management_account}:account/"
            f"{organization.id}/{account.id}"
        ),
        "Email": account.email,
        "Name": account.name,
        "Status": _STATUSES[account.state],
        "State": account.state,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": account.joined_at.timestamp(),
        "Paths": [f"{organization.id}/r-root/{account.id}/"],
    }


def _invalid_input(message: str, reason: str) -> AwsError:
    return AwsError("InvalidInputException", message, reason=reason)
