"""What exists: accounts, users, roles, and the providers whose word is taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.arns import Arn
from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.policies.documents import Policy
from sts_bridge.local_aws.statements.metadata import LARGEST_METADATA, IdentityProvider, read_metadata

RESERVED_ROLE = "AWSReservedSSO_"


@dataclass(frozen=True, slots=True)
class Account:
    """One account; the alias is what people see."""

    id: str
    alias: str | None
    partition: str
    name: str
    email: str
    state: str
    joined_at: datetime
    outbound_web_identity: bool

    @property
    def title(self) -> str:
        """The account as AWS's pages write it."""
        return f"{self.alias} ({self.id})" if self.alias else self.id


@dataclass(frozen=True, slots=True)
class Role:
    """One role, whom it trusts, and what it may do."""

    arn: Arn
    role_id: str
    longest_session: int
    trust_document: Mapping[str, object]
    trust_policy: Policy
    description: str
    created_at: datetime
    last_used_at: datetime | None
    tags: Mapping[str, str]
    inline: Mapping[str, str]
    attached: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class MfaDevice:
    """A device that shows six digits, made from a seed that only it and AWS know (RFC 6238)."""

    serial: str
    seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with long-term keys; the root user of an account has its account's name only."""

    arn: Arn
    user_id: str
    is_root: bool
    tags: Mapping[str, str]
    devices: tuple[MfaDevice, ...]
    policies: Mapping[str, Policy]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term key and whose it is."""

    id: str
    secret: str = field(repr=False)
    user: User
    is_active: bool


@dataclass(slots=True)
class SamlProvider:
    """One registered provider; its metadata file is read anew when it has changed."""

    arn: Arn
    text: str
    identity: IdentityProvider
    unique_id: str
    created_at: datetime
    file: Path | None = None
    encryption: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    _seen: tuple[int, int, int] | None = field(default=None, repr=False)

    @property
    def valid_until(self) -> datetime:
        """When IAM says the provider ends: a hundred years on, whatever the document says."""
        return self.created_at.replace(year=self.created_at.year + 100, day=1)

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
                text = read_text(self.file)
                self.identity, self.text = read_metadata(text), text
                journal.write_line("metadata.read", provider=self.arn.text)
        except (OSError, ValueError, WorldError) as problem:
            journal.write_line("metadata.unreadable", provider=self.arn.text, reason=str(problem))
        return self.identity

    def mark_seen(self) -> None:
        """Remember the file as it was when the start read it."""
        if self.file is not None:
            self._seen = _stamp(self.file)


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """One registered issuer of web identity tokens, and the clients whose tokens are taken."""

    arn: Arn
    url: str
    client_ids: tuple[str, ...]
    # Whose certificates vouch for the issuer's address, where they are not the machine's.
    ca_file: Path | None


@dataclass(frozen=True, slots=True)
class Delegation:
    """What somebody has approved: whoever brings the token gets the role, until it ends."""

    token: str = field(repr=False)
    role_arn: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization that all accounts belong to, and who may ask for them."""

    id: str
    management_account: str
    delegated_accounts: tuple[str, ...]
    empty_pages: bool


@dataclass(frozen=True, slots=True)
class World:
    """Everything that exists."""

    sealing_key: bytes = field(repr=False)
    sign_in_urls: frozenset[str]
    audiences: Mapping[str, str]
    skew: timedelta
    strict_replay: bool
    console_url: str | None
    disabled_regions: frozenset[str]
    requests_per_second: int | None
    organization: Organization | None
    accounts: Mapping[tuple[str, str], Account]
    providers: Mapping[str, SamlProvider]
    oidc_providers: Mapping[str, OidcProvider]
    roles: Mapping[str, Role]
    users: Mapping[str, User]
    access_keys: Mapping[str, AccessKey]
    managed_policies: Mapping[str, Policy]
    delegations: tuple[Delegation, ...]


def read_text(path: Path) -> str:
    """Give the text of a file that is not larger than any metadata may be."""
    with path.open(encoding="utf-8") as file:
        text = file.read(LARGEST_METADATA + 1)
    if len(text) > LARGEST_METADATA:
        raise WorldError(f"{path} is too large")
    return text


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
