"""The bridge with everything that it needs, real: directory, rules, key, database and a local AWS."""

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.directory import directories
from idp.models import User
from idp.services.people import person_of
from sts_bridge.aws.clients import forget_clients
from sts_bridge.conf import bridge_config
from sts_bridge.domain.account_setup import as_data
from sts_bridge.services.connect_account import account_setup
from tests.servers.local_aws import LocalAws
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
    forget_clients()


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


def person(name: str, now: datetime) -> User:
    identity = directories.find_by_name(name, now=now)
    assert identity is not None
    return person_of(identity, is_staff=False, now=now)
