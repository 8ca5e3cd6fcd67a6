"""The order of servers, and who is probed."""

import threading
import time

import pytest

from idp.directory.deadline import Deadline
from idp.directory.servers import MOST_PROBED_AT_ONCE, NOT_ASKED_YET, Server, Servers


def test_of_dozens_of_servers_only_some_are_probed_at_once() -> None:
    """Whoever measures a large domain waits for the first few, and the rest is told as it was: not asked yet."""
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
    assert all(answer.problem.startswith("silent") for answer in answers[:MOST_PROBED_AT_ONCE])
    assert {answer.problem for answer in answers[MOST_PROBED_AT_ONCE:]} == {NOT_ASKED_YET}
    may_end.set()


@pytest.mark.fault(2)
def test_one_that_has_answered_is_well_whoever_keeps_the_probes() -> None:
    """The nearest are all silent: the one behind them is well once it has answered, and not before."""
    may_end = threading.Event()
    named = tuple(f"ldaps://dc{number}" for number in range(MOST_PROBED_AT_ONCE + 1))

    def attempt(_server: Server) -> None:
        may_end.wait(10)

    every = Servers(lambda: named, attempt, changed=lambda: None)
    assert every.measure(Deadline.after(0.1))[-1].problem == NOT_ASKED_YET
    every.all()[-1].answered()
    assert [not answer.problem for answer in every.measure(Deadline.after(0.1))] == [
        *[False] * MOST_PROBED_AT_ONCE,
        True,
    ]
    may_end.set()


def test_a_probe_for_somebody_else_is_waited_for() -> None:
    """Two look at the same moment: neither takes a server that is being asked for one that is not well."""
    asked = threading.Event()

    def attempt(server: Server) -> None:
        asked.set()
        time.sleep(0.2)
        server.answered()

    every = Servers(lambda: ("ldaps://a",), attempt, changed=lambda: None)
    answers: list[str] = []

    def look() -> None:
        answers.extend(answer.problem for answer in every.measure(Deadline.after(10)))

    looks = [threading.Thread(target=look) for _ in range(2)]
    looks[0].start()
    assert asked.wait(10)
    looks[1].start()
    for one in looks:
        one.join(10)
    assert answers == ["", ""]


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
