"""A server is met by a handshake of our own before libldap goes there: bounded in time, and told in words.

Debian's libldap 2.5 on GnuTLS knows no time limit for a TLS handshake: with a server that accepts and then
says nothing it spins for ever. So it is led only to servers that have just shaken hands with us, and cut off
when its time is over. And it says of no certificate why it is refused; both must believe it.
"""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol
from urllib.parse import urlsplit

import ldap

from idp.conf.directories import DirectoryConfig
from idp.directory.deadline import Deadline
from idp.domain.errors import DirectoryUnavailable

# RFC 4511 section 4.14.1: the extended request StartTLS as message 1, and how the result begins in its answer.
STARTTLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
RESULT_CODE = b"\x0a\x01"
SUCCESS = b"\x00"
REFUSALS = {b"\x02": ldap.PROTOCOL_ERROR, b"\x34": ldap.UNAVAILABLE}
LONGEST_ANSWER = 4_096
PORTS = {"ldap": 389, "ldaps": 636}

# What libldap has at least for a handshake with a server that has just shaken hands with us.
LEAST_TIME = 1.0

Address = tuple[str, int]


class HasFileno(Protocol):
    """What has a descriptor, once it is open."""

    def fileno(self) -> int:
        """The descriptor."""


# What each opening that is under way must not cut.
openings: list[set[str]] = []
openings_lock = threading.Lock()


class CertificateRefused(ldap.CONNECT_ERROR):  # type: ignore[misc] # python-ldap publishes no types
    """The server does not prove that it is the one whom we mean."""


def meet(uri: str, config: DirectoryConfig, deadline: Deadline) -> tuple[Address, ...]:
    """Where this server is, after it has shaken hands and proved who it is; nothing else has been sent to it.

    Raises libldap's errors: TIMEOUT where it is silent, CONNECT_ERROR and SERVER_DOWN as their names say.
    """
    parts = urlsplit(uri)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    context = _context(config)
    addresses = _addresses_of(host, port, deadline)
    try:
        with _connected(addresses, deadline) as plain:
            _spare(plain.fileno())
            if parts.scheme == "ldap":
                _ask_for_tls(plain)
            plain.settimeout(deadline.at_most(config.connect_seconds))
            with context.wrap_socket(plain, server_hostname=host):
                return addresses
    except TimeoutError as error:
        raise ldap.TIMEOUT({"desc": "silent when it was met"}) from error
    except ssl.SSLCertVerificationError as error:
        raise CertificateRefused({"desc": f"its certificate is refused: {error.verify_message}"}) from error
    except ssl.SSLError as error:
        raise ldap.CONNECT_ERROR({"desc": f"no TLS: {error.reason or error}"}) from error
    except OSError as error:
        raise ldap.SERVER_DOWN({"desc": error.strerror or type(error).__name__}) from error


def _context(config: DirectoryConfig) -> ssl.SSLContext:
    """Our side: who vouches is read from the file each time, names are checked, nothing is older than TLS 1.2."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ValueError) as error:
        raise DirectoryUnavailable(f"no certificates can be read from {config.ca_file}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Whoever stands in the file vouches, also an authority that another one vouches for: libldap takes it so.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _addresses_of(host: str, port: int, deadline: Deadline) -> tuple[Address, ...]:
    """The addresses of the host; the system's resolver knows no time limit, so it is not waited for."""
    answers: SimpleQueue[list[Address] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(str(entry[4][0]), port) for entry in found])
        except (OSError, UnicodeError) as error:
            answers.put(OSError(str(error)))

    threading.Thread(target=look_up, name="directory-look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.at_most(deadline.remaining()))
    except Empty:
        raise ldap.TIMEOUT({"desc": f"the DNS is silent about {host}"}) from None
    if isinstance(answer, OSError):
        raise ldap.SERVER_DOWN({"desc": f"no address of {host}: {answer}"})
    return tuple(dict.fromkeys(answer))


def _connected(addresses: tuple[Address, ...], deadline: Deadline) -> socket.socket:
    """A connection to the first address that accepts one; each has its share of the time."""
    for place, address in enumerate(addresses):
        try:
            return socket.create_connection(address, deadline.remaining() / (len(addresses) - place) or 0.001)
        except OSError:
            if place == len(addresses) - 1:
                raise
    raise OSError("no address")


def _ask_for_tls(plain: socket.socket) -> None:
    plain.sendall(STARTTLS)
    _, _, rest = plain.recv(LONGEST_ANSWER).partition(RESULT_CODE)
    if rest[:1] != SUCCESS:
        raise REFUSALS.get(rest[:1], ldap.CONNECT_ERROR)({"desc": "refuses StartTLS"})


@contextmanager
def cut_off_at(deadline: Deadline, addresses: tuple[Address, ...], opened: HasFileno) -> Iterator[None]:
    """Inside, what is opened to these addresses ends with the deadline, but not before a moment has passed.

    Connections that stand are left alone: those of before, and what others have opened meanwhile.
    """
    spared = _sockets()
    with openings_lock:
        openings.append(spared)
    watchdog = threading.Timer(max(deadline.remaining(), LEAST_TIME), _cut, (frozenset(addresses), spared))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
        if addresses:
            _spare(opened.fileno())
    finally:
        watchdog.cancel()
        with openings_lock:
            # By what it is: another one may hold the same.
            openings[:] = [one for one in openings if one is not spared]


def _spare(descriptor: int) -> None:
    """Nobody whose opening is late cuts this one: it stands, or has a time limit of its own."""
    name = _socket_at(Path(f"/proc/self/fd/{descriptor}"))
    with openings_lock:
        for spared in openings:
            spared.add(name)


def _sockets() -> set[str]:
    """The sockets of this process, by what the system calls them: descriptors are used again, these are not."""
    return {_socket_at(path) for path in Path("/proc/self/fd").iterdir()}


def _socket_at(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        # Gone meanwhile.
        return ""


def _cut(addresses: frozenset[Address], spared: set[str]) -> None:
    """Libldap shows nobody the descriptor of a connection that it is opening: it is found by where it leads."""
    for path in Path("/proc/self/fd").iterdir():
        # What is gone meanwhile, or no connection, is none that we look for.
        with suppress(OSError):
            if path.is_socket() and _socket_at(path) not in spared:
                with socket.socket(fileno=os.dup(int(path.name))) as found:
                    if found.getpeername()[:2] in addresses:
                        found.shutdown(socket.SHUT_RDWR)
