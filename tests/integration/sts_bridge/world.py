"""The bridge with everything that it needs, real: directory, rules, key, database and a local AWS."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from deploy.demo.slapd import Slapd
from idp.directory.ldap_directory import directory
from idp.models import User
from idp.services.keys import make_signing_key
from idp.services.mapping import import_mapping
from idp.services.people import person_of
from sts_bridge.aws import sts
from sts_bridge.conf import bridge_config
from sts_bridge.domain.account_setup import as_data
from sts_bridge.services.connect_account import account_setup
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import free_port
from tests.servers.slapd import forget_settings

ACCOUNT = "111122223333"
# One rule leads from a group of the role's name to the role.
MAPPING = b"""
accounts:
  - {id: "111122223333", name: Payments, environment: production, colour: red, partition: aws, provider: drawbridge}
roles:
  - {arn: "arn:aws:iam::111122223333:role/ReadOnly", longest: 2h, source_identity: true, tags: [CostCenter]}
  - {arn: "arn:aws:iam::111122223333:role/ops/Operator", longest: 1h}
  - {arn: "arn:aws:iam::111122223333:role/NotInAws", longest: 1h}
  - {arn: "arn:aws:iam::111122223333:role/TooLong", longest: 2h}
rules:
  - name: by name
    pattern: "PAY-(?P<role>[A-Za-z]{1,64})"
    account: "111122223333"
    base: "ou=groups,dc=example,dc=test"
    effect: allow
"""
ROLES = ("ReadOnly", "Operator", "NotInAws", "TooLong")


@dataclass(frozen=True)
class Bridge:
    """What a test needs to know."""

    aws: LocalAws
    person: User
    stranger: User


def forget_everything() -> None:
    forget_settings()
    bridge_config.cache_clear()
    sts.clients.clear()


def world_of(url: str) -> dict[str, Any]:
    """The AWS that somebody has set up as `connect_account` says; two roles were made wrong on purpose."""
    setup = as_data(account_setup(account=ACCOUNT))
    roles = [
        {
            "arn": role["arn"],
            "role_id": f"AROAMADEUP{number:010}",
            # AWS allows no less than an hour.
            "max_session_duration": 3_600
            if role["arn"].endswith("TooLong")
            else role["max_session_duration"],
            "trust_policy": role["trust_policy"],
        }
        for number, role in enumerate(setup["roles"])
        if not role["arn"].endswith("NotInAws")
    ]
    return {
        "sealing_key": base64.b64encode(os.urandom(32)).decode(),
        "sign_in_urls": [f"{url}/saml"],
        "accounts": [{"id": ACCOUNT, "partition": "aws"}],
        "saml_providers": [{"arn": setup["provider"]["arn"], "metadata": setup["provider"]["metadata"]}],
        "roles": roles,
    }


@pytest.fixture
def bridge(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    tmp_path: Path,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bridge]:
    """Jane may take four roles, and two of them are wrong in AWS; Nils may take none."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    settings.DRAWBRIDGE_KEY_DIR = str(tmp_path / "keys")
    settings.DRAWBRIDGE_AWS_SIGNIN_URL = url
    settings.DRAWBRIDGE_DEMO = True
    forget_everything()
    now = datetime.now(UTC)
    make_signing_key(now=now)
    groups = "\n".join(
        f"dn: cn=PAY-{role},ou=groups,{company.base}\nchangetype: add\nobjectClass: groupOfNames\n"
        f"cn: PAY-{role}\nmember: uid=jane,ou=people,{company.base}\n"
        for role in ROLES
    )
    company.modify(groups)
    import_mapping(MAPPING, actor="test", origin=None, now=now)
    try:
        with LocalAws(world_of(url), port=port) as aws:
            yield Bridge(aws, person("jane", now), person("nils", now))
    finally:
        gone = (f"dn: cn=PAY-{role},ou=groups,{company.base}\nchangetype: delete\n" for role in ROLES)
        company.modify("\n".join(gone))
        forget_everything()


def person(name: str, now: datetime) -> User:
    identity = directory().find_by_name(name, now=now)
    assert identity is not None
    return person_of(identity, is_staff=False, now=now)
