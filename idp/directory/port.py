"""What a directory must be able to answer, whatever it is made of.

Every answer is complete or there is none: a server that stops at a limit, refers elsewhere or hides what
we need makes the directory unavailable (`DirectoryUnavailable`), never a person with fewer groups.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import DirectoryIdentity
from idp.domain.password_policy import Lockout

# Of one among several: None is not there, and one who cannot be read completely keeps nobody else waiting.
PersonAnswer = DirectoryIdentity | DirectoryUnavailable | None


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """Whose name it is, and how near their account is to being locked; heard before the password is tried.

    Heard a second time, with the exact policy, where the first time it was refused by the least of all.
    """

    account_key: str
    username: str
    failures: int
    lockout: Lockout


# None is heard of a name that nobody has: whoever counts does the same work for it, so that time does not tell.
AccountFound = Callable[[FoundAccount | None], None]


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """One group: its immutable identifier in lower case, its distinguished name, and its name for people."""

    group_id: str
    dn: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """One person in a group, directly or through other groups."""

    immutable_id: str
    username: str
    dn: str


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """How one server did when it was last tried; `problem` is empty where all is well.

    `milliseconds` is one question there and back on a connection that stands; `state` is its breaker's.
    """

    uri: str
    problem: str
    milliseconds: float | None = None
    state: str = "closed"


class Directory(Protocol):
    """One company directory."""

    @property
    def name(self) -> str:
        """The first part of every account key."""

    def check_password(
        self,
        username: str,
        password: str,
        *,
        now: datetime,
        found: AccountFound | None = None,
        names: bool = True,
    ) -> DirectoryIdentity:
        """Who signs in with this name and password; `found` hears of the account before the password is tried.

        Refuses with a `DirectoryRefusal` of the fitting kind; with `AccountSpared` whatever `found` refuses so,
        after the time that a wrong password takes.
        """

    def change_password(
        self,
        username: str,
        password: str,
        new_password: str,
        *,
        now: datetime,
        found: AccountFound | None = None,
    ) -> None:
        """Whoever has this name and password has the new one from here on; refuses like `check_password`.

        Who must change it is not refused; NewPasswordRefused says what the policy wants, PasswordNotChangeable
        that it cannot be changed in this way.
        """

    def lockout(self) -> Lockout:
        """When people of whom nothing else is said are locked, as far as it has been read; asks nothing."""

    def find(self, immutable_id: str, *, now: datetime, names: bool = True) -> DirectoryIdentity | None:
        """The person of this identifier, in whatever state; None if the directory has no such person.

        Without `names` groups may come without their DNs, where asking for these would cost more.

        Unavailable if the directory shows no person at all.
        """

    def find_each(
        self, immutable_ids: Sequence[str], *, now: datetime, names: bool = True
    ) -> Iterator[tuple[str, PersonAnswer]]:
        """Like `find` for each of these, in order, with as few searches as it takes."""

    def find_by_name(self, username: str, *, now: datetime) -> DirectoryIdentity | None:
        """The person of this user name; None if nobody, or more than one, goes by it."""

    def find_group(self, dn_or_id: str) -> GroupEntry | None:
        """The group of this distinguished name or identifier, under the group base."""

    def search_groups(self, text: str, *, limit: int) -> list[GroupEntry]:
        """At most so many groups whose name holds the text."""

    def groups_below(self, base: str) -> list[GroupEntry]:
        """Every group at or below this name and the group base: all of them, or Unavailable."""

    def members_of(self, group_id: str) -> Iterator[Member]:
        """Everyone in the group, also through groups in it, each once."""

    def measure(self, *, seconds: float) -> tuple[ServerAnswer, ...]:
        """How each server answers just now, known within so many seconds, however silent one may be."""
