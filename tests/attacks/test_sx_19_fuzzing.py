"""SX-19: fuzz tests of the doors for services: never anything but a checked request or a refusal."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.service_messages import MODES, arrived, check, seeds, understood
from tests.servers.site import ROOT

pytestmark = pytest.mark.attack("SX-19")

SECONDS = 15
FEWEST_RUNS = 500
GENUINE = seeds()
PIECES = [
    b"<", b">", b"/", b"'", b"&", b"&amp;", b"&#10;", b"]]>", b"<!--", b"<![CDATA[", b"<!DOCTYPE x>", b"<?",
    b"xmlns=", b"xmlns:a='urn:x'", b"ID='_1'", b"<ds:Object/>", b"<saml:Assertion/>", b"\0", b"\r", b"\xff", b"=",
    b"<samlp:Extensions/>", b"Algorithm='http://www.w3.org/TR/1999/REC-xslt-19991116'",
]  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mode=st.integers(0, MODES - 1), rest=st.binary(max_size=4_096))
def test_any_octets(mode: int, rest: bytes) -> None:
    """Octets without any sense are refused in every form."""
    check(bytes([mode]) + rest)


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(GENUINE),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES)), max_size=4),
)
def test_genuine_messages_with_pieces_changed(seed: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
    """Whatever stands in a genuine message's place is refused, or was no change of what is read."""
    octets = seed
    for where, length, piece in cuts:
        place = 1 + int(where * (len(octets) - 1))
        octets = octets[:place] + piece + octets[place + length :]
    check(octets)


def test_the_seeds_are_what_they_say() -> None:
    """The twin: the genuine messages that may be unsigned, and the signed ones, are understood."""
    accepted = [seed for seed in GENUINE if seed[:1] in {b"\1", b"\2"} and b"AuthnRequest" in seed]
    # A signature inside a message that travels in a query is refused.
    kinds = [type(understood(seed)).__name__ for seed in accepted if seed[:1] == b"\2" or b"ds:" not in seed]
    assert kinds == ["AuthnRequest"] * 3
    assert arrived(b"\2", b"x").relay_state == "x"


def test_coverage_guided_fuzzing_finds_nothing(tmp_path: Path) -> None:
    """Some seconds of libFuzzer from genuine messages: no crash, and nothing slow."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(GENUINE):
        (corpus / str(number)).write_bytes(seed)
    run = subprocess.run(
        [
            sys.executable, "-m", "tests.fuzz.service_messages", f"-max_total_time={SECONDS}", "-max_len=16384",
            "-timeout=5", "-print_final_stats=1", f"-artifact_prefix={tmp_path}/", str(corpus),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-4_000:]
    [line] = [line for line in run.stderr.splitlines() if "number_of_executed_units" in line]
    assert int(line.split()[-1]) >= FEWEST_RUNS
