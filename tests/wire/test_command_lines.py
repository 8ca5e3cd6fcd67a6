"""AWS's own command lines, unmodified: Python's by addresses, Debian's under AWS's own names."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import ADA, HERE, HUB, TARGET
from tests.servers.issuer import CLIENT, Issuer
from tests.servers.local_aws import REPOSITORY, LocalAws

PYTHONS = Path(sys.executable).parent / "aws"
DEBIANS = "/usr/bin/aws"
WORKLOAD = f"arn:aws:iam::{HERE}:role/Workload"


def quiet(home: Path, **more: str) -> dict[str, str]:
    """An environment in which a command line finds nothing but what the test gives it."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    } | more


def world(issuer: Issuer) -> dict[str, Any]:
    base = aws_world.world(
        organization={"id": "o-example1234", "management_account": HERE, "empty_pages": True},
        oidc_providers=[
            {
                "arn": f"arn:aws:iam::{HERE}:oidc-provider/{issuer.host}",
                "url": issuer.url,
                "client_ids": [CLIENT],
            }
        ],
    )
    trust = forge.trust(f"arn:aws:iam::{HERE}:oidc-provider/{issuer.host}", "sts:AssumeRoleWithWebIdentity")
    trust["Statement"][0]["Condition"] = {"StringEquals": {f"{issuer.host}:sub": "ada"}}
    base["roles"].append(forge.role(WORKLOAD, trust))
    return base


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def aws(issuer: Issuer) -> Iterator[LocalAws]:
    with LocalAws(world(issuer)) as running:
        yield running


def write_profiles(home: Path, issuer: Issuer) -> None:
    """A person with keys, a role that they take, and a workload with a token."""
    (home / "token").write_text(issuer.token())
    (home / "credentials").write_text(
        f"[ada]\naws_access_key_id = {aws_world.key_id('ada')}\n"
        f"aws_secret_access_key = {aws_world.secret('ada')}\n"
    )
    (home / "config").write_text(
        f"[profile hub]\nrole_arn = {HUB}\nsource_profile = ada\nrole_session_name = work\n"
        f"[profile target]\nrole_arn = {TARGET}\nsource_profile = ada\nexternal_id = tenant-1\n"
        f"role_session_name = work\n"
        f"[profile workload]\nrole_arn = {WORKLOAD}\nweb_identity_token_file = {home / 'token'}\n"
        "role_session_name = work\n"
    )


def test_pythons_command_line_works_by_addresses_alone(aws: LocalAws, issuer: Issuer, tmp_path: Path) -> None:
    """Keys, roles with and without an external identifier, a workload's token, a statement; IAM, Organizations."""
    write_profiles(tmp_path, issuer)
    env = quiet(tmp_path, AWS_ENDPOINT_URL=aws.url)

    def run(*arguments: str, code: int = 0) -> Any:
        done = subprocess.run(
            [PYTHONS, *arguments, "--output", "json"],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if code == 0 and done.stdout else done.stderr

    assert run("sts", "get-caller-identity", "--profile", "ada")["Arn"] == ADA
    for profile, role in (("hub", "Hub"), ("target", "Target"), ("workload", "Workload")):
        arn = run("sts", "get-caller-identity", "--profile", profile)["Arn"]
        assert arn.endswith(f":assumed-role/{role}/work")
    names = {
        role["RoleName"] for role in run("iam", "list-roles", "--profile", "ada", "--page-size", "2")["Roles"]
    }
    assert {"Hub", "Workload"} <= names
    accounts = run("organizations", "list-accounts", "--profile", "ada")["Accounts"]
    assert {account["Id"] for account in accounts} == {HERE, forge.OTHER_ACCOUNT}
    statement = forge.encode(forge.signed(forge.Statement(), "both"))
    answer = run(
        "sts", "assume-role-with-saml", "--role-arn", forge.ROLE, "--principal-arn", forge.PROVIDER,
        "--saml-assertion", statement, "--no-sign-request",
    )  # fmt: skip
    assert answer["Subject"] == "a1b2c3"
    refused = run("iam", "get-role", "--role-name", "Nobody", "--profile", "ada", code=255)
    assert "(NoSuchEntity) when calling the GetRole operation" in refused


def test_debians_command_line_works_under_awss_own_names(issuer: Issuer, tmp_path: Path) -> None:
    """In a network of its own, where AWS's names lead to the local AWS by TLS: nothing else is told to the client."""
    write_profiles(tmp_path, issuer)
    # The issuer is outside of that network, so its workload is not asked for.
    world_file = tmp_path / "world.json"
    world_file.write_text(json.dumps(aws_world.world()))
    statement = forge.encode(forge.signed(forge.Statement(), "both"))
    commands = [
        ["sts", "get-caller-identity", "--profile", "ada"],
        ["sts", "get-caller-identity", "--profile", "target"],
        ["iam", "list-roles", "--profile", "ada", "--page-size", "2"],
        ["sts", "get-session-token", "--profile", "ada"],
        ["sts", "assume-role-with-saml", "--role-arn", forge.ROLE, "--principal-arn", forge.PROVIDER,
         "--saml-assertion", statement, "--no-sign-request"],
        ["sts", "get-caller-identity", "--profile", "ada", "--region", "us-east-1"],
    ]  # fmt: skip
    done = subprocess.run(
        [
            "unshare",
            "--net",
            "--mount",
            sys.executable,
            "-m",
            "tests.servers.aws_names",
            str(world_file),
            DEBIANS,
        ],
        input=json.dumps(commands),
        env=quiet(tmp_path, PYTHONPATH=str(REPOSITORY)),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, target, roles, session, federated, other = json.loads(done.stdout)
    assert first["Arn"] == other["Arn"] == ADA
    assert target["Arn"].endswith(":assumed-role/Target/work")
    assert "Hub" in {role["RoleName"] for role in roles["Roles"]}
    assert session["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert federated["Issuer"] == forge.ISSUER
