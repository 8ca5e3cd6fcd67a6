"""What was read a moment ago: who waits for its reader, and for how long."""

import threading
import time

import pytest

from idp.directory.deadline import Deadline
from idp.directory.recent import Recent
from idp.domain.errors import DirectoryUnavailable

MAY_WAIT = 2
ASKERS = 12
FOREVER = 3_600.0


class Reading:
    """A reading that lasts until the test lets it end."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_end = threading.Event()

    def read(self) -> list[str]:
        """What is read, once it may be."""
        self.began.set()
        self.may_end.wait(20)
        return ["group"]


@pytest.mark.fault(2)
def test_while_one_reads_for_long_only_a_few_go_on_waiting() -> None:
    """Of twelve who ask meanwhile two wait for the reader and share what was read; the rest are told at once."""
    recent: Recent[list[str]] = Recent(FOREVER, worth_keeping=1, may_wait=MAY_WAIT)
    reading = Reading()
    refused: list[float] = []
    shared: list[list[str]] = []

    def ask() -> None:
        began = time.monotonic()
        try:
            shared.append(recent.get(list, patience=Deadline.after(30)))
        except DirectoryUnavailable:
            refused.append(time.monotonic() - began)

    first = threading.Thread(target=lambda: recent.get(reading.read, patience=Deadline.after(30)))
    first.start()
    assert reading.began.wait(10)
    askers = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for asker in askers:
        asker.start()
    until = time.monotonic() + 10
    while len(refused) < ASKERS - MAY_WAIT and time.monotonic() < until:
        time.sleep(0.02)
    assert len(refused) == ASKERS - MAY_WAIT
    reading.may_end.set()
    for one in (first, *askers):
        one.join(10)
    assert shared == [["group"]] * MAY_WAIT


@pytest.mark.fault(2)
def test_nobody_waits_for_a_reader_beyond_what_is_left() -> None:
    """Whoever has a tenth of a second left is told after it, also where they may wait."""
    recent: Recent[list[str]] = Recent(FOREVER, worth_keeping=1, may_wait=MAY_WAIT)
    reading = Reading()
    first = threading.Thread(target=lambda: recent.get(reading.read, patience=Deadline.after(30)))
    first.start()
    assert reading.began.wait(10)
    with pytest.raises(DirectoryUnavailable):
        recent.get(list, patience=Deadline.after(0.1))
    assert not reading.may_end.is_set()
    reading.may_end.set()
    first.join(10)
    assert recent.get(list, patience=Deadline.after(0.1)) == ["group"]


def test_while_readings_end_everybody_has_their_turn() -> None:
    """What is too small to be kept is read by each in turn, and nobody is refused while that goes on."""
    recent: Recent[list[str]] = Recent(FOREVER, worth_keeping=500)
    answers: list[list[str]] = []

    def read() -> list[str]:
        time.sleep(0.02)
        return ["group"]

    askers = [
        threading.Thread(target=lambda: answers.append(recent.get(read, patience=Deadline.after(30))))
        for _ in range(ASKERS)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(10)
    assert len(answers) == ASKERS
