"""The two bases of one directory, below which people and groups are sought: by our account, and in time."""

from collections.abc import Sequence
from typing import Any

import ldap

from idp.conf.directories import DirectoryConfig
from idp.directory import searches
from idp.directory.deadline import NO_DEADLINE, Deadline
from idp.directory.options import person_attributes
from idp.directory.pool import Pool
from idp.directory.searches import RawEntry
from idp.domain.errors import DirectoryUnavailable
from idp.domain.groups import is_at_or_below


class Bases:
    """Searches of one directory; an answer is complete, or Unavailable."""

    def __init__(self, config: DirectoryConfig, service: Pool) -> None:
        """Nothing is asked yet."""
        self._config = config
        self._service = service

    def people(self, wanted: str, deadline: Deadline) -> list[RawEntry]:
        """The people for whom the filter holds, with what is asked about a person."""
        return self._search(
            self._config.user_base, wanted, person_attributes(self._config), deadline=deadline
        )

    def groups(
        self,
        deadline: Deadline,
        wanted: str,
        attributes: Sequence[str],
        *,
        base: str = "",
        scope: int = ldap.SCOPE_SUBTREE,
        controls: Sequence[Any] = (),
    ) -> list[RawEntry]:
        """The entries for which the filter holds, below the base of the groups unless another one is given."""
        where = base or self._config.group_base
        found = self._search(where, wanted, attributes, scope=scope, controls=controls, deadline=deadline)
        if self._config.group_prefix and not all(is_at_or_below(dn, where) for dn, _ in found):
            # Rules by name trust the base: a server must not tell names of another directory.
            raise DirectoryUnavailable(
                f"{self._config.name} shows entries beside {where}, below which they were sought"
            )
        return found

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
