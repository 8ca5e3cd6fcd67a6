"""A person's groups by their back links: Active Directory names in `memberOf` the groups that an entry is in.

Unlike the members of a group, these are few, and the server keeps them itself. The walk goes through the
whole domain, as a logon token does; what counts lies below the group base.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import ldap
from ldap.filter import escape_filter_chars

from idp.conf.directories import DirectoryConfig
from idp.directory.account_state import Attributes
from idp.directory.entries import group_id_of
from idp.directory.ranges import every_value
from idp.directory.searches import RawEntry
from idp.directory.sids import sid_filter
from idp.directory.token_groups import primary_group
from idp.directory.walking import GroupSearch, in_order
from idp.domain.errors import DirectoryUnavailable
from idp.domain.groups import is_at_or_below, split_dn
from idp.domain.identity import GroupMembership

MEMBER_OF = "memberOf"
CHUNK = 200

Way = tuple[str, ...]


def groups_by_member_of(
    person: RawEntry, search: GroupSearch, config: DirectoryConfig
) -> tuple[GroupMembership, ...]:
    """Every group below the base that the person is in, each by a shortest way; a circle ends where it began.

    Unavailable if an entry that some group names as a member shows no back link.
    """
    dn, attributes = person
    root = domain_root(config.user_base)
    ways: dict[str, Way] = dict.fromkeys(_back_links(dn, {}, search), ())
    without = [] if ways else [dn]
    terms = [*_name_terms(ways), sid_filter(primary_group(attributes))]
    found: dict[str, GroupMembership] = {}
    while terms:
        above: dict[str, Way] = {}
        for name, shown in _read(terms, root, search, config):
            group = GroupMembership(group_id_of(shown, config), name, (*ways.get(name, ()), name))
            if group.group_id not in found:
                found[group.group_id] = group
                parents = _back_links(name, shown, search)
                without += [] if parents else [name]
                for parent in parents:
                    above.setdefault(parent, group.way)
        known = {group.dn for group in found.values()}
        ways = {name: way for name, way in sorted(above.items()) if name not in known}
        terms = _name_terms(ways)
    _must_be_in_none(without, root, search, config)
    return in_order(group for group in found.values() if is_at_or_below(group.dn, config.group_base))


def domain_root(base: str) -> str:
    """The name of the whole domain that this base is in: the parts of it that are of the type DC."""
    parts = [leaf[0] for leaf in split_dn(base)]
    return ",".join(f"{name}={value}" for name, value in parts if name.lower() == "dc")


def _must_be_in_none(names: list[str], root: str, search: GroupSearch, config: DirectoryConfig) -> None:
    """Asked from the other side: whoever shows no back link is in no group, or hides what they show."""
    terms = [f"({config.member_attribute}={escape_filter_chars(name)})" for name in names]
    for group, _ in _read(terms, root, search, config):
        raise DirectoryUnavailable(f"a member of {group} shows no {MEMBER_OF}: may we read it?")


def _read(terms: list[str], root: str, search: GroupSearch, config: DirectoryConfig) -> Iterator[RawEntry]:
    rest = iter(terms)
    while chunk := list(islice(rest, CHUNK)):
        wanted = f"(&{config.group_filter}(|{''.join(chunk)}))"
        yield from search(wanted, [config.group_id_attribute, MEMBER_OF], base=root)


def _name_terms(names: Iterable[str]) -> list[str]:
    return [f"(distinguishedName={escape_filter_chars(name)})" for name in names]


def _back_links(dn: str, begun: Attributes, search: GroupSearch) -> list[str]:
    """The names of the groups that this entry is in, all of them."""

    def read(name: str) -> Attributes:
        found = search("(objectClass=*)", [name], base=dn, scope=ldap.SCOPE_BASE)
        return found[0][1] if found else {}

    values = every_value(MEMBER_OF, read, begun=begun or None)
    return [value.decode(errors="replace") for value in values]
