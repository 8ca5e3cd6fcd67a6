"""The answers from LDAP: one person, their groups, one group, its members."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

import ldap
from django.core.exceptions import ImproperlyConfigured
from ldap.filter import escape_filter_chars

from idp.conf import DirectoryConfig, throttle_config
from idp.directory import searches
from idp.directory.account_state import password_ends_at, state_of
from idp.directory.connections import Connections
from idp.directory.credentials import LONGEST_NAME, sendable_password
from idp.directory.deadline import NO_DEADLINE, Deadline
from idp.directory.entries import id_filter, identity_of, immutable_id_of, username_of
from idp.directory.examination import Examination, examine
from idp.directory.links import Link
from idp.directory.nested_groups import groups_of
from idp.directory.options import person_attributes
from idp.directory.password_change import sendable_new_password
from idp.directory.password_policy import Policies
from idp.directory.passwords import Asked, Passwords
from idp.directory.person_look import PersonLook, look_for
from idp.directory.port import AccountFound, GroupEntry, Member, PersonAnswer, ServerAnswer
from idp.directory.searches import RawEntry
from idp.directory.typed_names import TypedName, person_filter, those_meant, typed_name
from idp.domain.errors import DirectoryUnavailable, Malformed, Refused
from idp.domain.groups import is_at_or_below, leaf_value
from idp.domain.identity import LOCAL, AccountState, DirectoryIdentity
from idp.domain.password_policy import Lockout

MEMBERS_AT_ONCE = 100


class LdapDirectory:
    """One LDAP directory or Active Directory, on one or several servers."""

    def __init__(self, config: DirectoryConfig) -> None:
        """Nothing is connected yet; refuses the name that local administrators are kept under."""
        if config.name.casefold() == LOCAL or not config.name or ":" in config.name:
            raise ImproperlyConfigured(
                f"{config.variable('NAME')} must not be empty, `local`, or hold a colon."
            )
        self._config = config
        self._connections = Connections(config)
        self._service = self._connections.service
        self._policies = Policies(config, self._service, assumed=throttle_config().assumed)
        self._passwords = Passwords(config, self._connections, self._policies)

    @property
    def name(self) -> str:
        """The first part of every account key."""
        return self._config.name

    def soon(self) -> Deadline:
        """When whoever waits for a person must have an answer, whatever it takes to get it."""
        return Deadline.after(self._config.sign_in_seconds)

    def claims(self, typed: TypedName) -> bool:
        """Whether the name says that it is one of this directory's."""
        return typed.belongs_to(self._config)

    def people_named(self, typed: TypedName, deadline: Deadline | None = None) -> list[RawEntry]:
        """Every entry that this name means; more than one means nobody."""
        found = self._people(person_filter(typed, self._config), deadline or self.soon())
        return those_meant(typed, found, self._config)

    def check_password(
        self,
        username: str,
        password: str,
        *,
        now: datetime,
        found: AccountFound | None = None,
        entries: Sequence[RawEntry] | None = None,
        deadline: Deadline | None = None,
    ) -> DirectoryIdentity:
        """Who signs in with this name and password; refuses before anything is sent what must not be sent.

        `entries` are those whom the name means, where they have been looked up already, under this deadline.
        """
        typed = typed_name(username)
        secret = sendable_password(password)
        deadline = deadline or self.soon()
        entry, answer = self._passwords.check(self._asked(typed, entries, deadline, found, now), secret)
        # A temporary lock that the server has just let somebody through is over, whatever the entry still says.
        identity = self._identity(entry, AccountState.ENABLED, now, deadline)
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

    def find(self, immutable_id: str, *, now: datetime) -> DirectoryIdentity | None:
        """The person of this identifier, in whatever state; None if the directory has no such person."""
        deadline = self.soon()
        wanted = f"(&{self._config.user_filter}{id_filter(immutable_id, self._config)})"
        found = self._people(wanted, deadline)
        if not found:
            self._must_show_people()
        return self.identity_of_entry(found[0], deadline, now=now) if len(found) == 1 else None

    def find_each(self, immutable_ids: Sequence[str], *, now: datetime) -> Iterator[tuple[str, PersonAnswer]]:
        """Each of these people, their entries asked for together, their groups one after the other."""
        for chunk in _chunks(list(immutable_ids)):
            yield from self._find_chunk(chunk, now)

    def find_by_name(self, username: str, *, now: datetime) -> DirectoryIdentity | None:
        """The person of this user name; None if nobody, or more than one, goes by it."""
        deadline = self.soon()
        meant = self.people_named(typed_name(username), deadline)
        return self.identity_of_entry(meant[0], deadline, now=now) if len(meant) == 1 else None

    def identity_of_entry(
        self, entry: RawEntry, deadline: Deadline | None = None, *, now: datetime
    ) -> DirectoryIdentity:
        """Whom this entry describes, in whatever state."""
        lasts = self._policies.known(entry[1]).lockout.lasts
        state = state_of(entry[1], now=now, lockout_for=lasts)
        return self._identity(entry, state, now, deadline or self.soon())

    def find_group(self, dn_or_id: str) -> GroupEntry | None:
        """The group of this distinguished name or identifier; None if it is not under the group base."""
        if "=" not in dn_or_id:
            return next(iter(self._groups(self._config.group_base, id_filter(dn_or_id, self._config))), None)
        if not is_at_or_below(dn_or_id, self._config.group_base):
            return None
        return next(iter(self._groups(dn_or_id, "", scope=ldap.SCOPE_BASE)), None)

    def search_groups(self, text: str, *, limit: int) -> list[GroupEntry]:
        """At most so many groups whose name holds the text, in the order of the names."""
        part = f"*{escape_filter_chars(text[:LONGEST_NAME])}*" if text else "*"
        wanted = f"(&{self._config.group_filter}(cn={part}))"
        found = self._service.run(
            lambda link: searches.first_few(
                link,
                self._config.group_base,
                wanted,
                [self._config.id_attribute],
                seconds=self._config.operation_seconds,
                size=limit,
            )
        )
        return sorted(
            (self._group(entry) for entry in found), key=lambda group: (group.name.casefold(), group.dn)
        )

    def groups_below(self, base: str) -> list[GroupEntry]:
        """Every group at or below this name and the group base: all of them, or Unavailable."""
        if is_at_or_below(base, self._config.group_base):
            return self._groups(base, "")
        if is_at_or_below(self._config.group_base, base):
            return self._groups(self._config.group_base, "")
        return []

    def members_of(self, group_id: str) -> Iterator[Member]:
        """Everyone in the group, also through groups in it, each once; nobody for an unknown group."""
        top = self.find_group(group_id)
        pending = [] if top is None else [top.dn]
        seen_groups = {group_id.lower()}
        seen_people: set[str] = set()
        while pending:
            members = self._member_dns(pending.pop())
            for chunk in _chunks(members):
                for entry in self._read_each(chunk, self._config.user_filter, self._config.user_base):
                    member = self._member(entry)
                    if member.immutable_id not in seen_people:
                        seen_people.add(member.immutable_id)
                        yield member
                for entry in self._read_each(chunk, self._config.group_filter, self._config.group_base):
                    group = self._group(entry)
                    if group.group_id not in seen_groups:
                        seen_groups.add(group.group_id)
                        pending.append(group.dn)

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
            return self.people_named(typed, deadline) if entries is None else entries

        return Asked(typed.whole, look_up, deadline, found, now)

    def _find_chunk(self, ids: list[str], now: datetime) -> Iterator[tuple[str, PersonAnswer]]:
        terms = "".join(id_filter(immutable_id, self._config) for immutable_id in ids)
        found = self._people(f"(&{self._config.user_filter}(|{terms}))", self.soon())
        entries: dict[str, list[RawEntry]] = {}
        for entry in found:
            entries.setdefault(immutable_id_of(entry[1], self._config), []).append(entry)
        if len(entries) < len(ids):
            self._must_show_people()
        for immutable_id in ids:
            yield immutable_id, self._answer(entries.get(immutable_id, []), now)

    def _answer(self, found: list[RawEntry], now: datetime) -> PersonAnswer:
        if len(found) != 1:
            return None
        try:
            return self.identity_of_entry(found[0], now=now)
        except DirectoryUnavailable as problem:
            return problem

    def _must_show_people(self) -> None:
        """Unavailable if no person at all is to be seen: then that somebody is not there tells nothing."""
        base, attribute = self._config.user_base, self._config.id_attribute
        anybody = f"(&{self._config.user_filter}({attribute}=*))"
        seconds = self._config.operation_seconds
        if not self._service.until(self.soon()).run(
            lambda link: searches.first_few(link, base, anybody, ["1.1"], seconds=seconds, size=1)
        ):
            raise DirectoryUnavailable(
                f"nobody with an {attribute} is to be seen below {base}: may we read it?"
            )

    def _must_show_members(self, deadline: Deadline) -> None:
        """Unavailable if groups are to be seen and members of none: then to be in no group tells nothing."""
        some, having = (
            self._some_group(term, deadline) for term in ("", f"({self._config.member_attribute}=*)")
        )
        if some and not having:
            raise DirectoryUnavailable(
                f"no group below {self._config.group_base} shows a {self._config.member_attribute}:"
                " may we read it?"
            )

    def _some_group(self, term: str, deadline: Deadline) -> bool:
        base, seconds = self._config.group_base, self._config.operation_seconds
        wanted = f"(&{self._config.group_filter}{term})"
        return bool(
            self._service.until(deadline).run(
                lambda link: searches.first_few(link, base, wanted, ["1.1"], seconds=seconds, size=1)
            )
        )

    def _people(self, wanted: str, deadline: Deadline) -> list[RawEntry]:
        base, attributes = self._config.user_base, person_attributes(self._config)
        return self._search(base, wanted, attributes, deadline=deadline)

    def _identity(
        self, entry: RawEntry, state: AccountState, now: datetime, deadline: Deadline
    ) -> DirectoryIdentity:
        def search_groups(wanted: str, attributes: Sequence[str], controls: Sequence[Any]) -> list[RawEntry]:
            base = self._config.group_base
            return self._search(base, wanted, attributes, controls=controls, deadline=deadline)

        identity = identity_of(entry, groups=(), state=state, config=self._config, asked_at=now)
        groups = groups_of(entry[0], search=search_groups, config=self._config)
        if not groups:
            self._must_show_members(deadline)
        return replace(identity, groups=groups)

    def _search(
        self,
        base: str,
        wanted: str,
        attributes: Sequence[str],
        *,
        scope: int = ldap.SCOPE_SUBTREE,
        controls: Sequence[Any] = (),
        deadline: Deadline = NO_DEADLINE,
    ) -> list[RawEntry]:
        return self._service.until(deadline).run(
            lambda link: searches.search(
                link,
                base,
                scope,
                wanted,
                attributes,
                seconds=self._config.operation_seconds,
                controls=controls,
            )
        )

    def _groups(self, base: str, term: str, *, scope: int = ldap.SCOPE_SUBTREE) -> list[GroupEntry]:
        wanted = f"(&{self._config.group_filter}{term})"
        try:
            found = self._search(base, wanted, [self._config.id_attribute], scope=scope)
        except DirectoryUnavailable as error:
            # A group base that is missing is a fault; a name below it that leads nowhere is an answer.
            if base != self._config.group_base and isinstance(error.__cause__, ldap.NO_SUCH_OBJECT):
                return []
            raise
        return [self._group(entry) for entry in found]

    def _group(self, entry: RawEntry) -> GroupEntry:
        dn, attributes = entry
        try:
            name = leaf_value(dn)
        except Malformed:
            name = dn
        return GroupEntry(immutable_id_of(attributes, self._config), dn, name)

    def _member(self, entry: RawEntry) -> Member:
        return Member(immutable_id_of(entry[1], self._config), username_of(entry, self._config), entry[0])

    def _member_dns(self, group_dn: str) -> list[str]:
        wanted = self._config.member_attribute
        found = self._search(group_dn, self._config.group_filter, [wanted], scope=ldap.SCOPE_BASE)
        values = [value for _, attributes in found for kept in attributes.values() for value in kept]
        return [value.decode(errors="replace") for value in values]

    def _read_each(self, dns: Sequence[str], wanted: str, base: str) -> list[RawEntry]:
        """The entries of these names that match, all asked for at once; names that lead nowhere are left out."""
        inside = [dn for dn in dns if _is_below(dn, base)]
        attributes = [self._config.id_attribute, self._config.username_attribute]

        def ask(link: Link) -> list[RawEntry]:
            numbers = [link.search_ext(dn, ldap.SCOPE_BASE, wanted, attributes) for dn in inside]
            return [entry for number in numbers for entry in self._base_answer(link, number)]

        return self._service.run(ask)

    def _base_answer(self, link: Link, number: int) -> list[RawEntry]:
        try:
            _, data, _, _ = link.result3(number, timeout=self._config.operation_seconds)
        except ldap.NO_SUCH_OBJECT:
            return []
        return [entry for entry in data if entry[0] is not None]


def _is_below(dn: str, base: str) -> bool:
    try:
        return is_at_or_below(dn, base)
    except Refused:
        return False


def _chunks(dns: list[str]) -> Iterator[list[str]]:
    rest = iter(dns)
    while chunk := list(islice(rest, MEMBERS_AT_ONCE)):
        yield chunk
