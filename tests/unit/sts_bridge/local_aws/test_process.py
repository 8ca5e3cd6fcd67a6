"""The process itself: it says where it listens, stops when told, and does not start on nonsense."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.attacks import forge
from tests.servers.local_aws import REPOSITORY, LocalAws


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sts_bridge.local_aws", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_starts_answers_and_stops() -> None:
    """One line on standard output, answers, and a clean end on the signal to stop."""
    aws = LocalAws(forge.world()).start()
    assert aws.url.startswith("http://127.0.0.1:")
    assert requests.get(aws.url + "/health", timeout=10).text == "ok\n"
    assert aws.stop() == 0


def test_a_taken_port_stops_the_start(tmp_path: Path) -> None:
    """A port that somebody else has is named in one sentence, with status 2."""
    world = tmp_path / "world.json"
    world.write_text(json.dumps(forge.world()))
    with LocalAws(forge.world()) as first:
        port = first.url.rpartition(":")[2]
        second = run("--world", str(world), "--port", port)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.count("\n") == 1
    assert f"port {port}" in second.stderr


def test_nonsense_stops_the_start(tmp_path: Path) -> None:
    """A world that is none is told in one sentence, with status 2 and without a trace."""
    world = tmp_path / "world.json"
    world.write_text("{}")
    ended = run("--world", str(world), "--port", "0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"local aws: the world file {world}")
    assert ended.stderr.count("\n") == 1


def test_what_is_not_http_is_refused_and_told_in_the_same_form() -> None:
    """A line that is no HTTP gets its refusal, and the server's word about it is a JSON line like all others."""
    with LocalAws(forge.world()) as aws:
        port = int(aws.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            assert connection.recv(64).startswith(b"HTTP/1.1 400 ")
        assert [line["event"] for line in aws.new_log_lines()] == ["server"]
        assert requests.get(aws.url + "/health", timeout=10).status_code == 200


@pytest.mark.parametrize(
    "module", ["django", "saml2", "xmlsec", "boto3", "botocore", "idp", "sts_bridge.domain"]
)
def test_it_shares_nothing_with_the_rest(module: str) -> None:
    """Nothing of ours and nothing that we use to sign is loaded in the process."""
    program = f"import sys, sts_bridge.local_aws.__main__; sys.exit({module!r} in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False, timeout=30)
    assert ended.returncode == 0


def test_the_log_holds_no_secret_and_no_forged_line() -> None:
    """What somebody posts cannot start a line of its own, and no secret is written."""
    with LocalAws(forge.world()) as aws:
        document = forge.encode(forge.signed(forge.Statement(), "both"))
        form = {
            "Action": "AssumeRoleWithSAML",
            "Version": "2011-06-15",
            "RoleArn": forge.ROLE,
            "PrincipalArn": forge.PROVIDER,
            "SAMLAssertion": document,
        }
        answer = requests.post(aws.url, data=form, timeout=10).text
        for action in ('x\n{"event": "accepted"}', "x\r\nx", "x\u2028x", "\x1b[2J"):
            requests.post(aws.url, data={"Action": action, "Version": "2011-06-15"}, timeout=10)
        text = aws.log_file.read_text()
        assert len(aws.new_log_lines()) == 5
        assert text.isascii()
        assert "\x1b" not in text
        for name in ("SecretAccessKey", "SessionToken"):
            secret = answer.partition(f"<{name}>")[2].partition("<")[0]
            assert len(secret) >= 40
            assert secret not in text
        assert document[:60] not in text
