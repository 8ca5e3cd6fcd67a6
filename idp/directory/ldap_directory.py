"""The answers from LDAP: one person, their groups, one group, its members."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice

from django.core.exceptions import ImproperlyConfigured

from idp.conf.access import throttle_config
from idp.conf.directories import DirectoryConfig
from idp.directory.account_state import password_ends_at, state_of
from idp.directory.bases import Bases
from idp.directory.connections import Connections
from idp.directory.credentials import sendable_password
from idp.directory.deadline import NO_DEADLINE, Deadline
from idp.directory.entries import can_be_group_id, id_filter, identity_of, immutable_id_of
from idp.directory.examination import Examination, examine
from idp.directory.group_lookups import GroupLookups
from idp.directory.nested_groups import NestedGroups
from idp.directory.password_change import sendable_new_password
from idp.directory.password_policy import Policies
from idp.directory.passwords import Asked, Passwords
from idp.directory.person_look import PersonLook, look_for
from idp.directory.port import AccountFound, GroupEntry, Member, PersonAnswer, ServerAnswer
from idp.directory.searches import RawEntry
from idp.directory.typed_names import TypedName, goes_by, person_filter, those_meant, typed_name
from idp.directory.visibility import must_show_members, must_show_people, must_show_state
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import RESERVED, AccountState, DirectoryIdentity
from idp.domain.password_policy import Lockout

PEOPLE_AT_ONCE = 100


class LdapDirectory:
    """One LDAP directory or Active Directory, on one or several servers."""

    def __init__(self, config: DirectoryConfig) -> None:
        """Nothing is connected yet; refuses the names that local administrators and workloads are kept under."""
        if config.name.casefold() in RESERVED or not config.name or ":" in config.name:
            raise ImproperlyConfigured(
                f"{config.variable('NAME')} must not be empty, `local` or `workload`, or hold a colon."
            )
        self._config = config
        self._connections = Connections(config)
        self._service = self._connections.service
        self._policies = Policies(config, self._service, assumed=throttle_config().assumed)
        self._passwords = Passwords(config, self._connections, self._policies)
        self._nested_groups = NestedGroups(config)
        self._bases = Bases(config, self._service)
        self._group_lookups = GroupLookups(config, self._service, partial(self._bases.groups, NO_DEADLINE))

    @property
    def name(self) -> str:
        """The first part of every account key."""
        return self._config.name

    def soon(self) -> Deadline:
        """When whoever waits for a person must have an answer, whatever it takes to get it."""
        return Deadline.after(self._config.sign_in_seconds)

    @property
    def always_names(self) -> bool:
        """Whether groups come with their names however they are asked for."""
        return self._nested_groups.always_names

    def claims(self, typed: TypedName) -> bool:
        """Whether the name says that it is one of this directory's."""
        return typed.belongs_to(self._config)

    def people_named(self, typed: TypedName, deadline: Deadline | None = None) -> list[RawEntry]:
        """Every entry that this name means; more than one means nobody."""
        found = self._bases.people(person_filter(typed, self._config), deadline or self.soon())
        return those_meant(typed, found, self._config)

    def goes_by(self, typed: TypedName, entry: RawEntry) -> bool:
        """Whether this is a name of the entry, and not its mail address only."""
        return goes_by(typed, entry, self._config)

    def check_password(
        self,
        username: str,
        password: str,
        *,
        now: datetime,
        found: AccountFound | None = None,
        entries: Sequence[RawEntry] | None = None,
        deadline: Deadline | None = None,
        names: bool = True,
    ) -> DirectoryIdentity:
        """Who signs in with this name and password; refuses before anything is sent what must not be sent.

        `entries` are those whom the name means, where they have been looked up already, under this deadline.
        """
        typed = typed_name(username)
        secret = sendable_password(password)
        deadline = deadline or self.soon()
        entry, answer = self._passwords.check(self._asked(typed, entries, deadline, found, now), secret)
        # A temporary lock that the server has just let somebody through is over, whatever the entry still says.
        identity = self._identity(entry, AccountState.ENABLED, now, deadline, names=names)
        ends_at = password_ends_at(entry[1]) if answer.password_for is None else now + answer.password_for
        return replace(identity, password_ends_at=ends_at, grace_sign_ins=answer.grace_sign_ins)

    def change_password(
        self,
        username: str,
        password: str,
        new_password: str,
        *,
        now: datetime,
        found: AccountFound | None = None,
        entries: Sequence[RawEntry] | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """Whoever has this name and password has the new one from here on.

        Refuses like `check_password`, but not somebody who must change it; and with NewPasswordRefused or
        PasswordNotChangeable where the directory does.
        """
        typed = typed_name(username)
        secret, wanted = sendable_password(password), sendable_new_password(new_password)
        asked = self._asked(typed, entries, deadline or self.soon(), found, now)
        self._passwords.change(asked, secret, wanted)

    def lockout(self) -> Lockout:
        """When people of whom nothing else is said are locked, as far as it has been read; asks nothing."""
        return self._policies.known().lockout

    def find(self, immutable_id: str, *, now: datetime, names: bool = True) -> DirectoryIdentity | None:
        """The person of this identifier, in whatever state; None if the directory has no such person."""
        deadline = self.soon()
        wanted = f"(&{self._config.user_filter}{id_filter(immutable_id, self._config)})"
        found = self._bases.people(wanted, deadline)
        if not found:
            must_show_people(self._config, self._service.until(deadline))
        if len(found) != 1:
            return None
        return self.identity_of_entry(found[0], deadline, now=now, names=names)

    def find_each(
        self, immutable_ids: Sequence[str], *, now: datetime, names: bool = True
    ) -> Iterator[tuple[str, PersonAnswer]]:
        """Each of these people, their entries asked for together, their groups one after the other."""
        for chunk in _chunks(immutable_ids):
            yield from self._find_chunk(chunk, now, names=names)

    def find_by_name(self, username: str, *, now: datetime) -> DirectoryIdentity | None:
        """The person of this user name; None if nobody, or more than one, goes by it."""
        deadline = self.soon()
        meant = self.people_named(typed_name(username), deadline)
        return self.identity_of_entry(meant[0], deadline, now=now) if len(meant) == 1 else None

    def identity_of_entry(
        self, entry: RawEntry, deadline: Deadline | None = None, *, now: datetime, names: bool = True
    ) -> DirectoryIdentity:
        """Whom this entry describes, in whatever state."""
        return self._identity(entry, self._state(entry, now), now, deadline or self.soon(), names=names)

    def holds_groups_as(self, group_id: str) -> bool:
        """Whether an identifier of this form could be that of a group here."""
        return can_be_group_id(group_id, self._config)

    def named_in_full(self, dn_or_id: str) -> str:
        """The identifier of a group as it is held here, where it stands without the name of the directory."""
        prefix = self._config.group_prefix
        return dn_or_id if "=" in dn_or_id or ":" in dn_or_id else f"{prefix}{dn_or_id}"

    def find_group(self, dn_or_id: str) -> GroupEntry | None:
        """The group of this distinguished name or identifier; None if it is not under the group base."""
        return self._group_lookups.find(dn_or_id)

    def search_groups(self, text: str, *, limit: int) -> list[GroupEntry]:
        """At most so many groups whose name holds the text, in the order of the names."""
        return self._group_lookups.search(text, limit=limit)

    def groups_below(self, base: str) -> list[GroupEntry]:
        """Every group at or below this name and the group base: all of them, or Unavailable."""
        return self._group_lookups.below(base)

    def members_of(self, group_id: str) -> Iterator[Member]:
        """Everyone in the group, also through groups in it, each once; nobody for an unknown group."""
        return self._group_lookups.members(group_id)

    def examine(self) -> Examination:
        """Everything that must work, tried once: each server afresh, then account, bases, people and groups."""
        return examine(self._config, self._connections.examine(), self._service, self._policies)

    def look_for(self, typed: TypedName, *, now: datetime) -> PersonLook:
        """Whom this name means here, and each step by which that is known."""
        return look_for(
            typed,
            self._config,
            self.people_named,
            lambda entry: self.identity_of_entry(entry, now=now),
            now=now,
        )

    def measure(self, *, seconds: float) -> tuple[ServerAnswer, ...]:
        """How each server answers just now, known within so many seconds, however silent one may be."""
        return self._connections.measure(seconds=seconds)

    # --- inside -------------------------------------------------------------------------------------

    def _asked(
        self,
        typed: TypedName,
        entries: Sequence[RawEntry] | None,
        deadline: Deadline,
        found: AccountFound | None,
        now: datetime,
    ) -> Asked:
        def look_up() -> Sequence[RawEntry]:
            meant = self.people_named(typed, deadline) if entries is None else entries
            if len(meant) == 1:
                must_show_state(meant[0][1], self._config)
            return meant

        return Asked(typed.whole, look_up, deadline, found, now)

    def _find_chunk(
        self, ids: Sequence[str], now: datetime, *, names: bool
    ) -> Iterator[tuple[str, PersonAnswer]]:
        terms = "".join(id_filter(immutable_id, self._config) for immutable_id in ids)
        found = self._bases.people(f"(&{self._config.user_filter}(|{terms}))", self.soon())
        entries: dict[str, list[RawEntry]] = {}
        for entry in found:
            entries.setdefault(immutable_id_of(entry[1], self._config), []).append(entry)
        if len(entries) < len(ids):
            must_show_people(self._config, self._service.until(self.soon()))
        nested = NestedGroups(self._config, for_one_answer=True)
        for immutable_id in ids:
            yield immutable_id, self._answer(entries.get(immutable_id, []), nested, now, names=names)

    def _answer(
        self, found: list[RawEntry], nested: NestedGroups, now: datetime, *, names: bool
    ) -> PersonAnswer:
        if len(found) != 1:
            return None
        state = self._state(found[0], now)
        try:
            return self._identity(found[0], state, now, self.soon(), names=names, nested=nested)
        except DirectoryUnavailable as problem:
            return problem

    def _state(self, entry: RawEntry, now: datetime) -> AccountState:
        lasts = self._policies.known(entry[1]).lockout.lasts
        return state_of(entry[1], now=now, lockout_for=lasts)

    def _identity(
        self,
        entry: RawEntry,
        state: AccountState,
        now: datetime,
        deadline: Deadline,
        *,
        names: bool,
        nested: NestedGroups | None = None,
    ) -> DirectoryIdentity:
        must_show_state(entry[1], self._config)
        identity = identity_of(entry, groups=(), state=state, config=self._config, asked_at=now)
        groups = (nested or self._nested_groups).of(
            entry, partial(self._bases.groups, deadline), names=names, deadline=deadline
        )
        if not groups:
            must_show_members(self._config, self._service.until(deadline))
        named = names or self.always_names
        return replace(identity, groups=groups, groups_named=named)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    rest = iter(ids)
    while chunk := list(islice(rest, PEOPLE_AT_ONCE)):
        yield chunk
