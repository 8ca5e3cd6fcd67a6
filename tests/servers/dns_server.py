"""A small DNS server on loopback that answers from a table, and can be told to be silent."""

import socket
import threading
from collections.abc import Iterator
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

LARGEST = 4_096


class DnsServer:
    """Answers by UDP; names are written without the dot at their end."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        """Nothing is registered yet."""
        self.records: dict[tuple[str, str], list[str]] = {}
        self.ttl = 1
        self.asked: list[str] = []
        self.is_silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.address = "{}:{}".format(*self._socket.getsockname())
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def register(self, name: str, kind: str, *values: str) -> None:
        """The name has these records of this kind, and no others of it."""
        self.records[name.lower(), kind] = list(values)

    def _serve(self) -> None:
        while True:
            octets, visitor = self._socket.recvfrom(LARGEST)
            if not octets:
                return
            query = dns.message.from_wire(octets)
            question = query.question[0]
            name, kind = str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append(name)
            if not self.is_silent:
                self._socket.sendto(self._answer(query, name, kind), visitor)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA | dns.flags.AA
        values = self.records.get((name, kind), [])
        if values:
            response.answer.append(dns.rrset.from_text_list(f"{name}.", self.ttl, "IN", kind, values))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    """A DNS server for one test."""
    with DnsServer() as server:
        yield server
