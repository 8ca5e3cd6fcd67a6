"""The password check on top of django-auth-ldap, over kept connections, and without touching a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ldap
from django_auth_ldap.backend import LDAPBackend
from django_auth_ldap.config import LDAPSettings

from idp.conf.directories import DirectoryConfig
from idp.directory.account_state import failures_in, state_of
from idp.directory.binding import BindAnswer, bind
from idp.directory.entries import immutable_id_of, username_of
from idp.directory.errors import (
    REFUSAL_OF,
    AccountSpared,
    DirectoryRefusal,
    PasswordNotAnswered,
    UnknownPerson,
    WrongPassword,
)
from idp.directory.links import Link
from idp.directory.password_policy import Policies
from idp.directory.pool import Borrower
from idp.directory.port import AccountFound, FoundAccount
from idp.directory.searches import RawEntry
from idp.domain.errors import DirectoryUnavailable, Refused
from idp.domain.identity import AccountState
from idp.domain.password_policy import Lockout

# What the entry says beside a password that was not taken; that it has expired is for whoever knows it.
SAID_WITHOUT_PASSWORD = frozenset({AccountState.DISABLED, AccountState.LOCKED, AccountState.EXPIRED})
# What the entry may say beside one that was: a lock that the server has let somebody through is over.
SIGNS_IN = frozenset({AccountState.ENABLED, AccountState.LOCKED})


LookUp = Callable[[], Sequence[RawEntry]]
Afterwards = Callable[[Link, RawEntry], None]


@dataclass(slots=True)
class Accepted:
    """What django-auth-ldap receives in the place of a user of its own: nothing of it is ever stored."""

    ldap_user: Any = None
    ldap_username: str = ""


class PasswordCheck(LDAPBackend):  # type: ignore[misc] # django-auth-ldap publishes no types
    """One try of one person; ask `entry_of` once and throw it away."""

    def __init__(
        self,
        settings: LDAPSettings,
        config: DirectoryConfig,
        look_up: LookUp,
        passwords: Borrower,
        found: AccountFound | None,
        *,
        policies: Policies,
        now: datetime,
        afterwards: Afterwards | None = None,
    ) -> None:
        """`afterwards` is done on the person's own connection, once, right after their password was taken."""
        self.settings = settings
        self.connection = KeptConnection(config, look_up, passwords, afterwards)
        self._config = config
        self._found = found
        self._policies = policies
        self._deadline = passwords.deadline
        self._now = now

    def entry_of(self, username: str, password: str) -> RawEntry:
        """The entry of whoever has this name and this password; refuses with the reason.

        An unknown name costs the server the same bind as a known one, so that time does not tell.
        """
        accepted = self.authenticate(None, username=username, password=password)
        if self.connection.failure is not None:
            raise self.connection.failure
        entry = self.connection.entry
        if accepted is None and self._found is not None:
            # For whoever counts failures: it costs an operation now and then, which a good sign-in must not.
            self._policies.renew(entry[1] if entry else None, self._deadline)
        if entry is None:
            raise UnknownPerson(
                "several entries go by this name" if self.connection.several else "no such entry"
            )
        seen = state_of(entry[1], now=self._now, lockout_for=self._policies.known(entry[1]).lockout.lasts)
        state = self.connection.answer.state
        if accepted is None:
            raise self._refusal(entry, state or (seen if seen in SAID_WITHOUT_PASSWORD else None))
        if state is not None or seen not in SIGNS_IN:
            raise self._refusal(entry, state or seen)
        return entry

    def _refusal(self, entry: RawEntry, state: AccountState | None) -> DirectoryRefusal:
        kind = WrongPassword if state is None else REFUSAL_OF.get(state, WrongPassword)
        return kind(
            f"the directory says {state}" if state else "",
            account_key=self._account_key(entry),
            username=username_of(entry, self._config),
        )

    def _tell(self, found: AccountFound, entry: RawEntry, password: str) -> None:
        """Whoever counts hears of the account; its policy is read only where there have been failures before."""
        if not self._policies.is_kept(entry[1]):
            try:
                found(self._account(entry, self._policies.least))
            except AccountSpared:
                self._policies.renew(entry[1], self._deadline)
            else:
                return
        try:
            found(self._account(entry, self._policies.known(entry[1]).lockout))
        except AccountSpared:
            self.connection.bind_as_nobody(password)
            raise

    def _account(self, entry: RawEntry, lockout: Lockout) -> FoundAccount:
        return FoundAccount(
            account_key=self._account_key(entry),
            username=username_of(entry, self._config),
            failures=failures_in(entry[1], lockout, now=self._now),
            lockout=lockout,
        )

    def _account_key(self, entry: RawEntry) -> str:
        return f"{self._config.name}:{immutable_id_of(entry[1], self._config)}"

    # --- the hooks of django-auth-ldap --------------------------------------------------------------

    @property
    def ldap(self) -> "PasswordCheck":
        """In the place of the `ldap` module, of which only `initialize` is used."""
        return self

    def initialize(self, *_: Any, **__: Any) -> "KeptConnection":
        """A connection that is there already."""
        return self.connection

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> Accepted | None:
        """The name is looked up, whoever counts tries hears of the account, and only then is the password tried."""
        if ldap_user.dn is None:
            if self._found is not None:
                self._found(None)
            self.connection.bind_as_nobody(password)
            return None
        if self._found is not None and self.connection.entry is not None:
            self._tell(self._found, self.connection.entry, password)
        accepted: Accepted | None = ldap_user.authenticate(password)
        return accepted

    def get_or_build_user(self, *_: Any) -> tuple[Accepted, bool]:
        """Nobody is looked up in our tables and nobody is made: services do that, by the identifier."""
        return Accepted(), False


class KeptConnection:
    """What django-auth-ldap takes for a connection of its own: searches as the service, binds elsewhere."""

    def __init__(
        self,
        config: DirectoryConfig,
        look_up: LookUp,
        passwords: Borrower,
        afterwards: Afterwards | None = None,
    ) -> None:
        self._config = config
        self._afterwards = afterwards
        self._look_up = look_up
        self._passwords = passwords
        self.entry: RawEntry | None = None
        self.several = False
        self.answer = BindAnswer(accepted=False)
        self.failure: DirectoryUnavailable | Refused | None = None

    def search_s(self, *_: Any) -> list[tuple[str, dict[str, Any]]]:
        """The names of the entries that are meant; their attributes stay with us, as bytes."""
        found = self._look_up()
        self.several = len(found) > 1
        if len(found) == 1:
            self.entry = found[0]
        return [(dn, {}) for dn, _ in found]

    def simple_bind_s(self, dn: str, password: str) -> None:
        """Try a person's password.

        Without name and password it is django-auth-ldap wanting a connection to search on, and ours are bound
        already; it is told no service name, so that no person's name can be taken for that.
        """
        if not dn and not password:
            return
        # The name as the server spells it: django-auth-ldap has folded it to lower case.
        if self.entry is None or not self._bind(self.entry[0], password, self._afterwards):
            raise ldap.INVALID_CREDENTIALS

    def bind_as_nobody(self, password: str) -> None:
        """What a wrong password costs, for a name that nobody has."""
        self._bind(f"{self._config.username_attribute}=no-such-person,{self._config.user_base}", password)

    def _bind(self, dn: str, password: str, afterwards: Afterwards | None = None) -> bool:
        """Whether the password was taken; it is sent once, for a server that is only slow may count it."""
        is_unanswered = False

        def attempt(link: Link) -> BindAnswer:
            nonlocal is_unanswered
            try:
                answer = bind(link, dn, password, seconds=self._config.operation_seconds)
            finally:
                is_unanswered = link.is_owed_an_answer
            if answer.accepted and afterwards is not None and self.entry is not None:
                afterwards(link, self.entry)
            return answer

        try:
            self.answer = self._passwords.run(attempt, repeatable=False, on_kept=afterwards is None)
        except (DirectoryUnavailable, Refused) as failure:
            # django-auth-ldap would log the typed name beside any error but its own; we raise ours afterwards.
            self.failure = PasswordNotAnswered(failure.cause) if is_unanswered else failure
            return False
        return self.answer.accepted
