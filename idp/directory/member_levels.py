"""The groups above some groups, found by their members: one search for a whole level.

Works on every server: it needs neither memberOf nor a matching rule of one vendor.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from ldap.controls.libldap import MatchedValuesControl
from ldap.filter import escape_filter_chars

from idp.conf.directories import DirectoryConfig
from idp.directory.entries import group_id_of
from idp.directory.walking import GroupSearch
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.groups import parse_dn
from idp.domain.identity import GroupMembership

CHUNK = 50

Name = tuple[tuple[tuple[str, str], ...], ...]


def direct_groups(person_dn: str, search: GroupSearch, config: DirectoryConfig) -> list[GroupMembership]:
    """The groups that name the person among their members."""
    found = search(_member_filter([person_dn], config), [config.group_id_attribute])
    return [GroupMembership(group_id_of(attributes, config), dn, (dn,)) for dn, attributes in found]


def level_above(
    groups: tuple[GroupMembership, ...], search: GroupSearch, config: DirectoryConfig
) -> Iterator[GroupMembership]:
    """The groups that these are members of, with the way."""
    for chunk in _chunks(groups):
        dns = [group.dn for group in chunk]
        attributes, controls = _what_tells_the_way(dns, config)
        for dn, shown in search(_member_filter(dns, config), attributes, controls=controls):
            group_id = group_id_of(shown, config)
            for below in _those_inside(chunk, shown, config):
                yield GroupMembership(group_id, dn, (*below.way, dn))


def shown_members(attributes: Mapping[str, list[bytes]], config: DirectoryConfig) -> set[Name]:
    """The members that the entry shows, as names that can be compared; Unavailable if it shows none."""
    wanted = config.member_attribute.lower()
    values = next((values for name, values in attributes.items() if name.lower() == wanted), [])
    members = {normal for value in values if (normal := normal_name(value.decode(errors="replace")))}
    if not members:
        raise DirectoryUnavailable("a group matched by its members does not show them: may we read them?")
    return members


@lru_cache(maxsize=4_096)
def normal_name(dn: str) -> Name | None:
    """The name as it can be compared; None for what is no name."""
    try:
        return parse_dn(dn)
    except Malformed:
        return None


def _what_tells_the_way(
    dns: list[str], config: DirectoryConfig
) -> tuple[list[str], tuple[MatchedValuesControl, ...]]:
    """Which attributes to ask for; of several candidates the members tell who is inside.

    RFC 3876 keeps the server from sending ten thousand other members; who ignores it sends them all.
    """
    if len(dns) == 1:
        return [config.group_id_attribute], ()
    matched = "".join(_member_term(dn, config) for dn in dns)
    return (
        [config.group_id_attribute, config.member_attribute],
        (MatchedValuesControl(criticality=False, filterstr=f"({matched}({config.group_id_attribute}=*))"),),
    )


def _those_inside(
    chunk: tuple[GroupMembership, ...], attributes: Mapping[str, list[bytes]], config: DirectoryConfig
) -> list[GroupMembership]:
    """Those of the groups that are members of this entry."""
    if len(chunk) == 1:
        return list(chunk)
    members = shown_members(attributes, config)
    inside = [group for group in chunk if normal_name(group.dn) in members]
    if not inside:
        raise DirectoryUnavailable("a group matched by its members does not show them: may we read them?")
    return inside


def _member_filter(dns: Iterable[str], config: DirectoryConfig) -> str:
    terms = "".join(_member_term(dn, config) for dn in dns)
    return f"(&{config.group_filter}(|{terms}))"


def _member_term(dn: str, config: DirectoryConfig) -> str:
    return f"({config.member_attribute}={escape_filter_chars(dn)})"


def _chunks(groups: tuple[GroupMembership, ...]) -> Iterator[tuple[GroupMembership, ...]]:
    rest = iter(groups)
    while chunk := tuple(islice(rest, CHUNK)):
        yield chunk
