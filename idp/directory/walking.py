"""A walk from a person's groups to the groups that these are in, with a loop guard."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import ldap

from idp.directory.searches import RawEntry
from idp.domain.identity import GroupMembership

LevelAbove = Callable[[tuple[GroupMembership, ...]], Iterable[GroupMembership]]


class GroupSearch(Protocol):
    """A search with a complete answer, below the group base unless another base is given."""

    def __call__(
        self,
        wanted: str,
        attributes: Sequence[str],
        *,
        base: str = "",
        scope: int = ldap.SCOPE_SUBTREE,
        controls: Sequence[Any] = (),
    ) -> list[RawEntry]:
        """Every entry that matches."""


def walk(direct: Iterable[GroupMembership], level_above: LevelAbove) -> tuple[GroupMembership, ...]:
    """Every group reached from these upward, each by a shortest way.

    A group that is reached again is not followed again, so that a circle ends.
    """
    level = list(direct)
    found: dict[str, GroupMembership] = {}
    while level:
        level.sort(key=lambda group: group.way)
        # Of several ways to one group the first in order stays; what was known before is not in the level.
        new = {group.group_id: group for group in reversed(level)}
        found |= new
        level = [group for group in level_above(tuple(new.values())) if group.group_id not in found]
    return in_order(found.values())


def in_order(groups: Iterable[GroupMembership]) -> tuple[GroupMembership, ...]:
    """The groups in one order, whatever order they were found in."""
    return tuple(sorted(groups, key=lambda group: (len(group.way), group.way, group.dn, group.group_id)))
