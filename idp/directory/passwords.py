"""What is done with a person's password: it is tried, or changed for another one."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import ldap

from idp.conf.directories import DirectoryConfig
from idp.directory import searches
from idp.directory.account_state import state_of
from idp.directory.backend import Afterwards, LookUp, PasswordCheck
from idp.directory.binding import BindAnswer
from idp.directory.connections import Connections
from idp.directory.deadline import Deadline
from idp.directory.errors import PasswordNotChangeable
from idp.directory.links import Link
from idp.directory.options import password_check_settings, person_attributes
from idp.directory.password_change import PasswordChange
from idp.directory.password_policy import Policies
from idp.directory.port import AccountFound
from idp.directory.searches import RawEntry
from idp.domain.errors import DirectoryUnavailable, PasswordChangeNeeded
from idp.domain.identity import AccountState

# In which states of the account, as the entry shows it, whoever has the password may change it.
MAY_CHANGE = frozenset({
    AccountState.ENABLED, AccountState.LOCKED, AccountState.PASSWORD_EXPIRED, AccountState.MUST_CHANGE,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose password is meant, by when there must be an answer, and who hears of the account before it is tried."""

    name: str
    look_up: LookUp
    deadline: Deadline
    found: AccountFound | None
    now: datetime


class Passwords:
    """The passwords of one directory's people."""

    def __init__(self, config: DirectoryConfig, connections: Connections, policies: Policies) -> None:
        """Nothing is asked yet."""
        self._config = config
        self._connections = connections
        self._policies = policies
        self._settings = password_check_settings(config)

    def check(self, asked: Asked, password: str) -> tuple[RawEntry, BindAnswer]:
        """The entry of whoever has this name and password, and what the server says beside its yes."""
        check = self._check(asked)
        return check.entry_of(asked.name, password), check.connection.answer

    def change(self, asked: Asked, password: str, new_password: str) -> None:
        """Whoever has this name and password has the new one from here on."""
        changed = False

        def change_of(entry: RawEntry) -> PasswordChange:
            rules = self._policies.of(entry[1], asked.deadline).rules
            return PasswordChange(password, new_password, rules, asked.now)

        def as_person(link: Link, entry: RawEntry) -> None:
            nonlocal changed
            if state_of(entry[1], now=asked.now) in MAY_CHANGE:
                change_of(entry).as_person(link, entry[0])
                changed = True

        by_us = self._config.is_active_directory
        check = self._check(asked, afterwards=None if by_us else as_person)
        try:
            entry: RawEntry | None = check.entry_of(asked.name, password)
        except PasswordChangeNeeded as needed:
            if not (changed or by_us):
                raise PasswordNotChangeable("the server takes it no more, not even to change it") from needed
            entry = check.connection.entry
        if by_us and entry is not None:
            self._change_as_service(change_of(entry), entry, asked.deadline)

    def _change_as_service(self, change: PasswordChange, entry: RawEntry, deadline: Deadline) -> None:
        """Never twice: of a change that was sent and not answered nobody knows whether it was made."""
        self._connections.service.until(deadline).run(
            lambda link: change.as_service(link, entry), repeatable=False, on_kept=False
        )

    def _check(self, asked: Asked, *, afterwards: Afterwards | None = None) -> PasswordCheck:
        return PasswordCheck(
            self._settings,
            self._config,
            lambda: asked.look_up() or self._as_long_as_for_somebody(asked),
            self._connections.passwords.until(asked.deadline),
            asked.found,
            policies=self._policies,
            now=asked.now,
            afterwards=afterwards,
        )

    def _as_long_as_for_somebody(self, asked: Asked) -> list[RawEntry]:
        """Nobody, after a look at an entry that is there: working out the state of an account takes a server time."""
        if asked.found is not None:
            with suppress(DirectoryUnavailable):
                self._connections.service.until(asked.deadline).run(
                    lambda link: searches.search(
                        link,
                        self._config.bind_dn,
                        ldap.SCOPE_BASE,
                        "(objectClass=*)",
                        person_attributes(self._config),
                        seconds=self._config.operation_seconds,
                    )
                )
        return []
