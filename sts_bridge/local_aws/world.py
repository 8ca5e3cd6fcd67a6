"""The pretended AWS: accounts, SAML providers, roles and whom they trust, from one JSON file."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.arns import PARTITIONS, Arn, read_provider_arn, read_role_arn
from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.policies import TrustPolicy, read_trust_policy
from sts_bridge.local_aws.statements.metadata import LARGEST_METADATA, IdentityProvider, read_metadata
from sts_bridge.local_aws.tokens import KEY_BYTES

# Of the European sovereign partition no audience is documented; a world may name another one.
AUDIENCES: Final = {
    "aws": "urn:amazon:webservices",
    "aws-cn": "urn:amazon:webservices:cn-north-1",
    "aws-us-gov": "urn:amazon:webservices:govcloud",
    "aws-eusc": "urn:amazon:webservices",
}

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]", re.ASCII)
_ROLE_ID = re.compile(r"AROA[A-Z0-9]{4,124}", re.ASCII)
_LONGEST_SKEW = 300
_ROLE_SECONDS = range(3_600, 43_200 + 1)
_KEYS = {
    "sealing_key", "sign_in_urls", "audience", "clock_skew_seconds", "strict_replay", "accounts",
    "saml_providers", "roles", "console_url",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """One account; the alias is what people see."""

    id: str
    alias: str | None
    partition: str

    @property
    def title(self) -> str:
        """The account as AWS's pages write it."""
        return f"{self.alias} ({self.id})" if self.alias else self.id


@dataclass(frozen=True, slots=True)
class Role:
    """One role and whom it trusts."""

    arn: Arn
    role_id: str
    longest_session: int
    trust_policy: TrustPolicy


@dataclass(slots=True)
class SamlProvider:
    """One registered provider; its metadata file is read anew when it has changed."""

    arn: Arn
    identity: IdentityProvider
    file: Path | None = None
    _seen: tuple[int, int, int] | None = field(default=None, repr=False)

    def current(self) -> IdentityProvider:
        """Give what is registered now; a file that became unreadable leaves in force what was read before.

        IAM does the same: it refuses an update it cannot parse, and keeps the document it has.
        """
        if self.file is None:
            return self.identity
        try:
            stamp = _stamp(self.file)
            if stamp != self._seen:
                self._seen = stamp
                self.identity = read_metadata(_read_text(self.file))
                journal.write_line("metadata.read", provider=self.arn.text)
        except (OSError, ValueError, WorldError) as problem:
            journal.write_line("metadata.unreadable", provider=self.arn.text, reason=str(problem))
        return self.identity

    def mark_seen(self) -> None:
        """Remember the file as it was when the start read it."""
        if self.file is not None:
            self._seen = _stamp(self.file)


@dataclass(frozen=True, slots=True)
class World:
    """Everything that exists."""

    sealing_key: bytes = field(repr=False)
    sign_in_urls: frozenset[str]
    audiences: Mapping[str, str]
    skew: timedelta
    strict_replay: bool
    console_url: str | None
    accounts: Mapping[tuple[str, str], Account]
    providers: Mapping[str, SamlProvider]
    roles: Mapping[str, Role]


def load_world(path: Path, *, strict_replay: bool = False) -> World:
    """Give the world that a file describes; refuses nonsense with WorldError, naming the place."""
    try:
        document = json.loads(_read_text(path))
    except (OSError, ValueError) as problem:
        raise WorldError(f"the world file {path} cannot be read as JSON: {problem}") from problem
    if not isinstance(document, dict):
        raise WorldError(f"the world file {path} must hold one JSON object")
    if unknown := sorted(document.keys() - _KEYS):
        raise WorldError(f"the world file {path} has unknown keys: {', '.join(unknown)}")
    try:
        return _read_world(document, path.parent, strict_replay=strict_replay)
    except WorldError as problem:
        raise WorldError(f"the world file {path}: {problem}") from problem


def _read_world(document: dict[str, Any], folder: Path, *, strict_replay: bool) -> World:
    accounts = dict(_read_account(entry) for entry in _objects(document, "accounts"))
    providers = {}
    for entry in _objects(document, "saml_providers"):
        provider = _read_provider(entry, folder, accounts)
        providers[provider.arn.text] = provider
    roles = {}
    for entry in _objects(document, "roles"):
        role = _read_role(entry, accounts)
        roles[role.arn.text] = role
    strict = document.get("strict_replay", False)
    if not isinstance(strict, bool):
        raise WorldError("strict_replay must be true or false")
    return World(
        sealing_key=_read_sealing_key(document.get("sealing_key")),
        sign_in_urls=_read_sign_in_urls(document.get("sign_in_urls")),
        audiences=_read_audiences(document.get("audience", {})),
        skew=timedelta(seconds=_integer(document, "clock_skew_seconds", 60, range(_LONGEST_SKEW + 1))),
        strict_replay=strict or strict_replay,
        console_url=_read_url(document["console_url"], "console_url") if "console_url" in document else None,
        accounts=accounts,
        providers=providers,
        roles=roles,
    )


def _read_sealing_key(value: object) -> bytes:
    try:
        key = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise WorldError("sealing_key must be the base64 of 32 random bytes")
    return key


def _read_sign_in_urls(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise WorldError("sign_in_urls must be a list of addresses")
    return frozenset(_read_url(url, "sign_in_urls") for url in value)


def _read_url(value: object, where: str) -> str:
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.netloc and not parts.fragment:
            return value
    raise WorldError(f"{where} must hold absolute http or https addresses, not {value!r}")


def _read_audiences(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not value.keys() <= set(PARTITIONS):
        raise WorldError(f"audience must map partitions ({', '.join(PARTITIONS)}) to entity IDs")
    if not all(isinstance(name, str) and name for name in value.values()):
        raise WorldError("audience must map partitions to entity IDs")
    return AUDIENCES | value


def _read_account(entry: dict[str, Any]) -> tuple[tuple[str, str], Account]:
    number, alias, partition = entry.get("id"), entry.get("alias"), entry.get("partition", "aws")
    if not isinstance(number, str) or not _ACCOUNT.fullmatch(number):
        raise WorldError(f"an account's id must be twelve digits, not {number!r}")
    if alias is not None and not (isinstance(alias, str) and _ALIAS.fullmatch(alias)):
        raise WorldError(f"account {number}: {alias!r} is no account alias")
    if partition not in PARTITIONS:
        raise WorldError(f"account {number}: partition must be one of {', '.join(PARTITIONS)}")
    return (partition, number), Account(id=number, alias=alias, partition=partition)


def _read_provider(
    entry: dict[str, Any], folder: Path, accounts: Mapping[tuple[str, str], Account]
) -> SamlProvider:
    arn = read_provider_arn(str(entry.get("arn")))
    if arn is None or arn.home not in accounts:
        raise WorldError(f"saml_providers: {entry.get('arn')!r} is no SAML provider of a listed account")
    text, name = entry.get("metadata"), entry.get("metadata_file")
    if isinstance(text, str) == isinstance(name, str):
        raise WorldError(f"saml_providers: {arn.text} needs either metadata or metadata_file")
    try:
        if isinstance(text, str):
            return SamlProvider(arn=arn, identity=read_metadata(text))
        path = folder / str(name)
        provider = SamlProvider(arn=arn, identity=read_metadata(_read_text(path)), file=path)
        provider.mark_seen()
    except (OSError, ValueError, WorldError) as problem:
        raise WorldError(f"saml_providers: {arn.text}: {problem}") from problem
    return provider


def _read_role(entry: dict[str, Any], accounts: Mapping[tuple[str, str], Account]) -> Role:
    arn = read_role_arn(str(entry.get("arn")))
    if arn is None or arn.home not in accounts:
        raise WorldError(f"roles: {entry.get('arn')!r} is no role of a listed account")
    role_id = entry.get("role_id")
    if not isinstance(role_id, str) or not _ROLE_ID.fullmatch(role_id):
        raise WorldError(f"roles: {arn.text}: role_id must begin with AROA, in capitals and digits")
    try:
        return Role(
            arn=arn,
            role_id=role_id,
            longest_session=_integer(entry, "max_session_duration", 3_600, _ROLE_SECONDS),
            trust_policy=read_trust_policy(entry.get("trust_policy")),
        )
    except WorldError as problem:
        raise WorldError(f"roles: {arn.text}: {problem}") from problem


def _objects(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = document.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise WorldError(f"{name} must be a list of objects")
    return entries


def _integer(entry: dict[str, Any], name: str, default: int, allowed: range) -> int:
    value = entry.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise WorldError(f"{name} must be a whole number from {allowed[0]} to {allowed[-1]}")
    return value


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        text = file.read(LARGEST_METADATA + 1)
    if len(text) > LARGEST_METADATA:
        raise WorldError(f"{path} is too large")
    return text


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
