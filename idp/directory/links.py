"""One connection to one server: opened encrypted to whom it should be, lent with a deadline, closed."""

import logging
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ldap

from idp.conf.directories import DirectoryConfig
from idp.directory.deadline import Deadline
from idp.directory.handshake import cut_off_at, meet
from idp.directory.options import connection_options, encryption
from idp.domain.errors import DirectoryUnavailable

logger = logging.getLogger("drawbridge.directory")

Connection = Any  # python-ldap publishes no types

BROKEN = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.DECODING_ERROR)
SILENT = (ldap.TIMEOUT, *BROKEN)


class Link:
    """A connection while it is lent: no wait on it goes beyond the borrower's deadline.

    `asked_at` is when the last wait began. It `is_owed_an_answer` from when something may have gone to the server
    until the server has answered, whatever it said.
    """

    def __init__(self, connection: Connection, deadline: Deadline, *, seconds: float) -> None:
        """The calls that name no time limit of their own have this one."""
        self._connection = connection
        self._deadline = deadline
        self.asked_at = time.monotonic()
        self.is_owed_an_answer = False
        connection.timeout = deadline.at_most(seconds)

    def simple_bind(self, dn: str, password: str, **wanted: Any) -> int:
        """The number of this question; where that is an error, it has not gone out."""
        number: int = self._connection.simple_bind(dn, password, **wanted)
        self.is_owed_an_answer = True
        return number

    def result3(self, number: int, *, timeout: float) -> Any:
        """What the server answers to the numbered question, within the limit and the deadline."""
        with self._waiting():
            return self._connection.result3(number, timeout=self._deadline.at_most(timeout))

    def result4(self, number: int, *, timeout: float, **wanted: Any) -> Any:
        """Likewise, with the controls and the intermediate answers."""
        with self._waiting():
            return self._connection.result4(number, timeout=self._deadline.at_most(timeout), **wanted)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.asked_at = time.monotonic()
        try:
            yield
        except ldap.LDAPError as error:
            self.is_owed_an_answer = isinstance(error, SILENT)
            raise
        self.is_owed_an_answer = False

    def __getattr__(self, name: str) -> Any:
        # Whatever else is done with it may send something.
        self.is_owed_an_answer = True
        return getattr(self._connection, name)


def open_connection(config: DirectoryConfig, uri: str, deadline: Deadline, *, as_service: bool) -> Connection:
    """A connection that is encrypted, to the server that it should be, and bound if asked for."""
    encrypted, starttls = encryption(uri, config)
    addresses = meet(uri, config, deadline) if encrypted else ()
    connection = ldap.initialize(uri)
    try:
        _set_options(
            connection, config, encrypted=encrypted, seconds=deadline.at_most(config.connect_seconds)
        )
        with cut_off_at(deadline, addresses, connection):
            if starttls:
                connection.start_tls_s()
            if as_service:
                number = connection.simple_bind(config.bind_dn, config.bind_password)
                connection.result3(number, timeout=deadline.at_most(config.operation_seconds))
            elif not starttls:
                _wake(connection, deadline.at_most(config.operation_seconds))
    except BaseException as error:
        close(connection)
        if isinstance(error, ldap.LDAPError) and not deadline.remaining():
            raise ldap.TIMEOUT({"desc": "silent while it was opened"}) from error
        raise
    return connection


def _wake(connection: Connection, seconds: float) -> None:
    """Libldap connects when it is first asked something: that is now, while somebody watches the time."""
    try:
        connection.result3(
            connection.search_ext("", ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"]), timeout=seconds
        )
    except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT):
        raise
    except ldap.LDAPError as error:
        # Whether it lets strangers read is not what was asked.
        logger.debug("directory.connection.woken", extra={"facts": {"answer": cause_of(error)}})


def _set_options(connection: Connection, config: DirectoryConfig, *, encrypted: bool, seconds: float) -> None:
    try:
        for option, value in connection_options(config, encrypted=encrypted, seconds=seconds):
            connection.set_option(option, value)
    except ValueError as error:
        # All that libldap says where it cannot make a TLS context.
        raise DirectoryUnavailable(f"no certificates can be read from {config.ca_file}") from error


def is_quiet(connection: Connection) -> bool:
    """Whether nothing has come over this idle connection: what comes unasked is its end, or the notice of it."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return not poller.poll(0)


def close(connection: Connection) -> None:
    """The connection is gone; that the server has gone before is no matter."""
    try:
        connection.unbind_ext()
    except ldap.LDAPError as error:
        logger.debug("directory.connection.closed-already", extra={"facts": {"cause": cause_of(error)}})


def cause_of(error: ldap.LDAPError) -> str:
    """What libldap said, on one line; it holds no password."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    # Errors of our own are told by the result of LDAP that they are a kind of.
    result = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == ldap.__name__)
    parts = (result, str(said.get("desc", "")), str(said.get("info", "")))
    return ": ".join(part for part in parts if part)[:300]
