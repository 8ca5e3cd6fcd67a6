"""The broker and everything that it needs, real: three accounts, a hub between two of them, and a user with a key."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.demo.slapd import Slapd, free_port
from idp.models import Account, User
from idp.services.keys import make_signing_key
from idp.services.mapping import import_mapping
from idp.services.metadata import our_metadata
from sts_bridge.conf import bridge_config
from tests.integration.sts_bridge.world import forget_everything, person
from tests.servers.aws_world import allow, key_id, secret, trusts, user
from tests.servers.local_aws import LocalAws

NEAR, FAR, HOME = "111122223333", "222233334444", "999900001111"
BROKER = f"arn:aws:iam::{HOME}:user/broker"
HUB = f"arn:aws:iam::{HOME}:role/Hub"
ENDER, READER = "DrawbridgeSessionEnder", "DrawbridgeReader"
IAM_READ = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
MAPPING = f"""
accounts:
  - {{id: "{NEAR}", name: Near, environment: production, colour: red}}
  - {{id: "{FAR}", name: Far, environment: staging, colour: amber, hub: "{HUB}"}}
  - {{id: "{HOME}", name: Home, environment: shared, colour: grey}}
roles:
  - {{arn: "arn:aws:iam::{NEAR}:role/Direct", longest: 4h, road: broker, source_identity: true,
     tags: [CostCenter], transitive_tags: [CostCenter]}}
  - {{arn: "arn:aws:iam::{NEAR}:role/Posted", longest: 2h}}
  - {{arn: "arn:aws:iam::{FAR}:role/team/Chained", longest: 8h, road: broker}}
  - {{arn: "arn:aws:iam::{HOME}:role/Lookers", longest: 2h, road: federation, policies: ["{IAM_READ}"]}}
rules:
  - name: by name
    pattern: "BRK-(?P<account>[0-9]{{12}})-(?P<role>[A-Za-z]{{1,64}})"
    base: "ou=groups,dc=example,dc=test"
    effect: allow
""".encode()
GROUPS = (f"BRK-{NEAR}-Direct", f"BRK-{NEAR}-Posted", f"BRK-{FAR}-Chained", f"BRK-{HOME}-Lookers")


@dataclass
class Broker:
    """What a test needs to know."""

    aws: LocalAws
    person: User
    stranger: User
    company: Slapd
    external_ids: dict[str, str] = field(default_factory=dict)

    def leave(self, group: str, name: str = "jane") -> None:
        """The person is in this group no more; another has taken the place, because no group is empty."""
        base = self.company.base
        self.company.modify(
            f"dn: cn={group},ou=groups,{base}\nchangetype: modify\nreplace: member\n"
            f"member: uid={'nils' if name == 'jane' else 'jane'},ou=people,{base}\n"
        )


def role(arn: str, number: int, trust: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "arn": arn,
        "role_id": f"AROAMADEUP{number:010}",
        "max_session_duration": 43_200,
        "trust_policy": trust,
        "policies": {"may": allow("iam:*", "sts:*")},
    } | more


def by_external_id(principal: str, external_id: str) -> dict[str, Any]:
    return trusts(
        principal,
        "sts:AssumeRole",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        StringEquals={"sts:ExternalId": external_id},
    )


def by_statement(provider: str, url: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": {"StringEquals": {"saml:aud": f"{url}/saml"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def broker_world(url: str, external_ids: dict[str, str], **changes: Any) -> dict[str, Any]:
    """AWS as the handbook says: every role demands the account's ExternalId, and trusts nobody else."""
    provider = f"arn:aws:iam::{NEAR}:saml-provider/drawbridge"
    helpers = [
        role(
            f"arn:aws:iam::{account}:role/{name}",
            100 + 10 * at + offset,
            by_external_id(BROKER, external_ids[account]),
            policies={"may": allow(*actions)},
        )
        for at, account in enumerate((NEAR, FAR, HOME))
        for offset, (name, actions) in enumerate(
            {
                ENDER: (
                    "iam:PutRolePolicy",
                    "iam:GetRolePolicy",
                    "iam:ListRolePolicies",
                    "iam:DeleteRolePolicy",
                ),
                READER: (
                    "iam:ListRoles",
                    "iam:GetRole",
                    "iam:ListAccountAliases",
                    "iam:ListSAMLProviders",
                    "iam:GetSAMLProvider",
                ),
            }.items()
        )
    ]
    return {
        "sealing_key": base64.b64encode(os.urandom(32)).decode(),
        "sign_in_urls": [f"{url}/saml"],
        "accounts": [{"id": number, "partition": "aws", "name": number} for number in (NEAR, FAR, HOME)],
        "saml_providers": [{"arn": provider, "metadata": our_metadata().decode()}],
        "users": [
            user(
                BROKER,
                "broker",
                policies={
                    "may": allow(
                        "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:GetFederationToken"
                    ),
                    "looks": allow("iam:*", "organizations:ListAccounts"),
                },
            )
        ],
        "organization": {"id": "o-exampleorg1", "management_account": HOME, "empty_pages": True},
        "roles": [
            role(f"arn:aws:iam::{NEAR}:role/Direct", 1, by_external_id(BROKER, external_ids[NEAR])),
            role(
                f"arn:aws:iam::{NEAR}:role/Posted",
                2,
                by_statement(provider, url),
            ),
            role(f"arn:aws:iam::{FAR}:role/team/Chained", 3, by_external_id(HUB, external_ids[FAR])),
            role(HUB, 4, trusts(BROKER, "sts:AssumeRole")),
            *helpers,
        ],
    } | changes


@contextmanager
def broker_at(
    company: Slapd, settings: Any, monkeypatch: pytest.MonkeyPatch, keys: str, **changes: Any
) -> Iterator[Broker]:
    """Jane may take four roles by three roads; Nils may take none."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    settings.DRAWBRIDGE_KEY_DIR = keys
    settings.DRAWBRIDGE_AWS_SIGNIN_URL = url
    settings.DRAWBRIDGE_DEMO = True
    settings.DRAWBRIDGE_DIRECTORY_REUSE_SECONDS = 0
    settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID = key_id("broker")
    settings.DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY = secret("broker")
    forget_everything()
    now = datetime.now(UTC)
    make_signing_key(now=now)
    company.modify(
        "\n".join(
            f"dn: cn={name},ou=groups,{company.base}\nchangetype: add\nobjectClass: groupOfNames\n"
            f"cn: {name}\nmember: uid=jane,ou=people,{company.base}\n"
            for name in GROUPS
        )
    )
    try:
        import_mapping(MAPPING, actor="test", origin=None, now=now)
        external_ids = {
            number: value or "" for number, value in Account.objects.values_list("number", "external_id")
        }
        with LocalAws(broker_world(url, external_ids, **changes), port=port) as aws:
            yield Broker(aws, person("jane", now), person("nils", now), company, external_ids)
    finally:
        company.modify(
            "\n".join(f"dn: cn={name},ou=groups,{company.base}\nchangetype: delete\n" for name in GROUPS)
        )
        forget_everything()
        bridge_config.cache_clear()
