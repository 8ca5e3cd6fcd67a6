"""Kept connections to several servers: lent to one caller at a time, opened anew when they break.

A connection costs a TLS handshake, an operation on a kept one does not. Two pools never mix: one whose
connections are bound as our service account, and one on which people's passwords are tried.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import ldap

from idp.conf.directories import DirectoryConfig
from idp.directory.authority_file import AuthorityFile
from idp.directory.deadline import NO_DEADLINE, Deadline
from idp.directory.handshake import CertificateRefused
from idp.directory.links import (
    BROKEN,
    SILENT,
    Connection,
    Link,
    cause_of,
    close,
    is_quiet,
    open_connection,
)
from idp.directory.servers import Server, Servers
from idp.directory.turns import Turns
from idp.domain.errors import DirectoryUnavailable

logger = logging.getLogger("drawbridge.directory")

OLDEST_CONNECTION = 600.0
# While servers are shut off, or all turns are taken, nobody is kept waiting for longer.
PATIENCE = 1.0
# Who answered nothing for so long has stalled, whatever the library calls it.
LONG_SILENCE = 1.0

# Of the time that is left each server that is still to be asked has its share, to be reached in.
LEAST_SHARE = 1.0

SENT_AWAY = (ldap.UNAVAILABLE, ldap.BUSY)
UNANSWERED = (*SILENT, *SENT_AWAY)
LEFT_ALONE = "has refused our bind, and is not tried again so soon"
BIND_REFUSED = (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH)

Result = TypeVar("Result")
Operation = Callable[[Link], Result]


@dataclass(slots=True)
class Kept:
    """One open connection, since when, and by which edition of the authorities' file."""

    connection: Connection
    opened_at: float
    edition: int


class NotAnswered(Exception):  # noqa: N818 - what happened, not a mistake
    """This server did not answer; the next one may. `was_asked` where it may have done what it was asked."""

    def __init__(self, cause: str, *, was_asked: bool) -> None:
        """Keep how far it went."""
        super().__init__(cause)
        self.was_asked = was_asked


class Pool:
    """Connections of one kind, each used by one caller at a time."""

    def __init__(
        self,
        config: DirectoryConfig,
        servers: Servers,
        authorities: AuthorityFile,
        turns: Turns,
        *,
        as_service: bool,
    ) -> None:
        """Nothing is opened yet."""
        self._config = config
        self._servers = servers
        self._authorities = authorities
        self._turns = turns
        self._as_service = as_service
        self._begin_empty()

    def _begin_empty(self) -> None:
        self._lock = threading.Lock()
        self._idle: defaultdict[str, list[Kept]] = defaultdict(list)

    def until(self, deadline: Deadline) -> "Borrower":
        """The same connections for a use-case that must have ended by then."""
        return Borrower(self, deadline)

    def run(
        self,
        operation: Operation[Result],
        *,
        deadline: Deadline = NO_DEADLINE,
        repeatable: bool = True,
        on_kept: bool = True,
    ) -> Result:
        """What the operation gives on a connection of the first server that answers, a kept one where it may be.

        Where one breaks, stalls or sends us away the operation is done again elsewhere, unless it must not be
        repeated and may have been done. Unavailable if no server answers in time, or one answers with anything
        but a complete result.
        """
        patience = deadline.or_within(PATIENCE)
        with self._turns.one(patience):
            try:
                return self._run(operation, deadline, patience, repeatable=repeatable, on_kept=on_kept)
            except ldap.LDAPError as error:
                raise DirectoryUnavailable(cause_of(error)) from error

    def _run(
        self,
        operation: Operation[Result],
        deadline: Deadline,
        patience: Deadline,
        *,
        repeatable: bool,
        on_kept: bool,
    ) -> Result:
        servers = self._servers.in_use() or self._servers.wait_for_one(patience)
        causes: list[str] = []
        for place, server in enumerate(servers):
            if causes and not deadline.remaining():
                # Nothing has answered so far: the rest is left alone until a probe says otherwise.
                server.stalled("not asked: others took all the time", since=time.monotonic())
                continue
            share = max(LEAST_SHARE, deadline.remaining() / (len(servers) - place))
            try:
                return self.ask(
                    server, operation, deadline, open_within=share, repeatable=repeatable, on_kept=on_kept
                )
            except NotAnswered as error:
                causes.append(f"{server.uri}: {error}")
                if error.was_asked and not repeatable:
                    break
        cause = "; ".join(causes) or self._servers.why_none_is_in_use()
        logger.warning("directory.servers.none-answered", extra={"facts": {"cause": cause}})
        raise DirectoryUnavailable(cause)

    def ask(
        self,
        server: Server,
        operation: Operation[Result],
        deadline: Deadline,
        *,
        open_within: float,
        repeatable: bool = True,
        on_kept: bool = True,
    ) -> Result:
        """What the operation gives on this one server; how the server did is remembered of it."""
        kept = self._take(server) if on_kept else None
        if kept is not None:
            link = self._link(kept, deadline)
            try:
                return self._use(server, kept, operation, link)
            except BROKEN as error:
                # Nothing is known of the server yet: somebody between us may have cut what was idle.
                logger.info("directory.connection.broken", extra={"facts": {"cause": cause_of(error)}})
                self._drop_idle(server)
                if link.is_owed_an_answer and not repeatable:
                    raise NotAnswered(cause_of(error), was_asked=True) from error
            except UNANSWERED as error:
                raise self._not_answered(server, error, link) from error
        fresh = self._open(server, deadline.or_within(min(open_within, self._config.connect_seconds)))
        link = self._link(fresh, deadline)
        try:
            return self._use(server, fresh, operation, link)
        except UNANSWERED as error:
            raise self._not_answered(server, error, link) from error

    def _link(self, kept: Kept, deadline: Deadline) -> Link:
        return Link(kept.connection, deadline, seconds=self._config.operation_seconds)

    def _use(self, server: Server, kept: Kept, operation: Operation[Result], link: Link) -> Result:
        try:
            result = operation(link)
        except BaseException as error:
            # The server may still be sending: nobody else must receive the rest of this answer.
            close(kept.connection)
            if isinstance(error, ldap.TIMEOUT):
                self._was_silent(server, error, since=link.asked_at)
            raise
        server.answered()
        with self._lock:
            self._idle[server.uri].append(kept)
        return result

    def _was_silent(self, server: Server, error: ldap.TIMEOUT, *, since: float) -> None:
        """The server has stalled; Unavailable where it had hardly any time left, which is not its fault."""
        if time.monotonic() - since < min(LONG_SILENCE, self._config.operation_seconds / 2):
            raise DirectoryUnavailable("the time for asking the directory has run out") from error
        server.stalled(cause_of(error), since=since)

    def _not_answered(self, server: Server, error: ldap.LDAPError, link: Link) -> NotAnswered:
        cause = cause_of(error)
        if not isinstance(error, ldap.TIMEOUT):
            server.failed(cause)
        self._drop_idle(server)
        logger.warning("directory.server.not-answered", extra={"facts": {"uri": server.uri, "cause": cause}})
        return NotAnswered(cause, was_asked=link.is_owed_an_answer)

    def _take(self, server: Server) -> Kept | None:
        edition = self._authorities.edition()
        while True:
            with self._lock:
                if not self._idle[server.uri]:
                    return None
                kept = self._idle[server.uri].pop()
            is_young = time.monotonic() - kept.opened_at < OLDEST_CONNECTION
            if kept.edition == edition and is_young and is_quiet(kept.connection):
                return kept
            close(kept.connection)
            if kept.edition != edition:
                self.drop_all_idle()

    def _open(self, server: Server, deadline: Deadline) -> Kept:
        """A fresh connection to this server; why there is none is remembered of it."""
        edition = self._authorities.edition()
        began = time.monotonic()
        if self._as_service and not server.breaker.claim_bind():
            raise NotAnswered(LEFT_ALONE, was_asked=False)
        try:
            connection = open_connection(self._config, server.uri, deadline, as_service=self._as_service)
        except ldap.LDAPError as error:
            raise self._not_opened(server, error, since=began) from error
        if self._as_service:
            server.breaker.took_our_bind()
        return Kept(connection, time.monotonic(), edition)

    def _not_opened(self, server: Server, error: ldap.LDAPError, *, since: float) -> NotAnswered:
        cause = cause_of(error)
        if isinstance(error, BIND_REFUSED):
            server.refused_our_bind(cause)
        elif isinstance(error, ldap.TIMEOUT) or time.monotonic() - since > LONG_SILENCE:
            server.stalled(cause, since=since)
        else:
            server.failed(cause)
        if isinstance(error, CertificateRefused) and server.may_be_complained_of():
            logger.error(
                "directory.certificate.refused", extra={"facts": {"uri": server.uri, "cause": cause}}
            )
        logger.warning("directory.server.not-opened", extra={"facts": {"uri": server.uri, "cause": cause}})
        return NotAnswered(cause, was_asked=False)

    def _drop_idle(self, server: Server) -> None:
        """Its siblings have most likely died with it."""
        with self._lock:
            idle = self._idle.pop(server.uri, [])
        for kept in idle:
            close(kept.connection)

    def drop_all_idle(self) -> None:
        """No connection is kept that nobody uses at this moment."""
        with self._lock:
            idle, self._idle = self._idle, defaultdict(list)
        for kept in (one for many in idle.values() for one in many):
            close(kept.connection)

    def begin_anew(self) -> None:
        """After a fork the sockets are still the parent's: not one byte of ours may go over them.

        They are kept out of reach of the garbage collector, which would say goodbye in the parent's name.
        """
        parents_connections.extend(kept.connection for idle in self._idle.values() for kept in idle)
        self._begin_empty()


parents_connections: list[Connection] = []


@dataclass(frozen=True, slots=True)
class Borrower:
    """A pool as one use-case sees it: everything it runs shares the deadline."""

    pool: Pool
    deadline: Deadline

    def run(self, operation: Operation[Result], *, repeatable: bool = True, on_kept: bool = True) -> Result:
        """What the operation gives; see `Pool.run`."""
        return self.pool.run(operation, deadline=self.deadline, repeatable=repeatable, on_kept=on_kept)
