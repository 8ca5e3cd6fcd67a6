"""Directory groups for those who write rules: search by name, find by distinguished name or identifier."""

from dataclasses import dataclass

from idp.directory import directories
from idp.directory.port import GroupEntry
from idp.domain.errors import Malformed, NotFound
from idp.domain.groups import normal_group_id, parse_dn

MOST_FOUND = 50


class NoSuchGroup(NotFound):
    """The directory has no such group under the group base."""

    code = "no-such-group"
    sentence = "The directory has no such group under the group base."


class GroupNotNamed(Malformed):
    """Neither a distinguished name nor an identifier."""

    code = "group-not-named"
    sentence = "A group is named by its distinguished name or its identifier."


@dataclass(frozen=True, slots=True)
class GroupFound:
    """One group: its immutable identifier, its distinguished name, and its name for people."""

    group_id: str
    dn: str
    name: str


def search_groups(text: str, *, limit: int = MOST_FOUND) -> list[GroupFound]:
    """At most so many groups whose name holds the text; Unavailable if the directory cannot be asked."""
    found = [
        group for one in directories.directories() for group in one.search_groups(text.strip(), limit=limit)
    ]
    found.sort(key=lambda group: (group.name.casefold(), group.dn))
    return [_found(group) for group in found[:limit]]


def find_group(dn_or_id: str) -> GroupFound:
    """The one group of this name or identifier; refuses what is neither, and what the directory does not have."""
    text = dn_or_id.strip()
    if "=" in text:
        parse_dn(text)
    elif text:
        text = normal_group_id(text)
    else:
        raise GroupNotNamed("empty")
    group = directories.find_group(text)
    if group is None:
        raise NoSuchGroup(f"no one group {text!r}")
    return _found(group)


def groups_below(base: str) -> list[GroupFound]:
    """Every group at or below this name, complete; Unavailable if the directory cannot tell them all."""
    return [_found(group) for one in directories.directories() for group in one.groups_below(base)]


def _found(group: GroupEntry) -> GroupFound:
    return GroupFound(group.group_id, group.dn, group.name)
