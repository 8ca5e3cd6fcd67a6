"""Groups of groups by one of three methods, all giving the same groups: walk, in-chain rule, token groups."""

import logging
import math
from collections.abc import Callable, Collection, Iterable
from functools import partial

import ldap
from django.core.exceptions import ImproperlyConfigured

from idp.conf.directories import DirectoryConfig, GroupMethod, directory_calls_at_once
from idp.directory.deadline import Deadline
from idp.directory.in_chain import groups_in_chain
from idp.directory.member_levels import direct_groups, level_above
from idp.directory.member_of import groups_by_member_of
from idp.directory.nesting import Nesting, can_be_asked, groups_above, read_nesting
from idp.directory.recent import WORTH_KEEPING, Recent
from idp.directory.searches import RawEntry
from idp.directory.token_groups import (
    GroupNames,
    no_names,
    read_names,
    read_names_of,
    token_groups,
)
from idp.directory.walking import GroupSearch, walk
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import GroupMembership

logger = logging.getLogger("drawbridge.directory")

# By a filter with this many identifiers a server still finds groups faster than it lists thousands.
FEW_GROUPS = 200
# What our service account may be given at once; level by level it is less.
TOO_MANY = (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED)


class NestedGroups:
    """The groups of people of one directory; what is the same for everybody is read once in a few seconds."""

    def __init__(self, config: DirectoryConfig, *, for_one_answer: bool = False) -> None:
        """Nothing has been read yet; refuses a method that the kind of directory does not know.

        `for_one_answer`, about many people at once, reads what is the same for all of them once.
        """
        if config.group_method is not GroupMethod.WALK and not config.is_active_directory:
            setting, method = config.variable("GROUP_METHOD"), config.group_method.value
            raise ImproperlyConfigured(f"{setting} is {method}, which Active Directory alone knows.")
        self._config = config
        seconds = math.inf if for_one_answer else config.reuse_seconds
        worth_keeping = 0 if for_one_answer else WORTH_KEEPING
        self._few = 0 if for_one_answer else FEW_GROUPS
        may_wait = directory_calls_at_once() // 2
        self._names: Recent[GroupNames] = Recent(seconds, worth_keeping=worth_keeping, may_wait=may_wait)
        self._nesting: Recent[Nesting] = Recent(seconds, worth_keeping=worth_keeping, may_wait=may_wait)
        self._nesting_can_be_asked: bool | None = None

    def of(
        self, person: RawEntry, search: GroupSearch, *, names: bool, deadline: Deadline
    ) -> tuple[GroupMembership, ...]:
        """Every group that the person is in, directly or through groups; nobody waits beyond the deadline.

        Without `names` token groups come as identifiers only, which spares reading all names.
        """
        config = self._config
        if config.group_method is GroupMethod.TOKEN_GROUPS:
            return token_groups(
                person, search, partial(self._names_of, search, deadline) if names else no_names, config
            )
        if config.group_method is GroupMethod.IN_CHAIN:
            return groups_in_chain(person, search, config)
        if config.is_active_directory:
            return groups_by_member_of(person, search, config)
        direct = direct_groups(person[0], search, config)
        return walk(direct, self._level_above(search, deadline)) if direct else ()

    @property
    def always_names(self) -> bool:
        """Whether groups come with their names however they are asked for."""
        return self._config.group_method is not GroupMethod.TOKEN_GROUPS

    def _names_of(self, search: GroupSearch, deadline: Deadline, sids: Collection[str]) -> GroupNames:
        """The names of a few groups by themselves; of many, those of all groups, which is cheaper then."""
        known = self._names.peek()
        if known is not None:
            return known
        if len(sids) <= self._few:
            return read_names_of(sids, search, self._config)
        return self._names.get(lambda: read_names(search, self._config), patience=deadline)

    def _level_above(
        self, search: GroupSearch, deadline: Deadline
    ) -> Callable[[tuple[GroupMembership, ...]], Iterable[GroupMembership]]:
        if self._nesting_can_be_asked is None:
            self._nesting_can_be_asked = can_be_asked(search, self._config)
        if not self._nesting_can_be_asked:
            return lambda groups: level_above(groups, search, self._config)
        try:
            nesting = self._nesting.get(lambda: read_nesting(search, self._config), patience=deadline)
        except DirectoryUnavailable as problem:
            if not isinstance(problem.__cause__, TOO_MANY):
                raise
            logger.warning("directory.nesting.limit", extra={"facts": {"cause": problem.cause}})
            return lambda groups: level_above(groups, search, self._config)
        return lambda groups: groups_above(groups, nesting)
