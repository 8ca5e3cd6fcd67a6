"""Groups of groups, by a walk with a loop guard: level by level upward, one search for a whole level.

Works on every server: it needs neither memberOf nor a matching rule of one vendor.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from ldap.controls.libldap import MatchedValuesControl
from ldap.filter import escape_filter_chars

from idp.conf import DirectoryConfig
from idp.directory.entries import immutable_id_of
from idp.directory.searches import RawEntry
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.groups import parse_dn
from idp.domain.identity import GroupMembership

CHUNK = 50

GroupSearch = Callable[[str, Sequence[str], Sequence[MatchedValuesControl]], list[RawEntry]]


def groups_of(person_dn: str, *, search: GroupSearch, config: DirectoryConfig) -> tuple[GroupMembership, ...]:
    """Every group that the person is in, directly or through groups, each by a shortest way.

    A group that is reached again is not followed again, so that a circle ends.
    """
    direct = search(_member_filter([person_dn], config), [config.id_attribute], ())
    level = [GroupMembership(immutable_id_of(entry, config), dn, (dn,)) for dn, entry in direct]
    found: dict[str, GroupMembership] = {}
    while level:
        level.sort(key=lambda group: group.way)
        # Of several ways to one group the first in order stays; what was known before is not in the level.
        new = {group.group_id: group for group in reversed(level)}
        found |= new
        level = list(_level_above(tuple(new.values()), found, search, config))
    return tuple(sorted(found.values(), key=lambda group: (len(group.way), group.way)))


def _level_above(
    groups: tuple[GroupMembership, ...],
    known: Mapping[str, GroupMembership],
    search: GroupSearch,
    config: DirectoryConfig,
) -> Iterator[GroupMembership]:
    """The groups that these are members of, with the way; those known already are left out."""
    for chunk in _chunks(groups):
        dns = [group.dn for group in chunk]
        for dn, attributes in search(_member_filter(dns, config), *_what_tells_the_way(dns, config)):
            group_id = immutable_id_of(attributes, config)
            if group_id in known:
                continue
            for below in _those_inside(chunk, attributes, config):
                yield GroupMembership(group_id, dn, (*below.way, dn))


def _what_tells_the_way(
    dns: list[str], config: DirectoryConfig
) -> tuple[list[str], tuple[MatchedValuesControl, ...]]:
    """Which attributes to ask for; of several candidates the members tell who is inside.

    RFC 3876 keeps the server from sending ten thousand other members; who ignores it sends them all.
    """
    if len(dns) == 1:
        return [config.id_attribute], ()
    matched = "".join(_member_term(dn, config) for dn in dns)
    return (
        [config.id_attribute, config.member_attribute],
        (MatchedValuesControl(criticality=False, filterstr=f"({matched}({config.id_attribute}=*))"),),
    )


def _those_inside(
    chunk: tuple[GroupMembership, ...], attributes: Mapping[str, list[bytes]], config: DirectoryConfig
) -> list[GroupMembership]:
    """Those of the groups that are members of this entry."""
    if len(chunk) == 1:
        return list(chunk)
    wanted = config.member_attribute.lower()
    values = next((values for name, values in attributes.items() if name.lower() == wanted), [])
    members = {normal for value in values if (normal := _normal(value.decode(errors="replace")))}
    inside = [group for group in chunk if _normal(group.dn) in members]
    if not inside:
        raise DirectoryUnavailable("a group matched by its members does not show them: may we read them?")
    return inside


def _normal(dn: str) -> tuple[tuple[tuple[str, str], ...], ...] | None:
    try:
        return parse_dn(dn)
    except Malformed:
        return None


def _member_filter(dns: Iterable[str], config: DirectoryConfig) -> str:
    terms = "".join(_member_term(dn, config) for dn in dns)
    return f"(&{config.group_filter}(|{terms}))"


def _member_term(dn: str, config: DirectoryConfig) -> str:
    return f"({config.member_attribute}={escape_filter_chars(dn)})"


def _chunks(groups: tuple[GroupMembership, ...]) -> Iterator[tuple[GroupMembership, ...]]:
    rest = iter(groups)
    while chunk := tuple(islice(rest, CHUNK)):
        yield chunk
