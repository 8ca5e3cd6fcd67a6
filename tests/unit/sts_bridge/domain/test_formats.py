"""Every form is read back by what it is for: the shell itself, the profile reader, JSON."""

import configparser
import json
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sts_bridge.domain.formats import (
    bash_lines,
    fish_lines,
    powershell_lines,
    process_json,
    profile_block,
    quoted_for_fish,
    quoted_for_posix,
    quoted_for_powershell,
    write_credentials,
)
from tests.unit.sts_bridge.domain.made_up import ACCESS_KEY_ID, ROLE, SECRET, TOKEN, made_up_credentials

TEXTS = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NAMES = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_shell_that_reads_the_lines_has_the_variables(shell: str) -> None:
    """Pasted into a POSIX shell the lines export exactly the four values and print nothing."""
    script = bash_lines(made_up_credentials()) + "for n in " + " ".join(NAMES) + '; do printenv "$n"; done\n'
    run = subprocess.run(
        [shell, "-eu"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert run.stdout.splitlines() == [ACCESS_KEY_ID, SECRET, TOKEN, "2026-03-02T10:30:00Z"]
    assert not run.stderr


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_bash_reads_every_text_as_it_was(texts: list[str]) -> None:
    """Whatever a value holds, bash reads it back and runs none of it."""
    script = "printf '%s\\0' " + " ".join(quoted_for_posix(text) for text in texts)
    run = subprocess.run(["bash", "--norc"], input=script.encode(), capture_output=True, check=True)
    assert run.stdout.decode().split("\0")[:-1] == texts


@given(TEXTS)
def test_fish_reads_every_text_as_it_was(text: str) -> None:
    """By fish's rule: between single quotes a backslash counts before a quote or a backslash only."""
    quoted = quoted_for_fish(text)
    assert re.fullmatch(r"'(?:[^'\\]|\\['\\])*'", quoted)
    assert re.sub(r"\\(['\\])", r"\1", quoted[1:-1]) == text


@given(TEXTS)
def test_powershell_reads_every_text_as_it_was(text: str) -> None:
    """By PowerShell's rule: between single quotes every kind of single quote is doubled."""
    quoted = quoted_for_powershell(text)
    assert re.fullmatch("'(?:[^'\u2018-\u201b]|(['\u2018-\u201b])\\1)*'", quoted)
    assert re.sub("(['\u2018-\u201b])\\1", r"\1", quoted[1:-1]) == text


def test_fish_and_powershell_lines_set_the_same_four() -> None:
    """Each shell gets the four variables in its own words."""
    credentials = made_up_credentials()
    assert [line.split()[2] for line in fish_lines(credentials).splitlines()] == NAMES
    assert all(line.startswith("set -gx ") for line in fish_lines(credentials).splitlines())
    assert [line.split()[0] for line in powershell_lines(credentials).splitlines()] == [
        f"$Env:{name}" for name in NAMES
    ]
    assert f"= '{TOKEN}'" in powershell_lines(credentials)


def test_the_profile_block_is_read_by_the_ini_reader() -> None:
    """The block is one profile with the three keys."""
    reader = configparser.RawConfigParser()
    reader.read_string(profile_block(made_up_credentials(), name="111122223333-ReadOnly"))
    assert reader.sections() == ["111122223333-ReadOnly"]
    assert dict(reader["111122223333-ReadOnly"]) == {
        "aws_access_key_id": ACCESS_KEY_ID,
        "aws_secret_access_key": SECRET,
        "aws_session_token": TOKEN,
    }


@pytest.mark.spec("AWS SDKs and Tools Reference", "Process credential provider", "output")
def test_the_json_is_that_of_a_credential_process() -> None:
    """Version 1, the three parts, the end in ISO 8601 with zone."""
    assert json.loads(process_json(made_up_credentials(), ROLE)) == {
        "Version": 1,
        "AccessKeyId": ACCESS_KEY_ID,
        "SecretAccessKey": SECRET,
        "SessionToken": TOKEN,
        "Expiration": "2026-03-02T10:30:00Z",
        "AccountId": "111122223333",
    }


@pytest.mark.attack("CR-04")
def test_the_written_forms_do_not_print_themselves() -> None:
    """What the page receives prints without any of it."""
    assert "canary" not in repr(write_credentials(made_up_credentials(), ROLE))
    assert "canary" in write_credentials(made_up_credentials(), ROLE).bash
