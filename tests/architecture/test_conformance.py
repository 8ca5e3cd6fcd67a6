"""The table of conformance names tests that are there, and a verdict for every requirement."""

import re

from tests.servers.site import ROOT

TABLE = (ROOT / "deploy/saml-conformance.md").read_text()
LINE = re.compile(r"\| ((?:IIP|SDP)-[A-Z]+[0-9]{2}) \|")
# How many requirements each part has, less those that only recommend or allow something.
PARTS = {"IIP-G": 3, "IIP-MD": 12, "IIP-SSO": 7, "IIP-EXT": 1, "IIP-ALG": 8, "IIP-IDP": 21}
PARTS |= {"SDP-G": 4, "SDP-MD": 10, "SDP-ALG": 1, "SDP-IDP": 33}
NO_MUST = {
    "IIP-ALG03", "IIP-ALG05", "IIP-ALG07", "SDP-IDP16", "SDP-IDP17", "SDP-IDP19", "SDP-IDP22", "SDP-IDP23",
}  # fmt: skip


def test_every_test_that_is_named_is_there() -> None:
    """What a line claims can be looked up."""
    named = set(re.findall(r"`([a-z_/0-9]+\.py)`", TABLE))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / "tests" / path).is_file()] == []


def test_every_requirement_has_one_line_with_a_verdict() -> None:
    """It holds and a test shows it, holds in part, or is left out with a reason."""
    lines = {found[1]: line for line in TABLE.splitlines() if (found := LINE.match(line))}
    wanted = {f"{part}{number:02}" for part, most in PARTS.items() for number in range(1, most + 1)}
    assert set(lines) == wanted - NO_MUST
    assert len(lines) == len(re.findall(r"^\| (?:IIP|SDP)-", TABLE, re.MULTILINE))
    for line in lines.values():
        *_, verdict, shown = [cell.strip() for cell in line.strip("|").split("|")]
        assert verdict in {"yes", "part", "no"}, line
        assert shown, line
        assert verdict != "yes" or "`" in shown, line
