"""Accounts, the organization they may belong to, and the managed policies, as the world file writes them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sts_bridge.local_aws.arns import PARTITIONS
from sts_bridge.local_aws.policies.documents import Policy, read_permissions
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.world.managed import DOCUMENTS
from sts_bridge.local_aws.world.model import Account, Delegation, Organization, Role
from sts_bridge.local_aws.world.nodes import Node

STATES: Final = ("PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED")
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]", re.ASCII)
_ACCOUNT_KEYS = ("id", "alias", "partition", "name", "email", "state", "joined_at", "outbound_web_identity")
_ORGANIZATION_KEYS = ("id", "management_account", "delegated_accounts", "empty_pages")
_ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)


def read_account(entry: Node) -> Account:
    """Give one account; its name and address are made up where they are left out."""
    entry.hold_to(_ACCOUNT_KEYS)
    number, alias = entry.value.get("id"), entry.value.get("alias")
    if not isinstance(number, str) or not _ACCOUNT.fullmatch(number):
        raise entry.refuse(f"an account's id must be twelve digits, not {number!r}", "id")
    if alias is not None and not (isinstance(alias, str) and _ALIAS.fullmatch(alias)):
        raise entry.refuse(f"account {number}: {alias!r} is no account alias", "alias")
    partition, state = entry.text("partition", "aws"), entry.text("state", "ACTIVE")
    if partition not in PARTITIONS:
        raise entry.refuse(f"account {number}: partition must be one of {', '.join(PARTITIONS)}", "partition")
    if state not in STATES:
        raise entry.refuse(f"account {number}: state must be one of {', '.join(STATES)}", "state")
    return Account(
        id=number,
        alias=alias,
        partition=partition,
        name=entry.text("name", alias or number),
        email=entry.text("email", f"aws+{number}@example.test"),
        state=state,
        joined_at=read_moment(entry, "joined_at"),
        outbound_web_identity=entry.flag("outbound_web_identity"),
    )


def read_moment(entry: Node, name: str) -> datetime:
    """Give an instant with its zone; one that is left out was long ago."""
    text = entry.text(name, LONG_AGO.isoformat())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused below like every instant without a zone
    if moment.tzinfo is None:
        raise entry.refuse(f"{name} must be an instant such as 2026-01-31T12:00:00Z", name)
    return moment.astimezone(UTC)


def read_organization(document: Node, accounts: Mapping[tuple[str, str], Account]) -> Organization | None:
    """Give the organization and who may ask for its accounts, or nothing where there is none."""
    if "organization" not in document.value:
        return None
    value = document.value["organization"]
    if not isinstance(value, dict):
        raise document.refuse("organization must be an object", "organization")
    entry = Node(value, (*document.path, "organization"))
    entry.hold_to(_ORGANIZATION_KEYS)
    if not _ORGANIZATION_ID.fullmatch(entry.text("id")):
        raise entry.refuse("an organization's id must be o- and ten or more small letters and digits", "id")
    manager, delegated = entry.text("management_account"), entry.texts("delegated_accounts")
    known = {number for _, number in accounts}
    if unknown := sorted({manager, *delegated} - known):
        raise entry.refuse(f"{unknown[0]} is no listed account")
    return Organization(
        id=entry.text("id"),
        management_account=manager,
        delegated_accounts=delegated,
        empty_pages=entry.flag("empty_pages"),
    )


def read_delegation(entry: Node, roles: Mapping[str, Role]) -> Delegation:
    """Give one approved delegation of a listed role."""
    entry.hold_to(("trade_in_token", "role", "ends_at"))
    role = entry.text("role")
    if role not in roles:
        raise entry.refuse(f"delegations: {role!r} is no listed role", "role")
    token, ends_at = entry.text("trade_in_token"), read_moment(entry, "ends_at")
    return Delegation(token=token, role_arn=role, ends_at=ends_at)


def read_managed_policies(document: Node) -> dict[str, Policy]:
    """Give AWS's own managed policies of every partition, and those that the file adds by their names."""
    policies = {
        f"arn:{partition}:iam::aws:policy/{name}": read_permissions(content, name=name)
        for partition in PARTITIONS
        for name, content in DOCUMENTS.items()
    }
    added = document.value.get("managed_policies", {})
    if not isinstance(added, dict):
        raise document.refuse("managed_policies must map names (ARNs) to documents", "managed_policies")
    for arn, content in added.items():
        policies[arn] = read_document(document, content, name=arn, at=("managed_policies", arn))
    return policies


def read_document(entry: Node, content: object, *, name: str, at: tuple[str | int, ...]) -> Policy:
    """Give a policy that stands in the file; what IAM would not store is refused with its place."""
    try:
        return read_permissions(content, name=name)
    except MalformedPolicy as problem:
        raise entry.refuse(f"policy {name}: {problem}", *at) from problem
