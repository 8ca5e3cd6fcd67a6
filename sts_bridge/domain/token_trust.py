"""The trust that a role of the road `web-identity` needs in AWS: which issuers, for whom, and through us only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from idp.domain.aws.role import AwsRole
from idp.domain.re2_patterns import literal_start
from idp.domain.rules import Effect, Rule
from idp.domain.token_issuer import TokenIssuer
from idp.domain.workload import Workload

SUBJECT = "sub"


@dataclass(frozen=True, slots=True)
class TokenTrust:
    """One issuer that a role must trust; of workloads the subjects, `*` for what patterns leave open.

    Without subjects rules go by other claims, which AWS knows no condition for: every token for our audience fits.
    """

    issuer: TokenIssuer
    subjects: tuple[str, ...] = ()


def token_trusts(
    role: AwsRole, *, issuers: Iterable[TokenIssuer], rules: Iterable[Rule]
) -> tuple[TokenTrust, ...]:
    """Every issuer whose tokens may open this role: all of people, and of workloads those that a rule lets in."""
    let_in = [
        rule.workload
        for rule in rules
        if rule.workload is not None and rule.role == role.arn and rule.effect is Effect.ALLOW
    ]
    trusts = []
    for issuer in issuers:
        workloads = [one for one in let_in if one.issuer == issuer.url]
        if not issuer.is_of_workloads:
            trusts.append(TokenTrust(issuer))
        elif workloads:
            subjects = [_subject(workload) for workload in workloads]
            trusts.append(TokenTrust(issuer, tuple(sorted(set(subjects))) if all(subjects) else ()))
    return tuple(trusts)


def _subject(workload: Workload) -> str:
    if workload.subject is not None:
        return as_plain_text(workload.subject)
    start = literal_start(dict(workload.claims).get(SUBJECT, ""))
    return f"{as_plain_text(start)}*" if start else ""


def as_plain_text(text: str) -> str:
    """The text where policies of AWS compare: each sign that means more there stands for itself."""
    return re.sub(r"[*?]|[$](?=\{)", r"${\g<0>}", text)


def token_trust_policy(role: AwsRole, *, trusts: Iterable[TokenTrust]) -> dict[str, Any]:
    """Who may take a role of the road `web-identity`: whoever brings a token of one of these issuers, through us.

    A token opens the role for its holder too: only the address from which STS sees us keeps the decision here.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": f"TokensOfIssuer{number}",
                "Effect": "Allow",
                "Principal": {"Federated": oidc_provider_arn(role, trust.issuer)},
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Condition": _condition(trust),
            }
            for number, trust in enumerate(trusts, start=1)
        ],
    }


def _condition(trust: TokenTrust) -> dict[str, dict[str, list[str]]]:
    issuer = trust.issuer
    condition = {"StringEquals": {f"{issuer.name_in_aws}:aud": list(issuer.audiences)}}
    if trust.subjects:
        comparison = "StringLike" if any("*" in one for one in trust.subjects) else "StringEquals"
        condition.setdefault(comparison, {})[f"{issuer.name_in_aws}:{SUBJECT}"] = list(trust.subjects)
    return condition | {"IpAddress": {"aws:SourceIp": list(issuer.seen_from)}}


def oidc_provider_arn(role: AwsRole, issuer: TokenIssuer) -> str:
    """What IAM calls this issuer in the role's account."""
    return f"arn:{role.arn.partition}:iam::{role.arn.account}:oidc-provider/{issuer.name_in_aws}"
