"""Everything that one directory is asked over: its servers, and of each the kept connections of both kinds."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from weakref import WeakSet

import ldap

from idp.conf.directories import DirectoryConfig, directory_calls_at_once
from idp.directory import searches
from idp.directory.authority_file import AuthorityFile
from idp.directory.deadline import Deadline
from idp.directory.discovery import FoundServers, named_servers
from idp.directory.links import Link, cause_of, close, open_connection
from idp.directory.pool import NotAnswered, Pool
from idp.directory.port import ServerAnswer
from idp.directory.servers import Server, Servers
from idp.directory.turns import Turns
from idp.domain.errors import DirectoryUnavailable

EXAMINED_AT_ONCE = 8


class Connections:
    """The two pools never mix: on one we are our service account, on the other people's passwords are tried."""

    def __init__(self, config: DirectoryConfig) -> None:
        """Nothing is opened yet."""
        self._config = config
        self._found = FoundServers(config) if config.srv_domain else None
        self._named = named_servers(config)
        self.servers = Servers(self._where, self._try, changed=self._forget_idle)
        authorities = AuthorityFile(config.ca_file)
        self.service = Pool(config, self.servers, authorities, turns(), as_service=True)
        self.passwords = Pool(config, self.servers, authorities, turns(), as_service=False)
        everybodys.add(self)

    def begin_anew(self) -> None:
        """In a forked process: nothing of the parent's is used, and nothing of it is closed."""
        if self._found is not None:
            self._found.begin_anew()
        self.servers.begin_anew()
        self.service.begin_anew()
        self.passwords.begin_anew()

    def measure(self, *, seconds: float) -> tuple[ServerAnswer, ...]:
        """How each server answers just now, on kept connections, known within so many seconds."""
        try:
            return self.servers.measure(Deadline.after(seconds))
        except DirectoryUnavailable as error:
            return (self._not_found(error),)

    def examine(self) -> tuple[ServerAnswer, ...]:
        """How each server answers to somebody new: connected, encrypted, its certificate checked, bound."""
        try:
            uris = [server.uri for server in self.servers.all()]
        except DirectoryUnavailable as error:
            return (self._not_found(error),)
        with ThreadPoolExecutor(EXAMINED_AT_ONCE) as examiners:
            return tuple(examiners.map(self._examine, uris))

    def _where(self) -> tuple[str, ...]:
        return self._named if self._found is None else self._found()

    def _not_found(self, error: DirectoryUnavailable) -> ServerAnswer:
        return ServerAnswer(f"servers of {self._config.srv_domain}", error.cause)

    def _forget_idle(self) -> None:
        """Servers have come or gone: nothing is kept to one that is a server of ours no more."""
        self.service.drop_all_idle()
        self.passwords.drop_all_idle()

    def _try(self, server: Server) -> None:
        """The server has been asked how it does, and that is remembered of it."""
        deadline = Deadline.after(self._config.connect_seconds + self._config.operation_seconds)
        try:
            server.round_trip = self.service.ask(
                server, self._round_trip, deadline, open_within=self._config.connect_seconds
            )
        except NotAnswered:
            return
        except (ldap.LDAPError, DirectoryUnavailable) as error:
            # It answers, or it is not its fault; what it says is for the operator.
            server.says(cause_of(error) if isinstance(error, ldap.LDAPError) else error.cause)

    def _round_trip(self, link: Link) -> float:
        """How many seconds the smallest question takes there and back."""
        began = time.monotonic()
        searches.search(
            link,
            self._config.user_base,
            ldap.SCOPE_BASE,
            "(objectClass=*)",
            ["1.1"],
            seconds=self._config.operation_seconds,
        )
        return time.monotonic() - began

    def _examine(self, uri: str) -> ServerAnswer:
        deadline = Deadline.after(self._config.connect_seconds + self._config.operation_seconds)
        try:
            connection = open_connection(
                self._config, uri, deadline.or_within(self._config.connect_seconds), as_service=True
            )
            try:
                link = Link(connection, deadline, seconds=self._config.operation_seconds)
                return ServerAnswer(uri, "", self._round_trip(link) * 1000)
            finally:
                close(connection)
        except ldap.LDAPError as error:
            return ServerAnswer(uri, cause_of(error))
        except DirectoryUnavailable as error:
            return ServerAnswer(uri, error.cause)


@cache
def turns() -> Turns:
    """The turns of this process, shared by all its directories."""
    return Turns(directory_calls_at_once())


everybodys: WeakSet[Connections] = WeakSet()


def begin_anew_in_child() -> None:
    """A forked process has connections, breakers and turns of its own."""
    turns().begin_anew()
    for connections in everybodys:
        connections.begin_anew()


os.register_at_fork(after_in_child=begin_anew_in_child)
