"""The trust policy that a registered role needs in AWS: exactly what our statements say, and nothing more."""

import re
from typing import Any

from idp.domain.aws.role import AwsRole
from idp.domain.aws.signin import PARTITIONS, MalformedDestination

# IAM User Guide, "IAM JSON policy elements", keys of SAML federation; `persistent` is short for our format.
PERSISTENT_SUBJECT = "persistent"


def trust_policy(
    role: AwsRole, *, provider: str | dict[str, str], issuer: str, audiences: tuple[str, ...]
) -> dict[str, Any]:
    """Who may take this role: people with a statement of ours, for one of these addresses.

    `sts:TagSession` and `sts:SetSourceIdentity` are allowed only where the role is registered to send them;
    where they are sent and not allowed, AWS refuses the whole statement.
    """
    actions = ["sts:AssumeRoleWithSAML"]
    if role.tags:
        actions.append("sts:TagSession")
    if role.source_identity:
        actions.append("sts:SetSourceIdentity")
    same = {"SAML:iss": issuer, "SAML:sub_type": PERSISTENT_SUBJECT}
    condition: dict[str, dict[str, str | list[str]]] = {"StringEquals": {**same}}
    # The audience of AWS's key is the Recipient; AWS has checked already that it is an address of its own.
    comparison = "StringLike" if any("*" in audience for audience in audiences) else "StringEquals"
    condition.setdefault(comparison, {})["SAML:aud"] = list(audiences)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PeopleOfTheCompanyDirectory",
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": actions,
                "Condition": condition,
            }
        ],
    }


def broker_trust_policy(role: AwsRole, *, broker: str) -> dict[str, Any]:
    """Who may take a role of the broker's road: the account's hub or the broker, by this account's ExternalId."""
    actions = ["sts:AssumeRole"]
    if role.tags:
        actions.append("sts:TagSession")
    if role.source_identity:
        actions.append("sts:SetSourceIdentity")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TheBrokerOfTheCompanyDirectory",
                "Effect": "Allow",
                "Principal": {"AWS": str(role.hub) if role.hub is not None else broker},
                "Action": actions,
                "Condition": {"StringEquals": {"sts:ExternalId": role.external_id}},
            }
        ],
    }


def statement_audiences(partition: str, *, regions: tuple[str, ...], stand_in: str | None) -> tuple[str, ...]:
    """Every address that statements for this partition are made out to; without regions, all regional ones.

    Refuses a region of another partition.
    """
    if stand_in is not None:
        return (f"{stand_in}/saml",)
    known = PARTITIONS[partition]
    for region in regions:
        if not re.fullmatch(known.regions, region, re.ASCII):
            raise MalformedDestination(
                f"region {region!r} is not one of {partition}",
                sentence=f"{region} is no region of partition {partition}.",
            )
    regional = (known.regional_acs.format(region=region) for region in regions or ("*",))
    return (known.acs, *dict.fromkeys(regional))
