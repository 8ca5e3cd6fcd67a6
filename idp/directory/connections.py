"""Kept connections to several servers: lent to one caller at a time, opened anew when they break.

A connection costs a TLS handshake, an operation on a kept one does not. Two pools never mix: one whose
connections are bound as our service account, and one on which people's passwords are tried.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ldap

from idp.conf import DirectoryConfig
from idp.directory.options import connection_options, encryption
from idp.domain.errors import DirectoryUnavailable

logger = logging.getLogger("drawbridge.directory")

MOST_AT_ONCE = 8
LONGEST_WAIT_FOR_A_TURN = 1.0
OLDEST_CONNECTION = 600.0
HOLD_OFF = 3.0

BROKEN = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.UNAVAILABLE, ldap.BUSY, ldap.DECODING_ERROR)
STALLED = (ldap.TIMEOUT, ldap.TIMELIMIT_EXCEEDED)

Link = Any  # python-ldap publishes no types
Result = TypeVar("Result")


@dataclass(slots=True)
class Server:
    """One server; while it is held off nobody but one prober waits for it."""

    uri: str
    held_off_until: float = 0.0
    stalled: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def may_be_tried(self) -> bool:
        """Whether to try it now; of those who ask after a stall, one at a time may."""
        with self.lock:
            if time.monotonic() < self.held_off_until:
                return False
            if self.stalled:
                self.held_off_until = time.monotonic() + HOLD_OFF
            return True

    def has_stalled(self) -> None:
        """It accepted us and then kept us waiting: for a while others need not wait as well."""
        with self.lock:
            self.stalled = True
            self.held_off_until = time.monotonic() + HOLD_OFF

    def has_answered(self) -> None:
        """It is well."""
        with self.lock:
            self.stalled = False
            self.held_off_until = 0.0


@dataclass(slots=True)
class Kept:
    """One open connection, and since when."""

    link: Link
    server: Server
    opened_at: float


class Pool:
    """Connections of one kind, each used by one caller at a time."""

    def __init__(self, config: DirectoryConfig, servers: tuple[Server, ...], *, as_service: bool) -> None:
        """Nothing is opened yet."""
        self._config = config
        self._servers = servers
        self._as_service = as_service
        self._begin_empty()

    def _begin_empty(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[Kept] = []
        self._turns = threading.BoundedSemaphore(MOST_AT_ONCE)

    def run(self, operation: Callable[[Link], Result]) -> Result:
        """What the operation gives on a kept connection; one that turns out broken is replaced once.

        Unavailable if no server answers in time, or one answers with anything but a complete result.
        """
        if self._process != os.getpid():
            self._forget_the_parent()
        if not self._turns.acquire(timeout=LONGEST_WAIT_FOR_A_TURN):
            raise DirectoryUnavailable("all connections are waiting for the directory")
        try:
            return self._run(operation)
        except ldap.LDAPError as error:
            raise DirectoryUnavailable(cause_of(error)) from error
        finally:
            self._turns.release()

    def _run(self, operation: Callable[[Link], Result]) -> Result:
        kept = self._take() or self._open()
        try:
            return self._use(kept, operation)
        except BROKEN as error:
            logger.info("directory.connection.broken", extra={"facts": {"cause": cause_of(error)}})
            self._drop_idle()
        except STALLED as error:
            logger.warning(
                "directory.server.stalled",
                extra={"facts": {"uri": kept.server.uri, "cause": cause_of(error)}},
            )
            kept.server.has_stalled()
            self._drop_idle()
        return self._use(self._open(), operation)

    def _use(self, kept: Kept, operation: Callable[[Link], Result]) -> Result:
        try:
            result = operation(kept.link)
        except BaseException:
            # The server may still be sending: nobody else must receive the rest of this answer.
            close(kept.link)
            raise
        with self._lock:
            self._idle.append(kept)
        return result

    def _take(self) -> Kept | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                kept = self._idle.pop()
            if time.monotonic() - kept.opened_at < OLDEST_CONNECTION:
                return kept
            close(kept.link)

    def _open(self) -> Kept:
        """A fresh connection to the first server that answers."""
        causes: list[str] = []
        for server in self._servers:
            if not server.may_be_tried():
                causes.append(f"{server.uri}: did not answer a moment ago")
                continue
            try:
                link = open_link(self._config, server.uri, as_service=self._as_service)
            except ldap.LDAPError as error:
                causes.append(f"{server.uri}: {cause_of(error)}")
                if isinstance(error, STALLED):
                    server.has_stalled()
                continue
            server.has_answered()
            return Kept(link, server, time.monotonic())
        cause = "; ".join(causes) or "DRAWBRIDGE_LDAP_URI names no server"
        logger.warning("directory.servers.none-answered", extra={"facts": {"cause": cause}})
        raise DirectoryUnavailable(cause)

    def _drop_idle(self) -> None:
        """Its siblings have most likely died with it."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            close(kept.link)

    def _forget_the_parent(self) -> None:
        """After a fork the sockets are still the parent's: not one byte of ours may go over them.

        They are kept out of reach of the garbage collector, which would say goodbye in the parent's name.
        """
        parents_connections.extend(kept.link for kept in self._idle)
        self._begin_empty()


parents_connections: list[Link] = []


def open_link(config: DirectoryConfig, uri: str, *, as_service: bool) -> Link:
    """A connection that is encrypted, to the server that it should be, and bound if asked for."""
    encrypted, starttls = encryption(uri, config)
    link = ldap.initialize(uri)
    try:
        _set_options(link, config, encrypted=encrypted)
        if starttls:
            link.start_tls_s()
        if as_service:
            link.result3(
                link.simple_bind(config.bind_dn, config.bind_password), timeout=config.operation_seconds
            )
    except BaseException:
        close(link)
        raise
    return link


def _set_options(link: Link, config: DirectoryConfig, *, encrypted: bool) -> None:
    try:
        for option, value in connection_options(config, encrypted=encrypted):
            link.set_option(option, value)
    except ValueError as error:
        # All that libldap says where it cannot make a TLS context.
        raise DirectoryUnavailable(f"no certificates can be read from {config.ca_file}") from error


def close(link: Link) -> None:
    """The connection is gone; that the server has gone before is no matter."""
    try:
        link.unbind_ext()
    except ldap.LDAPError as error:
        logger.debug("directory.connection.closed-already", extra={"facts": {"cause": cause_of(error)}})


def cause_of(error: ldap.LDAPError) -> str:
    """What libldap said, on one line; it holds no password."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = (type(error).__name__, str(said.get("desc", "")), str(said.get("info", "")))
    return ": ".join(part for part in parts if part)[:300]
