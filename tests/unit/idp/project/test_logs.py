"""A log line is one line, whatever it is told."""

import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from idp.project.logs import JsonLines


def record(message: str, **facts: object) -> logging.LogRecord:
    """A record as our rooms make them."""
    made = logging.LogRecord("drawbridge.web", logging.INFO, __file__, 1, message, None, None)
    made.facts = facts
    return made


@given(st.text(), st.text())
def test_nothing_begins_a_new_line(message: str, fact: str) -> None:
    """Line ends of every kind in a message or a fact are escaped; both are read back as they were."""
    line = JsonLines().format(record(message, name=fact))
    assert len(line.splitlines()) == 1
    read = json.loads(line)
    assert read["event"] == message
    assert read["name"] == fact
