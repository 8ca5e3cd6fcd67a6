"""The table of conformance names tests that are there, and a verdict for every requirement."""

import re

from tests.servers.site import ROOT

TABLE = (ROOT / "deploy/saml-conformance.md").read_text()


def test_every_test_that_is_named_is_there() -> None:
    """What a line claims can be looked up."""
    named = set(re.findall(r"`([a-z_/0-9]+\.py)`", TABLE))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / "tests" / path).is_file()] == []


def test_every_line_has_a_verdict() -> None:
    """It holds, holds in part, or is left out with a reason."""
    lines = [line for line in TABLE.splitlines() if re.match(r"\| (?:[A-Z]{1,3}[0-9]{2}|[a-z])", line)]
    lines = [line for line in lines if not line.startswith("| what it asks")]
    assert len(lines) > 40
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[-2] in {"yes", "part", "no"}, line
        assert cells[-1], line
