"""What every test has: the network shut except loopback, real servers as fixtures."""

from datetime import UTC, datetime

import pytest
from pytest_socket import socket_allow_hosts

pytest_plugins = [
    "tests.matrix",
    "tests.servers.postgres",
    "tests.servers.authority",
    "tests.servers.dns_server",
    "tests.servers.slapd",
    "tests.servers.faulty_slapd",
    "tests.servers.samba",
    "tests.servers.site",
    "tests.servers.providers",
]


@pytest.fixture(autouse=True)
def network_shut_except_loopback() -> None:
    from tests.servers.samba import COPIES as CONTROLLERS  # noqa: PLC0415 - a plugin, which pytest imports first

    socket_allow_hosts(["127.0.0.1", "::1", "localhost", *CONTROLLERS], allow_unix_socket=True)


@pytest.fixture
def now() -> datetime:
    """A moment for unit tests; whatever talks to a real server takes the real one."""
    return datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
