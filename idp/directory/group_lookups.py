"""Groups for those who write rules: one group, groups by name, groups below a name, and who is in a group."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import ldap
from ldap.filter import escape_filter_chars

from idp.conf.directories import DirectoryConfig
from idp.directory import searches
from idp.directory.account_state import Attributes
from idp.directory.credentials import LONGEST_NAME
from idp.directory.entries import group_id_filter, group_id_of, immutable_id_of, username_of
from idp.directory.links import Link
from idp.directory.pool import Pool
from idp.directory.port import GroupEntry, Member
from idp.directory.ranges import every_value
from idp.directory.searches import RawEntry
from idp.directory.walking import GroupSearch
from idp.domain.errors import DirectoryUnavailable, Malformed, Refused
from idp.domain.groups import is_at_or_below, leaf_value

MEMBERS_AT_ONCE = 100


class GroupLookups:
    """Questions about groups, asked of one directory."""

    def __init__(self, config: DirectoryConfig, service: Pool, search: GroupSearch) -> None:
        """Nothing is asked yet."""
        self._config = config
        self._service = service
        self._search = search

    def find(self, dn_or_id: str) -> GroupEntry | None:
        """The group of this distinguished name or identifier; None if it is not under the group base."""
        if "=" not in dn_or_id:
            try:
                term = group_id_filter(dn_or_id, self._config)
            except Malformed:
                return None
            return next(iter(self._groups(self._config.group_base, term)), None)
        if not is_at_or_below(dn_or_id, self._config.group_base):
            return None
        return next(iter(self._groups(dn_or_id, "", scope=ldap.SCOPE_BASE)), None)

    def search(self, text: str, *, limit: int) -> list[GroupEntry]:
        """At most so many groups whose name holds the text, in the order of the names."""
        part = f"*{escape_filter_chars(text[:LONGEST_NAME])}*" if text else "*"
        wanted = f"(&{self._config.group_filter}(cn={part}))"
        found = self._service.run(
            lambda link: searches.first_few(
                link,
                self._config.group_base,
                wanted,
                [self._config.group_id_attribute],
                seconds=self._config.operation_seconds,
                size=limit,
            )
        )
        return sorted(
            (self._group(entry) for entry in found), key=lambda group: (group.name.casefold(), group.dn)
        )

    def below(self, base: str) -> list[GroupEntry]:
        """Every group at or below this name and the group base: all of them, or Unavailable."""
        if is_at_or_below(base, self._config.group_base):
            return self._groups(base, "")
        if is_at_or_below(self._config.group_base, base):
            return self._groups(self._config.group_base, "")
        return []

    def members(self, group_id: str) -> Iterator[Member]:
        """Everyone in the group, also through groups in it, each once; nobody for an unknown group."""
        top = self.find(group_id)
        pending = [] if top is None else [top.dn]
        seen_groups = set() if top is None else {top.group_id}
        seen_people: set[str] = set()
        while pending:
            people, groups = self._members_of(pending.pop())
            for member in people:
                if member.immutable_id not in seen_people:
                    seen_people.add(member.immutable_id)
                    yield member
            for group in groups:
                if group.group_id not in seen_groups:
                    seen_groups.add(group.group_id)
                    pending.append(group.dn)

    # --- inside -------------------------------------------------------------------------------------

    def _members_of(self, group_dn: str) -> tuple[list[Member], list[GroupEntry]]:
        """People and groups directly in the group; in Active Directory those with it as primary group as well."""
        config = self._config
        people, groups = self._primary_members(group_dn), []
        for chunk in _chunks(self._member_dns(group_dn)):
            people += self._read_each(chunk, config.user_filter, config.user_base)
            groups += self._read_each(chunk, config.group_filter, config.group_base)
        return [self._member(entry) for entry in people], [self._group(entry) for entry in groups]

    def _member_dns(self, group_dn: str) -> list[str]:
        def read(name: str) -> Attributes:
            found = self._search(self._config.group_filter, [name], base=group_dn, scope=ldap.SCOPE_BASE)
            return found[0][1] if found else {}

        return [value.decode(errors="replace") for value in every_value(self._config.member_attribute, read)]

    def _primary_members(self, group_dn: str) -> list[RawEntry]:
        config = self._config
        if not config.is_active_directory:
            return []
        found = self._search(
            config.group_filter, [config.group_id_attribute], base=group_dn, scope=ldap.SCOPE_BASE
        )
        relative = [group_id_of(shown, config).rpartition("-")[2] for _, shown in found]
        wanted = "".join(f"(primaryGroupID={number})" for number in relative)
        if not wanted:
            return []
        attributes = [config.id_attribute, config.username_attribute]
        return self._search(f"(&{config.user_filter}{wanted})", attributes, base=config.user_base)

    def _groups(self, base: str, term: str, *, scope: int = ldap.SCOPE_SUBTREE) -> list[GroupEntry]:
        wanted = f"(&{self._config.group_filter}{term})"
        try:
            found = self._search(wanted, [self._config.group_id_attribute], base=base, scope=scope)
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
        return GroupEntry(group_id_of(attributes, self._config), dn, name)

    def _member(self, entry: RawEntry) -> Member:
        return Member(immutable_id_of(entry[1], self._config), username_of(entry, self._config), entry[0])

    def _read_each(self, dns: Sequence[str], wanted: str, base: str) -> list[RawEntry]:
        """The entries of these names that match, all asked for at once; names that lead nowhere are left out."""
        config = self._config
        inside = [dn for dn in dns if _is_below(dn, base)]
        attributes = [config.id_attribute, config.username_attribute, config.group_id_attribute]

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


def _chunks(dns: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(dns)
    while chunk := list(islice(rest, MEMBERS_AT_ONCE)):
        yield chunk
