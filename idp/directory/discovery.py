"""Where the servers of a directory are: named in the settings, or found in the DNS by their domain (RFC 2782)."""

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import dns.exception
import dns.nameserver
import dns.resolver

from idp.conf.directories import DirectoryConfig
from idp.domain.errors import DirectoryUnavailable

logger = logging.getLogger("drawbridge.directory")

SECONDS_FOR_ONE_SERVER = 1.0
SECONDS_IN_ALL = 2.0
KEPT_AT_LEAST, KEPT_AT_MOST = 30.0, 3_600.0
AGAIN_AFTER_FAILURE = 3.0
# Plain and encrypted from the start; the second pair is the global catalog's ([MS-ADTS] 3.1.1.3.2.20).
TLS_PORT = {389: 636, 3268: 3269}
CATALOG_PORT = {"ldap": 3268, "ldaps": 3269}
host_name = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?", re.ASCII)


class Record(NamedTuple):
    """One SRV record: where a server is, and when its turn is."""

    priority: int
    weight: int
    host: str
    port: int


class Answer(NamedTuple):
    """The records of one name, and for how many seconds they hold."""

    records: tuple[Record, ...]
    holds_for: float


def named_servers(config: DirectoryConfig) -> tuple[str, ...]:
    """The servers of the settings, in their order; at the global catalog's port where that is asked."""
    if not config.global_catalog:
        return config.uris
    return tuple(_at_the_catalog(uri) for uri in config.uris)


def _at_the_catalog(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.port is not None or parts.scheme not in CATALOG_PORT:
        return uri
    return f"{parts.scheme}://{parts.netloc}:{CATALOG_PORT[parts.scheme]}"


class FoundServers:
    """The servers that the DNS names; the last good answer holds for as long as there is no newer one.

    Only who asks first waits for the DNS: from then on it is asked in the background, when an answer has
    grown old.
    """

    def __init__(self, config: DirectoryConfig) -> None:
        """Nothing is asked yet."""
        self._config = config
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nobody is asking: whoever was stayed behind in the process that we were forked from."""
        self._lock = threading.Lock()
        self._is_asking = False
        self._ask_from = 0.0
        self._uris: tuple[str, ...] = ()
        self._records: tuple[tuple[Record, ...], ...] = ()
        self._cause = ""

    def __call__(self) -> tuple[str, ...]:
        """The servers as they were last found, in the order in which they are to be asked."""
        if time.monotonic() >= self._ask_from:
            self._ask_again()
        if not self._uris:
            raise DirectoryUnavailable(self._cause or "the DNS is being asked for the directory's servers")
        return self._uris

    def _ask_again(self) -> None:
        if not self._uris:
            with self._lock:
                if time.monotonic() >= self._ask_from:
                    self._ask()
            return
        with self._lock:
            if self._is_asking:
                return
            self._is_asking = True
        threading.Thread(target=self._ask_aside, name="directory-discovery", daemon=True).start()

    def _ask_aside(self) -> None:
        try:
            self._ask()
        finally:
            self._is_asking = False

    def _ask(self) -> None:
        try:
            answers = [answer for name in service_names(self._config) if (answer := self._records_of(name))]
        except (dns.exception.DNSException, OSError, ValueError) as error:
            self._has_failed(f"the DNS does not answer: {type(error).__name__}: {error}")
            return
        records = tuple(answer.records for answer in answers)
        if not any(records):
            self._has_failed(f"the DNS names no server: {', '.join(service_names(self._config))}")
            return
        if records != self._records:
            # The order among equals is drawn once for one answer: a new draw would send people to and fro.
            self._uris = tuple(dict.fromkeys(self._uri(record) for one in records for record in drawn(one)))
            self._records = records
            logger.info("directory.discovery.found", extra={"facts": {"servers": ", ".join(self._uris)}})
        holds_for = min(answer.holds_for for answer in answers)
        self._ask_from = time.monotonic() + min(max(holds_for, KEPT_AT_LEAST), KEPT_AT_MOST)

    def _has_failed(self, cause: str) -> None:
        self._cause = cause
        self._ask_from = time.monotonic() + (KEPT_AT_LEAST if self._uris else AGAIN_AFTER_FAILURE)
        logger.warning("directory.discovery.failed", extra={"facts": {"cause": cause}})

    def _records_of(self, name: str) -> Answer | None:
        """The records of this name; None where there is no such name."""
        try:
            found = resolver(self._config.nameservers).resolve(name, "SRV", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        records = (
            Record(one.priority, one.weight, str(one.target).rstrip(".").lower(), one.port) for one in found
        )
        ours = sorted(record for record in records if self._is_ours(record.host))
        return Answer(tuple(ours), found.rrset.ttl if found.rrset is not None else KEPT_AT_LEAST)

    def _is_ours(self, host: str) -> bool:
        """Whether the host lies in the domain: a forged answer could name any machine with a certificate."""
        domain = self._config.srv_domain.lower()
        if host_name.fullmatch(host) and (host == domain or host.endswith(f".{domain}")):
            return True
        if host:
            logger.warning("directory.discovery.foreign-host", extra={"facts": {"host": host[:255]}})
        return False

    def _uri(self, record: Record) -> str:
        if self._config.srv_ldaps:
            return f"ldaps://{record.host}:{TLS_PORT.get(record.port, record.port)}"
        return f"ldap://{record.host}:{record.port}"


def service_names(config: DirectoryConfig) -> Iterator[str]:
    """The names under which the servers are registered, those of our own site first ([MS-ADTS] 6.3.2.3)."""
    service = "_gc" if config.global_catalog else "_ldap"
    if config.srv_site:
        yield f"{service}._tcp.{config.srv_site}._sites.{config.srv_domain}."
    yield f"{service}._tcp.{config.srv_domain}."


def drawn(records: Iterable[Record], below: Callable[[int], int] = secrets.randbelow) -> Iterator[Record]:
    """The records in the order of RFC 2782: by priority, and by lot among equals, the heavier the sooner."""
    left = sorted(records, key=lambda record: (record.priority, record.weight))
    while left:
        equals = [record for record in left if record.priority == left[0].priority]
        lot = below(sum(record.weight for record in equals) + 1)
        for record in equals:
            lot -= record.weight
            if lot <= 0:
                break
        left.remove(record)
        yield record


def resolver(nameservers: tuple[str, ...]) -> dns.resolver.Resolver:
    """Who is asked: the servers of the settings, or those of the machine."""
    asked = dns.resolver.Resolver(configure=not nameservers)
    asked.timeout, asked.lifetime = SECONDS_FOR_ONE_SERVER, SECONDS_IN_ALL
    if nameservers:
        asked.nameservers = [nameserver(text) for text in nameservers]
    return asked


def nameserver(text: str) -> dns.nameserver.Nameserver:
    """`address` or `address:port`, an IPv6 address with a port in brackets."""
    is_bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    parts = urlsplit(f"//[{text}]" if is_bare_ipv6 else f"//{text}")
    return dns.nameserver.Do53Nameserver(parts.hostname or "", parts.port or 53)
