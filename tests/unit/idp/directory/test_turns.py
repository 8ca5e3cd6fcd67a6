"""Turns at the directory: how many there are, and who goes on waiting for one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from idp.directory.deadline import Deadline
from idp.directory.turns import Turns
from idp.domain.errors import DirectoryUnavailable


def test_more_than_there_are_turns_wait_while_answers_come() -> None:
    """Twenty who ask at once are all answered where each one takes a moment only, and never more at a time."""
    turns = Turns(2)
    inside, most = 0, 0
    lock = threading.Lock()

    def ask(_number: int) -> None:
        nonlocal inside, most
        with turns.one(Deadline.after(5)):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(20)))
    assert most == 2


@pytest.mark.fault(2)
def test_when_nothing_moves_only_a_few_go_on_waiting() -> None:
    """Of ten who find every turn taken half as many as there are turns wait on; the rest are refused at once."""
    turns = Turns(2)
    may_end = threading.Event()
    refused_after: list[float] = []

    def stand_still() -> None:
        with turns.one(Deadline.after(1)):
            may_end.wait(10)

    def ask() -> None:
        began = time.monotonic()
        try:
            with turns.one(Deadline.after(2)):
                pass
        except DirectoryUnavailable:
            refused_after.append(time.monotonic() - began)

    standing = [threading.Thread(target=stand_still) for _ in range(2)]
    asking = [threading.Thread(target=ask) for _ in range(10)]
    for one in standing:
        one.start()
    time.sleep(0.1)
    for one in asking:
        one.start()
    time.sleep(1)
    assert len(refused_after) == 9
    assert max(refused_after) < 1
    may_end.set()
    for one in (*standing, *asking):
        one.join(5)
    assert len(refused_after) == 9
