"""What one AWS account needs before people can enter it: as text, as AWS CLI, as CloudFormation, as JSON."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from idp.domain.aws.arn import ProviderArn
from idp.domain.aws.role import AwsRole, Road
from sts_bridge.domain.trust_policy import broker_trust_policy, trust_policy

PROVIDER = "SamlProvider"
NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]", re.ASCII)
METADATA_FILE = "drawbridge-metadata.xml"


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """One account: its SAML provider, and the registered roles with whom they must trust."""

    account_name: str
    provider: ProviderArn
    roles: tuple[AwsRole, ...]
    issuer: str
    audiences: tuple[str, ...]
    metadata_address: str
    metadata: str
    broker: str = ""

    def policy_of(self, role: AwsRole, provider: str | dict[str, str] | None = None) -> dict[str, Any]:
        """The trust policy of one of the roles, by its road."""
        if role.road is Road.BROKER:
            return broker_trust_policy(role, broker=self.broker)
        return trust_policy(
            role, provider=provider or str(self.provider), issuer=self.issuer, audiences=self.audiences
        )


def as_data(setup: AccountSetup) -> dict[str, Any]:
    """For programs."""
    return {
        "account": setup.provider.account,
        "name": setup.account_name,
        "partition": setup.provider.partition,
        "provider": {
            "arn": str(setup.provider),
            "name": setup.provider.name,
            "metadata_address": setup.metadata_address,
            "metadata": setup.metadata,
        },
        "roles": [
            {
                "arn": str(role.arn),
                "max_session_duration": int(role.longest.total_seconds()),
                "trust_policy": setup.policy_of(role),
            }
            for role in setup.roles
        ],
    }


def as_text(setup: AccountSetup) -> str:
    """For people who click through the console."""
    provider = setup.provider
    parts = [
        f"AWS account {provider.account} ({setup.account_name}), partition {provider.partition}",
        "",
        "1. In IAM, create an identity provider of type SAML:",
        f"   name      {provider.name}",
        f"   metadata  the document at {setup.metadata_address}",
        f"   It becomes {provider}.",
    ]
    for number, role in enumerate(setup.roles, start=2):
        parts += [
            "",
            (
                f"{number}. The role {role.arn.name} (path {role.arn.path}) needs a maximum session of at least"
                f" {int(role.longest.total_seconds())} seconds, and this trust policy:"
            ),
            "",
            json.dumps(setup.policy_of(role), indent=2),
        ]
    return "\n".join(parts) + "\n"


def as_cli(setup: AccountSetup) -> str:
    """A shell script that makes or renews the provider and the roles with the AWS CLI; it may run twice."""
    provider = setup.provider
    arn, name = shlex.quote(str(provider)), shlex.quote(provider.name)
    parts = [
        "#!/bin/sh",
        f"# AWS account {provider.account}: the SAML provider and the trust of its roles.",
        "set -eu",
        f'if [ "$(aws sts get-caller-identity --query Account --output text)" != {provider.account} ]; then',
        f"  echo 'These are not credentials of account {provider.account}.' >&2",
        "  exit 1",
        "fi",
        f"curl --fail --silent --show-error --output {METADATA_FILE} {shlex.quote(setup.metadata_address)}",
        f"if aws iam get-saml-provider --saml-provider-arn {arn} > /dev/null 2>&1; then",
        (
            f"  aws iam update-saml-provider --saml-provider-arn {arn}"
            f" --saml-metadata-document file://{METADATA_FILE}"
        ),
        "else",
        f"  aws iam create-saml-provider --name {name} --saml-metadata-document file://{METADATA_FILE}",
        "fi",
    ]
    for role in setup.roles:
        parts += _role_commands(setup, role)
    return "\n".join(parts) + "\n"


def _role_commands(setup: AccountSetup, role: AwsRole) -> list[str]:
    name, seconds = shlex.quote(role.arn.name), int(role.longest.total_seconds())
    policy = shlex.quote(json.dumps(setup.policy_of(role)))
    return [
        "",
        f"# {role.arn}: what it may do is for its own policies to say.",
        f"if aws iam get-role --role-name {name} > /dev/null 2>&1; then",
        f"  aws iam update-assume-role-policy --role-name {name} --policy-document {policy}",
        f"  aws iam update-role --role-name {name} --max-session-duration {seconds}",
        "else",
        (
            f"  aws iam create-role --role-name {name} --path {shlex.quote(role.arn.path)}"
            f" --max-session-duration {seconds} --assume-role-policy-document {policy}"
        ),
        "fi",
    ]


def as_cloudformation(setup: AccountSetup) -> str:
    """A template that makes the provider and the roles; it needs CAPABILITY_NAMED_IAM."""
    resources: dict[str, Any] = {
        PROVIDER: {
            "Type": "AWS::IAM::SAMLProvider",
            "Properties": {"Name": setup.provider.name, "SamlMetadataDocument": setup.metadata},
        }
    }
    for number, role in enumerate(setup.roles, start=1):
        # Logical names are alphanumeric; the number keeps two roles apart that differ in other signs only.
        logical = f"Role{number}{NOT_ALPHANUMERIC.sub('', role.arn.name)}"
        resources[logical] = {
            "Type": "AWS::IAM::Role",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "RoleName": role.arn.name,
                "Path": role.arn.path,
                "MaxSessionDuration": int(role.longest.total_seconds()),
                "AssumeRolePolicyDocument": setup.policy_of(role, {"Ref": PROVIDER}),
            },
        }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (
            f"SAML provider {setup.provider.name} and the roles that trust it in account {setup.provider.account};"
            " what the roles may do is added by policies of their own."
        ),
        "Resources": resources,
    }
    return yaml.safe_dump(template, sort_keys=False, width=110, allow_unicode=False)
