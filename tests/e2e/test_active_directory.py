"""The demo's main job with the whole site on an Active Directory: from each spelling to console and keys."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd, free_port
from tests.e2e.test_leavers import ACCOUNT, rules_below
from tests.servers.either_directory import OnSamba
from tests.servers.postgres import Postgres
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.site import ROOT, Site, local_aws_of, own_database

ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
MAIL = "jane.doe@mail.example.test"
# With the domain before it, as a principal name in other letters; by mail further below.
SPELLINGS = ("EXAMPLE\\jane", "JANE@example.test")


@pytest.fixture
def company_of_jane(samba: SambaDc) -> Iterator[tuple[OnSamba, dict[str, str]]]:
    """Jane is three groups deep in what a rule names, Omar directly in something else; gives the groups' names."""
    made = AdPeople(samba)
    jane = made.person("jane", mail=MAIL, departmentNumber="4711")
    inner = made.group("team", jane)
    middle = made.group("department", inner)
    outer = made.group("division", middle)
    # A circle, as companies have them.
    made.join(inner, outer)
    named = made.group(f"AWS-{ACCOUNT}-ReadOnly", middle)
    made.group(f"AWS-{ACCOUNT}-Administrator", made.person("omar"))
    yield OnSamba(made), {"outer": outer, "named": named}
    made.leave()


def mapping_with(verbs: OnSamba, outer: str) -> str:
    """By the names of groups, and one rule by the SID of the outermost."""
    mapping = yaml.safe_load(rules_below(verbs.group_base))
    mapping["roles"].append({"arn": f"{ROLE}Administrator"})
    group = {"id": verbs.sid(outer), "dn": outer}
    mapping["rules"].append(
        {"name": "division operates", "group": group, "role": f"{ROLE}Operator", "effect": "allow"}
    )
    text: str = yaml.safe_dump(mapping)
    return text


def walk(folder: Path, site: Site, aws: str, username: str, password: str) -> str:
    """What `make smoke` says when it walks through the whole main job under this spelling of Jane's name."""
    people: list[dict[str, Any]] = [
        {"username": username, "roles": [f"{ROLE}Operator", f"{ROLE}ReadOnly"]},
        {"username": "omar", "roles": [f"{ROLE}Administrator"]},
    ]
    ready = {
        "portal": site.url,
        "aws": aws,
        "people": [person | {"password": password, "may_sign_in": True} for person in people],
        "env": {
            "AWS_ENDPOINT_URL_STS": aws,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        },
    }
    (folder / "ready.json").write_text(json.dumps(ready))
    done = subprocess.run(
        [sys.executable, "-m", "deploy.demo.smoke", "--dir", str(folder)],
        cwd=ROOT, env=site.env, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, f"{username}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_main_job_on_active_directory(
    tmp_path: Path,
    company: Slapd,
    postgres: Postgres,
    redis: RedisServer,
    company_of_jane: tuple[OnSamba, dict[str, str]],
) -> None:
    """Every spelling is one person with the same roles, through nested groups; a renamed group keeps its rule."""
    verbs, groups = company_of_jane
    url = f"http://127.0.0.1:{free_port()}"
    with Site(
        tmp_path,
        slapd=company,
        database_url=own_database(postgres, "on_active_directory"),
        redis=redis,
        local_aws_url=url,
        port=None,
        **verbs.environment(),
    ) as site:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(mapping_with(verbs, groups["outer"]))
        site.prepare(mapping=mapping)
        with local_aws_of(site, mapping=mapping):
            site.start_web()
            for username in SPELLINGS:
                said = walk(tmp_path, site, url, username, verbs.password)
                assert "All steps in" in said
            verbs.made.rename(groups["outer"], "CN=division of another name")
            assert "All steps in" in walk(tmp_path, site, url, MAIL, verbs.password)
    people = postgres.query(
        "SELECT username FROM idp_user ORDER BY username", "on_active_directory"
    ).splitlines()
    assert people == ["jane"]
    report = json.loads(site.manage("check_directory", "--person", "EXAMPLE\\jane", "--json").stdout)
    assert report["well"]
    granted = {role["role"] for role in report["person"]["roles"] if role["granted"]}
    assert granted == {f"{ROLE}Operator", f"{ROLE}ReadOnly"}
