"""`DirectoryIdentity`: who a person is and in which groups, as the directory answered at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

# The "directory" of break-glass administrators; no real directory may be named so.
LOCAL = "local"
# The "directory" of workloads: programs that tokens of an issuer speak of. No real directory may be named so either.
WORKLOADS = "workload"
RESERVED = frozenset({LOCAL, WORKLOADS})


class AccountState(StrEnum):
    """The state of the account in the directory; only `ENABLED` may sign in."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    LOCKED = "locked"
    EXPIRED = "expired"
    PASSWORD_EXPIRED = "password-expired"  # noqa: S105 - the name of a state
    MUST_CHANGE = "must-change-password"
    OUTSIDE_HOURS = "outside-hours"
    WRONG_WORKSTATION = "wrong-workstation"


# A sign-in that stands goes on in these. A lock is the directory's answer to somebody's guesses at the
# password: it says nothing about the person, who has shown theirs, and whom a guesser must not throw out.
# A password that grew too old is for the next sign-in. One that must be changed was reset by somebody who
# may have had a reason: whoever has the new one shows it.
GOES_ON = frozenset({AccountState.ENABLED, AccountState.LOCKED, AccountState.PASSWORD_EXPIRED})
# Whoever is in one of these has left: what they hold in AWS must end as well. In every other state that
# does not go on the sign-in ends, and the person may come back by signing in.
HAS_LEFT = frozenset({AccountState.DISABLED, AccountState.EXPIRED})


@dataclass(frozen=True, slots=True)
class GroupMembership:
    """One group a person is in, and the way there.

    `group_id` is the group's immutable identifier in lower case (entryUUID, or objectSid of Active
    Directory), `way` the DNs from the group the person is directly in to this one: one element for a direct
    membership. A logon token tells identifiers only: the way is empty then, and so is a DN nobody asked for.
    """

    group_id: str
    dn: str
    way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirectoryIdentity:
    """A complete answer about one person; a partial answer never becomes one.

    `immutable_id` is the directory's own identifier (entryUUID, objectGUID), never a spelling of a
    name. `attributes` holds the allow-listed ones only, every value as text. `asked_at` is when the
    directory answered: an identity that is reused keeps its age. When the password ends, and how often it
    opens though it has ended, is told at a sign-in and where the directory says so. `groups_named` says
    whether the groups came with their DNs: only then do rules that go by names know whom they concern.
    `mail` is the first of `mails`, which are all of them where the entry shows several.
    """

    directory: str
    immutable_id: str
    username: str
    dn: str
    display_name: str
    mail: str
    state: AccountState
    groups: tuple[GroupMembership, ...]
    asked_at: datetime
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    password_ends_at: datetime | None = field(default=None, compare=False)
    grace_sign_ins: int | None = field(default=None, compare=False)
    groups_named: bool = True
    mails: tuple[str, ...] = ()

    @property
    def account_key(self) -> str:
        """The one name under which everything that belongs to this person is kept."""
        return f"{self.directory}:{self.immutable_id}"

    @property
    def may_sign_in(self) -> bool:
        """Whether the account is in a state that may sign in."""
        return self.state is AccountState.ENABLED

    @property
    def may_go_on(self) -> bool:
        """Whether a sign-in that stands goes on, and with it what the person may receive."""
        return self.state in GOES_ON

    @property
    def has_left(self) -> bool:
        """Whether everything that this person holds must end."""
        return self.state in HAS_LEFT
