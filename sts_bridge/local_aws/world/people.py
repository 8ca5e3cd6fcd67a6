"""Roles and users as the world file writes them: whom a role trusts, what either may do, and with which keys."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final

from sts_bridge.local_aws.arns import read_role_arn, read_user_arn
from sts_bridge.local_aws.policies.documents import Policy, read_trust_policy
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.world.model import AccessKey, Account, MfaDevice, Role, User
from sts_bridge.local_aws.world.nodes import Node
from sts_bridge.local_aws.world.things import read_document, read_moment

Accounts = Mapping[tuple[str, str], Account]
Managed = Mapping[str, Policy]

_ROLE_ID = re.compile(r"AROA[A-Z0-9]{4,124}", re.ASCII)
_USER_ID = re.compile(r"AIDA[A-Z0-9]{4,124}", re.ASCII)
_KEY_ID = re.compile(r"AKIA[A-Z2-7]{16}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9/+]{40}", re.ASCII)
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ROLE_SECONDS = range(3_600, 43_200 + 1)
_LONGEST_TRUST: Final = 4_096
_SHORTEST_SEED = 10
_ROLE_KEYS = (
    "arn", "role_id", "max_session_duration", "trust_policy", "description", "created_at", "tags", "policies",
    "attached_policies", "last_used_at",
)  # fmt: skip
_USER_KEYS = ("arn", "user_id", "tags", "policies", "attached_policies", "access_keys", "mfa_devices")


def read_role(entry: Node, accounts: Accounts, managed: Managed) -> Role:
    """Give one role; refuses what IAM would not store."""
    entry.hold_to(_ROLE_KEYS)
    arn = read_role_arn(str(entry.value.get("arn")))
    if arn is None or arn.home not in accounts:
        raise entry.refuse(f"roles: {entry.value.get('arn')!r} is no role of a listed account", "arn")
    role_id = entry.value.get("role_id")
    if not isinstance(role_id, str) or not _ROLE_ID.fullmatch(role_id):
        raise entry.refuse(
            f"roles: {arn.text}: role_id must begin with AROA, in capitals and digits", "role_id"
        )
    document = entry.value.get("trust_policy")
    try:
        trust = read_trust_policy(document)
    except MalformedPolicy as problem:
        raise entry.refuse(f"roles: {arn.text}: the trust policy: {problem}", "trust_policy") from problem
    if len(json.dumps(document, separators=(",", ":"))) > _LONGEST_TRUST:
        raise entry.refuse(
            f"roles: {arn.text}: the trust policy is longer than {_LONGEST_TRUST} characters", "trust_policy"
        )
    inline = _read_inline(entry)
    return Role(
        arn=arn,
        role_id=role_id,
        longest_session=entry.integer("max_session_duration", 3_600, _ROLE_SECONDS),
        trust_document=document if isinstance(document, dict) else {},
        trust_policy=trust,
        description=entry.text("description", ""),
        created_at=read_moment(entry, "created_at"),
        last_used_at=read_moment(entry, "last_used_at") if "last_used_at" in entry.value else None,
        tags=entry.tags(),
        inline={name: json.dumps(entry.value["policies"][name]) for name in inline},
        attached=tuple(_read_attached(entry, managed).values()),
    )


def read_users(
    document: Node, accounts: Accounts, managed: Managed
) -> tuple[dict[str, User], dict[str, AccessKey]]:
    """Give the users and their long-term keys, each by its name."""
    users: dict[str, User] = {}
    keys: dict[str, AccessKey] = {}
    for entry in document.objects("users"):
        user = _read_user(entry, accounts, managed)
        users[user.arn.text] = user
        for node in entry.objects("access_keys"):
            key = _read_key(node, user)
            if key.id in keys:
                raise node.refuse(f"access key {key.id} stands here twice", "id")
            keys[key.id] = key
    return users, keys


def _read_user(entry: Node, accounts: Accounts, managed: Managed) -> User:
    entry.hold_to(_USER_KEYS)
    arn = read_user_arn(str(entry.value.get("arn")))
    if arn is None or arn.home not in accounts:
        raise entry.refuse(f"users: {entry.value.get('arn')!r} is no user of a listed account", "arn")
    user_id = arn.account if not arn.name else entry.text("user_id")
    if arn.name and not _USER_ID.fullmatch(user_id):
        raise entry.refuse(
            f"users: {arn.text}: user_id must begin with AIDA, in capitals and digits", "user_id"
        )
    return User(
        arn=arn,
        user_id=user_id,
        is_root=not arn.name,
        tags=entry.tags(),
        devices=tuple(map(_read_device, entry.objects("mfa_devices"))),
        policies=_read_inline(entry) | _read_attached(entry, managed),
    )


def _read_key(entry: Node, user: User) -> AccessKey:
    entry.hold_to(("id", "secret", "inactive"))
    number, secret = entry.text("id"), entry.text("secret")
    if not _KEY_ID.fullmatch(number):
        raise entry.refuse("an access key's id must be AKIA and sixteen of A-Z and 2-7", "id")
    if not _SECRET.fullmatch(secret):
        raise entry.refuse("an access key's secret must be forty signs of base64", "secret")
    return AccessKey(id=number, secret=secret, user=user, is_active=not entry.flag("inactive"))


def _read_device(entry: Node) -> MfaDevice:
    entry.hold_to(("serial", "seed"))
    try:
        seed = base64.b32decode(entry.text("seed"))
    except binascii.Error:
        seed = b""
    if len(seed) < _SHORTEST_SEED:
        raise entry.refuse("a device's seed must be the base32 of ten or more bytes", "seed")
    return MfaDevice(serial=entry.text("serial"), seed=seed)


def _read_inline(entry: Node) -> dict[str, Policy]:
    documents = entry.value.get("policies", {})
    if not isinstance(documents, dict) or not all(map(_POLICY_NAME.fullmatch, documents)):
        raise entry.refuse("policies must map names to documents", "policies")
    return {
        name: read_document(entry, content, name=name, at=("policies", name))
        for name, content in documents.items()
    }


def _read_attached(entry: Node, managed: Managed) -> dict[str, Policy]:
    names = entry.texts("attached_policies")
    for at, name in enumerate(names):
        if name not in managed:
            raise entry.refuse(f"{name} is no managed policy of this world", "attached_policies", at)
    return {name: managed[name] for name in names}
