"""The order of servers, and who is probed."""

import threading
import time

from idp.directory.deadline import Deadline
from idp.directory.servers import MOST_PROBED_AT_ONCE, Server, Servers


def test_of_dozens_of_servers_only_some_are_probed_at_once() -> None:
    """Whoever measures a large domain waits for the first few, and the rest is told as it was."""
    may_end = threading.Event()
    probed: list[str] = []

    def attempt(server: Server) -> None:
        probed.append(server.uri)
        may_end.wait(10)
        server.answered()

    named = tuple(f"ldaps://dc{number}" for number in range(40))
    every = Servers(lambda: named, attempt, changed=lambda: None)
    began = time.monotonic()
    answers = every.measure(Deadline.after(0.3))
    assert time.monotonic() - began < 5
    assert sorted(probed) == sorted(named[:MOST_PROBED_AT_ONCE])
    assert [bool(answer.problem) for answer in answers] == [True] * MOST_PROBED_AT_ONCE + [False] * 34
    may_end.set()


def test_servers_that_have_failed_stand_behind() -> None:
    """The order is the configured one; one failure puts a server behind the others, and all alike keep the order."""
    named = ("ldaps://a", "ldaps://b", "ldaps://c")
    every = Servers(lambda: named, lambda _server: None, changed=lambda: None)

    def order() -> str:
        return "".join(server.uri[-1] for server in every.in_use())

    assert order() == "abc"
    first, *others = every.all()
    first.failed("gone")
    assert order() == "bca"
    for server in others:
        server.failed("gone")
    assert order() == "abc"


def test_servers_that_come_and_go_keep_what_is_known_of_the_others() -> None:
    """A new list of the DNS takes over the breakers of the servers that stay, and says that it has changed."""
    named = ["ldaps://a", "ldaps://b"]
    changes = 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    every = Servers(lambda: tuple(named), lambda _server: None, changed=changed)
    before = dict(zip(named, every.all(), strict=True))
    assert changes == 1
    named[:] = ["ldaps://b", "ldaps://c"]
    stayed, came = every.all()
    assert stayed is before["ldaps://b"]
    assert came.uri == "ldaps://c"
    assert changes == 2
    assert every.all() == (stayed, came)
    assert changes == 2
