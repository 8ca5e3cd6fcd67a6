"""The world file as a whole: read, checked, and made into a world, or refused with file, line and reason."""

import base64
import binascii
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sts_bridge.local_aws.arns import PARTITIONS
from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.world.model import World, read_text
from sts_bridge.local_aws.world.nodes import Node, line_of, parse
from sts_bridge.local_aws.world.people import read_role, read_users
from sts_bridge.local_aws.world.providers import read_oidc_provider, read_provider
from sts_bridge.local_aws.world.things import (
    read_account,
    read_delegation,
    read_managed_policies,
    read_organization,
)

# Of the European sovereign partition no audience is documented; a world may name another one.
AUDIENCES: Final = {
    "aws": "urn:amazon:webservices",
    "aws-cn": "urn:amazon:webservices:cn-north-1",
    "aws-us-gov": "urn:amazon:webservices:govcloud",
    "aws-eusc": "urn:amazon:webservices",
}

_KEY_BYTES = 32
_LONGEST_SKEW = 300
_PACES = range(1, 100_000 + 1)
_KEYS = (
    "sealing_key", "sign_in_urls", "audience", "clock_skew_seconds", "strict_replay", "accounts",
    "saml_providers", "oidc_providers", "roles", "users", "managed_policies", "console_url",
    "disabled_regions", "organization", "delegations",
    "requests_per_second",
)  # fmt: skip


def load_world(path: Path, *, strict_replay: bool = False) -> World:
    """Give the world that a file describes; refuses nonsense with WorldError, naming file and line."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as problem:
        raise WorldError(f"the world file {path} cannot be read: {problem}") from problem
    try:
        return _read_world(parse(text), path.parent, strict_replay=strict_replay)
    except WorldError as problem:
        line = problem.line or line_of(text, problem.at)
        raise WorldError(f"the world file {path}, line {line}: {problem}") from problem


def _read_world(document: Node, folder: Path, *, strict_replay: bool) -> World:
    document.hold_to(_KEYS)
    accounts = {}
    for entry in document.objects("accounts", required=True):
        account = read_account(entry)
        if (account.partition, account.id) in accounts:
            raise entry.refuse(f"account {account.id} stands here twice", "id")
        accounts[account.partition, account.id] = account
    providers = {}
    for entry in document.objects("saml_providers", required=True):
        provider = read_provider(entry, folder, accounts)
        providers[provider.arn.text] = provider
    issuers = {}
    for entry in document.objects("oidc_providers"):
        issuer = read_oidc_provider(entry, folder, accounts)
        issuers[issuer.arn.text] = issuer
    managed = read_managed_policies(document)
    roles = {}
    for entry in document.objects("roles", required=True):
        role = read_role(entry, accounts, managed)
        roles[role.arn.text] = role
    users, keys = read_users(document, accounts, managed)
    return World(
        sealing_key=_read_sealing_key(document),
        sign_in_urls=_read_sign_in_urls(document),
        audiences=_read_audiences(document),
        skew=timedelta(seconds=document.integer("clock_skew_seconds", 60, range(_LONGEST_SKEW + 1))),
        strict_replay=document.flag("strict_replay") or strict_replay,
        console_url=_read_console_url(document),
        disabled_regions=frozenset(document.texts("disabled_regions")),
        requests_per_second=_read_pace(document),
        organization=read_organization(document, accounts),
        accounts=accounts,
        providers=providers,
        oidc_providers=issuers,
        roles=roles,
        users=users,
        access_keys=keys,
        managed_policies=managed,
        delegations=tuple(read_delegation(entry, roles) for entry in document.objects("delegations")),
    )


def _read_sealing_key(document: Node) -> bytes:
    try:
        key = base64.b64decode(str(document.value.get("sealing_key")), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise document.refuse("sealing_key must be the base64 of 32 random bytes", "sealing_key")
    return key


def _read_sign_in_urls(document: Node) -> frozenset[str]:
    value = document.value.get("sign_in_urls")
    if not isinstance(value, list) or not value:
        raise document.refuse("sign_in_urls must be a list of addresses", "sign_in_urls")
    return frozenset(_read_url(document, url, "sign_in_urls", at) for at, url in enumerate(value))


def _read_console_url(document: Node) -> str | None:
    if "console_url" not in document.value:
        return None
    return _read_url(document, document.value["console_url"], "console_url")


def _read_url(document: Node, value: object, *where: str | int) -> str:
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.netloc and not parts.fragment:
            return value
    raise document.refuse(f"{where[0]} must hold absolute http or https addresses, not {value!r}", *where)


def _read_pace(document: Node) -> int | None:
    if "requests_per_second" not in document.value:
        return None
    return document.integer("requests_per_second", 0, _PACES)


def _read_audiences(document: Node) -> dict[str, str]:
    value = document.value.get("audience", {})
    if not isinstance(value, dict) or not value.keys() <= set(PARTITIONS):
        raise document.refuse(
            f"audience must map partitions ({', '.join(PARTITIONS)}) to entity IDs", "audience"
        )
    if not all(isinstance(name, str) and name for name in value.values()):
        raise document.refuse("audience must map partitions to entity IDs", "audience")
    return AUDIENCES | value
