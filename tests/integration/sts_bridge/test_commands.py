"""What operators type: `doctor` and `connect_account`, with everything real."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import boto3
import pytest
import yaml
from django.core.management import CommandError, call_command
from pytest_django import Settings

from deploy.demo.redis_server import RedisServer
from idp.services.metadata import our_metadata
from sts_bridge.services.health import clock_finding
from tests.integration.sts_bridge.world import ACCOUNT, Bridge
from tests.servers import aws_world
from tests.servers.local_aws import REPOSITORY

pytestmark = pytest.mark.django_db


def told_by(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def doctor() -> tuple[dict[str, str], str]:
    """The cause of each part, and the closing sentence."""
    out = StringIO()
    closing = ""
    try:
        call_command("doctor", "--json", stdout=out)
    except CommandError as error:
        closing = str(error)
    document = json.loads(out.getvalue())
    assert document["well"] is (closing == "")
    for finding in document["findings"]:
        assert finding["well"] is not bool(finding["cause"])
        assert finding["well"] or finding["advice"]
    return {finding["part"]: finding["cause"] for finding in document["findings"]}, closing


def test_the_doctor_finds_each_part_well_and_then_each_one_ill(
    bridge: Bridge, tmp_path: Path, settings: Settings
) -> None:
    """With everything running all parts are ok; each one that is taken away is named, and only that one."""
    with RedisServer(tmp_path / "redis") as redis:
        settings.REDIS_URL = redis.url
        settings.DRAWBRIDGE_BASE_URL = "http://localhost"
        causes, closing = doctor()
        ill = {part for part, cause in causes.items() if cause and not part.startswith("settings")}
        assert ill == set(), causes
        parts = "database", "broker", "signing key", "clock", "STS of aws", "DNS 127.0.0.1"
        assert set(parts) <= set(causes)
        assert any(part.startswith("directory: ldap://") for part in causes)
    causes, closing = doctor()
    assert causes["broker"]
    assert "broker" in closing
    assert causes["database"] == ""
    bridge.aws.stop()
    causes, _ = doctor()
    assert causes["STS of aws"]
    assert "clock" not in causes
    for key in Path(settings.DRAWBRIDGE_KEY_DIR).iterdir():
        key.unlink()
    causes, _ = doctor()
    assert causes["signing key"]


def test_the_doctor_speaks_to_people_too(bridge: Bridge) -> None:
    """Without `--json` each part is one line, ok or ILL with what to do below."""
    assert bridge.aws.url
    out = StringIO()
    with pytest.raises(CommandError, match="Not well: "):
        call_command("doctor", stdout=out)
    lines = out.getvalue().splitlines()
    assert any(line.startswith("ok   database") for line in lines)
    assert any(line.startswith("ok   directory: ldap") and "answers in" in line for line in lines)
    ill = next(place for place, line in enumerate(lines) if line.startswith("ILL  broker"))
    assert "REDIS_URL" in lines[ill + 1]


def test_clocks_may_be_half_a_minute_apart() -> None:
    """Thirty seconds are well, thirty-one are not, in either direction."""
    now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    for seconds, well in ((30, True), (-30, True), (31, False), (-31, False)):
        finding = clock_finding(now=now, their_clock=now + timedelta(seconds=seconds), partition="aws")
        assert finding.is_well is well


def test_connect_account_prints_provider_and_policies_in_each_form(bridge: Bridge) -> None:
    """Text, AWS CLI, CloudFormation and JSON name the same provider, roles and addresses."""
    data = json.loads(told_by("connect_account", ACCOUNT, "--json"))
    assert data["provider"]["metadata"] == our_metadata().decode()
    assert [role["arn"].rpartition("/")[2] for role in data["roles"]] == [
        "NotInAws", "Operator", "ReadOnly", "TooLong",
    ]  # fmt: skip
    policies = {role["arn"]: role["trust_policy"]["Statement"][0] for role in data["roles"]}
    read_only = policies[f"arn:aws:iam::{ACCOUNT}:role/ReadOnly"]
    assert read_only["Action"] == ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]
    assert read_only["Condition"]["StringEquals"]["SAML:aud"] == [f"{bridge.aws.url}/saml"]
    operator = policies[f"arn:aws:iam::{ACCOUNT}:role/ops/Operator"]
    assert operator["Action"] == ["sts:AssumeRoleWithSAML"]
    template = yaml.safe_load(told_by("connect_account", ACCOUNT, "--format", "cloudformation"))
    assert len(template["Resources"]) == 5
    for form in ("text", "cli"):
        told = told_by("connect_account", ACCOUNT, "--role", "Operator", "--format", form)
        assert "Operator" in told
        assert "ReadOnly" not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["999900001111"], "No role is registered in account 999900001111"),
        (["nonsense"], "No role is registered"),
        ([ACCOUNT, "--role", "Nobody"], "has no registered role Nobody; it has NotInAws, Operator"),
    ],
)
def test_connect_account_says_what_is_missing(bridge: Bridge, arguments: list[str], words: str) -> None:
    """An account or role that is not registered ends with one sentence; the registered one is printed."""
    with pytest.raises(CommandError, match=words):
        told_by("connect_account", *arguments)
    assert bridge.aws.url
    assert told_by("connect_account", ACCOUNT, "--role", "Operator")


def test_run_local_aws_says_what_is_missing(tmp_path: Path) -> None:
    """Without a world file the command ends with one sentence."""
    with pytest.raises(CommandError, match="There is no world file"):
        call_command("run_local_aws", "--world", str(tmp_path / "none.json"))


def test_run_local_aws_serves_other_peoples_worlds(tmp_path: Path) -> None:
    """The command starts over any world file, with its state where it is told; a mistake has its line."""
    world = aws_world.world()
    file, state = tmp_path / "world.json", tmp_path / "state.db"
    file.write_text(json.dumps(world, indent=1))
    command = [
        sys.executable, "manage.py", "run_local_aws", "--port", "0", "--world", str(file), "--state", str(state),
    ]  # fmt: skip
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": "sqlite:///:memory:",
    }
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            sts = boto3.client(
                "sts",
                endpoint_url=url,
                region_name="eu-west-1",
                aws_access_key_id=aws_world.key_id("ada"),
                aws_secret_access_key=aws_world.secret("ada"),
            )
            assert sts.get_caller_identity()["Arn"] == aws_world.ADA
        finally:
            process.terminate()
    assert process.returncode == 0
    assert state.exists()
    file.write_text(json.dumps(world | {"users": 1}, indent=1))
    failed = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "line " in failed.stderr
    assert "users must be a list of objects" in failed.stderr
