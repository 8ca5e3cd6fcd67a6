"""What one AWS account needs before people can enter it: as text, as AWS CLI, as CloudFormation, as JSON."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from idp.domain.aws.arn import ProviderArn
from idp.domain.aws.role import AwsRole, Road
from idp.domain.rules import Rule
from idp.domain.token_issuer import TokenIssuer
from sts_bridge.domain.token_trust import TokenTrust, oidc_provider_arn, token_trust_policy, token_trusts
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
    issuers: tuple[TokenIssuer, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def issuers_by_arn(self) -> dict[str, TokenIssuer]:
        """The OpenID Connect providers that the account needs, by their ARN; none without a role of that road."""
        return {
            oidc_provider_arn(role, trust.issuer): trust.issuer
            for role in self.roles
            if role.road is Road.WEB_IDENTITY
            for trust in self.trusts_of(role)
        }

    def trusts_of(self, role: AwsRole) -> tuple[TokenTrust, ...]:
        """The issuers whose tokens may open this role, as the rules have it."""
        return token_trusts(role, issuers=self.issuers, rules=self.rules)

    def policy_of(self, role: AwsRole, provider: str | dict[str, str] | None = None) -> dict[str, Any]:
        """The trust policy of one of the roles, by its road."""
        if role.road is Road.BROKER:
            return broker_trust_policy(role, broker=self.broker)
        if role.road is Road.WEB_IDENTITY:
            return token_trust_policy(role, trusts=self.trusts_of(role))
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
        "oidc_providers": [
            {"arn": arn, "url": issuer.url, "client_ids": list(issuer.audiences)}
            for arn, issuer in setup.issuers_by_arn.items()
        ],
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
    for number, (arn, issuer) in enumerate(setup.issuers_by_arn.items(), start=2):
        parts += [
            "",
            f"{number}. In IAM, create an identity provider of type OpenID Connect:",
            f"   URL       {issuer.url}",
            f"   audience  {', '.join(issuer.audiences)}",
            f"   It becomes {arn}.",
        ]
    for number, role in enumerate(setup.roles, start=2 + len(setup.issuers_by_arn)):
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
    for oidc_arn, issuer in setup.issuers_by_arn.items():
        parts += _issuer_commands(oidc_arn, issuer)
    for role in setup.roles:
        parts += _role_commands(setup, role)
    return "\n".join(parts) + "\n"


def _issuer_commands(oidc_arn: str, issuer: TokenIssuer) -> list[str]:
    arn = shlex.quote(oidc_arn)
    audiences = " ".join(map(shlex.quote, issuer.audiences))
    return [
        "",
        f"# Tokens of {issuer.url}.",
        f"if ! aws iam get-open-id-connect-provider --open-id-connect-provider-arn {arn} > /dev/null 2>&1; then",
        (
            f"  aws iam create-open-id-connect-provider --url {shlex.quote(issuer.url)}"
            f" --client-id-list {audiences}"
        ),
        "else",
        *(
            f"  aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn}"
            f" --client-id {shlex.quote(audience)}"
            for audience in issuer.audiences
        ),
        "fi",
    ]


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
    for number, issuer in enumerate(setup.issuers_by_arn.values(), start=1):
        resources[f"OidcProvider{number}"] = {
            "Type": "AWS::IAM::OIDCProvider",
            "Properties": {"Url": issuer.url, "ClientIdList": list(issuer.audiences)},
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
