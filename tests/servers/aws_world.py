"""A world with people in it: users with keys, a device and rights, and roles that trust them."""

import base64
import hashlib
import hmac
import time
from typing import Any

import boto3
from botocore.config import Config

from tests.attacks import forge
from tests.servers.local_aws import LocalAws

HERE, THERE = forge.ACCOUNT, forge.OTHER_ACCOUNT
ADA = f"arn:aws:iam::{HERE}:user/people/ada"
EVE = f"arn:aws:iam::{HERE}:user/eve"
ROOT = f"arn:aws:iam::{HERE}:root"
SERIAL = f"arn:aws:iam::{HERE}:mfa/ada"
SEED = b"a seed of twenty or so bytes"

HUB = f"arn:aws:iam::{HERE}:role/Hub"
TARGET = f"arn:aws:iam::{THERE}:role/Target"
GUARDED = f"arn:aws:iam::{HERE}:role/Guarded"
BOUND = f"arn:aws:iam::{HERE}:role/Bound"

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def key_id(name: str) -> str:
    """The long-term key of somebody."""
    return "AKIA" + base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:16]


def secret(name: str) -> str:
    """The secret of the same."""
    return base64.b64encode(hashlib.sha512(name.encode()).digest()).decode()[:40]


def user(arn: str, name: str, **more: Any) -> dict[str, Any]:
    """One user with one key."""
    entry = {
        "arn": arn,
        "user_id": f"AIDA{name.upper()}EXAMPLE",
        "access_keys": [{"id": key_id(name), "secret": secret(name)}],
    } | more
    if arn.endswith(":root"):
        del entry["user_id"]
    return entry


def allow(*actions: str, resource: str = "*", effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    """A policy of one statement."""
    statement: dict[str, Any] = {"Effect": effect, "Action": list(actions), "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def trusts(principal: object, *actions: str, **condition: Any) -> dict[str, Any]:
    """A trust policy for somebody."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": list(actions) or ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    }
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def world(**changes: Any) -> dict[str, Any]:
    """The world of the statements' tests, with people."""
    base = forge.world()
    base["users"] = [
        user(
            ADA,
            "ada",
            tags={"Department": "risk"},
            mfa_devices=[{"serial": SERIAL, "seed": base64.b32encode(SEED).decode()}],
            attached_policies=[ADMINISTRATOR],
        ),
        user(EVE, "eve"),
        user(ROOT, "root"),
    ]
    base["roles"] += [
        forge.role(HUB, trusts([ADA, EVE]), longest=7_200)
        | {"policies": {"target": allow("sts:*", resource=TARGET)}, "tags": {"Layer": "hub"}},
        forge.role(
            TARGET,
            trusts(f"arn:aws:iam::{HERE}:root", StringEquals={"sts:ExternalId": "tenant-1"}),
            longest=43_200,
        ),
        forge.role(GUARDED, trusts(ROOT, Bool={"aws:MultiFactorAuthPresent": "true"})),
        forge.role(BOUND, trusts(ADA, "sts:AssumeRole")),
    ]
    return base | changes


def client(aws: LocalAws, service: str, name: str = "ada", *, region: str = "eu-west-1", **keys: Any) -> Any:
    """A client of somebody's long-term keys, or of the credentials given."""
    found = keys or {"aws_access_key_id": key_id(name), "aws_secret_access_key": secret(name)}
    config = Config(retries={"max_attempts": 1, "mode": "standard"}, parameter_validation=False)
    return boto3.client(service, endpoint_url=aws.url, region_name=region, config=config, **found)


def holding(aws: LocalAws, answer: Any, service: str = "sts") -> Any:
    """A client of the credentials in an answer."""
    credentials = answer["Credentials"]
    return client(
        aws,
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def device_code(seconds_ago: int = 0) -> str:
    """What the device shows, worked out here a second time (RFC 4226, 5.3)."""
    step = (int(time.time()) - seconds_ago) // 30
    digest = hmac.new(SEED, step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[19] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"
