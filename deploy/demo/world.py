"""What the local AWS of the demo knows: accounts, providers and roles that fit the demo's rules.

The same mapping that Drawbridge imports says which roles AWS has; whom they trust is written here once
more, by hand, so that the trust is AWS's own and not copied from the product.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# IAM takes no shorter maximum, however short a rule is.
SHORTEST_MAXIMUM = 3_600
# The audit account of the demo is where the site's own identity lives.
BROKER_ACCOUNT = "777788889999"
# Partitions trust nobody of another one: there it is a user of the one account.
GOVERNMENT, GOVERNMENT_ACCOUNT = "aws-us-gov", "888899990000"
SECONDS = {"h": 3_600, "m": 60, "s": 1}

length_part = re.compile(r"([0-9]+)([hms])", re.ASCII)
unlawful_in_aliases = re.compile(r"[^a-z0-9]+", re.ASCII)


@dataclass(frozen=True)
class Broker:
    """The site's own identity in the pretended AWS, and what each account must know of it."""

    key_id: str
    secret: str
    government_key_id: str
    government_secret: str
    external_ids: dict[str, str]
    ender_role: str
    reader_role: str


def world(
    *,
    mapping: dict[str, Any],
    metadata_file: Path,
    aws_url: str,
    entity_id: str,
    sealing_key: bytes,
    broker: Broker | None = None,
) -> dict[str, Any]:
    """The local AWS's world: every account of the mapping trusts the provider of this metadata."""
    accounts = {account["id"]: account for account in mapping["accounts"]}
    made: dict[str, Any] = {
        "sealing_key": base64.b64encode(sealing_key).decode(),
        "sign_in_urls": [f"{aws_url}/saml"],
        "accounts": [account_entry(account) for account in accounts.values()],
        "saml_providers": [
            {"arn": provider_arn(account), "metadata_file": str(metadata_file.resolve())}
            for account in accounts.values()
        ],
        "roles": [
            role_entry(role, accounts[account_of(role["arn"])], aws_url=aws_url, entity_id=entity_id)
            for role in mapping["roles"]
        ],
    }
    return made if broker is None else with_broker(made, broker)


def with_broker(made: dict[str, Any], broker: Broker) -> dict[str, Any]:
    """The broker is a user in each partition; in every account of its partition two roles trust it."""
    users = {
        "aws": f"arn:aws:iam::{BROKER_ACCOUNT}:user/drawbridge",
        GOVERNMENT: f"arn:{GOVERNMENT}:iam::{GOVERNMENT_ACCOUNT}:user/drawbridge",
    }
    homes = {account["id"]: account["partition"] for account in made["accounts"]}
    may = {
        broker.ender_role: [
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:ListRolePolicies",
        ],
        broker.reader_role: ["iam:ListRoles", "iam:GetRole", "iam:GetSAMLProvider", "iam:ListSAMLProviders"],
    }
    helpers = [
        helper_entry(
            f"arn:{partition}:iam::{account}:role/{name}",
            users[partition],
            broker.external_ids[account],
            actions,
        )
        for account, partition in homes.items()
        for name, actions in may.items()
    ]
    return made | {
        "users": [
            user_entry(users["aws"], "AIDADEMOBROKER", broker.key_id, broker.secret),
            user_entry(
                users[GOVERNMENT], "AIDADEMOGOVERNMENT", broker.government_key_id, broker.government_secret
            ),
        ],
        "organization": {"id": "o-drawbridgedemo", "management_account": BROKER_ACCOUNT},
        "roles": [*made["roles"], *helpers],
    }


def user_entry(arn: str, user_id: str, key_id: str, secret: str) -> dict[str, Any]:
    """The broker in one partition."""
    return {
        "arn": arn,
        "user_id": user_id,
        "access_keys": [{"id": key_id, "secret": secret}],
        "policies": {"broker": permissions(["sts:AssumeRole", "organizations:ListAccounts"])},
    }


def helper_entry(arn: str, user: str, external_id: str, actions: list[str]) -> dict[str, Any]:
    """A role for the broker: by the account's ExternalId, for these actions and nothing else."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": user},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return {
        "arn": arn,
        "role_id": role_id(arn),
        "trust_policy": {"Version": "2012-10-17", "Statement": [statement]},
        "policies": {"duties": permissions(actions)},
    }


def permissions(actions: list[str]) -> dict[str, Any]:
    """A policy that allows these actions on everything."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}


def role_id(arn: str) -> str:
    """An identifier as AWS gives roles, the same at every start."""
    return f"AROA{base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17]}"


def account_entry(account: dict[str, Any]) -> dict[str, str]:
    """One account; its alias is made from its name."""
    alias = unlawful_in_aliases.sub("-", account["name"].lower()).strip("-")
    return {"id": account["id"], "alias": f"example-{alias}", "partition": account.get("partition", "aws")}


def provider_arn(account: dict[str, Any]) -> str:
    """The SAML provider of one account."""
    partition, name = account.get("partition", "aws"), account.get("provider", "drawbridge")
    return f"arn:{partition}:iam::{account['id']}:saml-provider/{name}"


def account_of(role_arn: str) -> str:
    """The account a role lives in."""
    return role_arn.split(":")[4]


def role_entry(
    role: dict[str, Any], account: dict[str, Any], *, aws_url: str, entity_id: str
) -> dict[str, Any]:
    """One role, whom it trusts, and for how long at most."""
    actions = ["sts:AssumeRoleWithSAML"]
    if role.get("tags"):
        actions.append("sts:TagSession")
    if role.get("source_identity"):
        actions.append("sts:SetSourceIdentity")
    return {
        "arn": role["arn"],
        "role_id": role_id(role["arn"]),
        "max_session_duration": max(SHORTEST_MAXIMUM, seconds_of(role.get("longest", "1h"))),
        "trust_policy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider_arn(account)},
                    "Action": actions,
                    "Condition": {
                        "StringEquals": {
                            "saml:aud": f"{aws_url}/saml",
                            "saml:iss": entity_id,
                            "saml:sub_type": "persistent",
                        }
                    },
                }
            ],
        },
    }


def seconds_of(length: str) -> int:
    """A length such as 4h or 1h30m in seconds."""
    parts = length_part.findall(length)
    if not parts or "".join(number + unit for number, unit in parts) != length:
        raise ValueError(f"{length!r} is no length such as 4h or 15m")
    return sum(int(number) * SECONDS[unit] for number, unit in parts)
