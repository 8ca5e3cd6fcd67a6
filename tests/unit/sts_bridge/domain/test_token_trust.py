"""What an account is told to trust by token, judged by the local AWS: a workload, and nothing it looks like."""

from dataclasses import replace

import pytest

from idp.domain.aws.role import Road
from idp.domain.rules import Effect, Rule
from idp.domain.token_issuer import Matched, TokenIssuer
from idp.domain.workload import Workload
from sts_bridge.domain.token_trust import token_trust_policy, token_trusts
from sts_bridge.local_aws.policies.decisions import Asker, Request, decide
from sts_bridge.local_aws.policies.documents import read_trust_policy
from tests.unit.sts_bridge.domain.made_up import made_up_role

HOST = "builds.example"
ISSUER = TokenIssuer(
    url=f"https://{HOST}",
    audiences=("us",),
    directory="",
    claim="sub",
    matched=Matched.WORKLOAD,
    seen_from=("192.0.2.7/32",),
)
ROLE = replace(made_up_role(), road=Road.WEB_IDENTITY)
OWNED = Workload(ISSUER.url, claims=(("sub", "repo:acme/.*"),))


def is_let_in(subject: str, *workloads: Workload) -> bool:
    """Whether AWS takes a token of this subject where rules name these workloads."""
    rules = [
        Rule(number=number, name="x", effect=Effect.ALLOW, role=ROLE.arn, workload=workload)
        for number, workload in enumerate(workloads)
    ]
    policy = token_trust_policy(ROLE, trusts=token_trusts(ROLE, issuers=[ISSUER], rules=rules))
    request = Request(
        "sts:AssumeRoleWithWebIdentity",
        str(ROLE.arn),
        {f"{HOST}:aud": ("us",), f"{HOST}:sub": (subject,), "aws:sourceip": ("192.0.2.7",)},
        Asker(provider=f"arn:aws:iam::{ROLE.arn.account}:oidc-provider/{HOST}"),
    )
    return bool(decide((read_trust_policy(policy),), request, by_trust=True).allowed)


@pytest.mark.attack("OI")
@pytest.mark.parametrize("beside", [(), (OWNED,)])
@pytest.mark.parametrize(
    ("subject", "looks_like_it"),
    [
        ("pipeline?main", "pipeline/main"),
        ("pipe${aws:SourceIp}", "pipe192.0.2.7"),
        ("pay$", "pay"),
        ("a$b?c$${?}", "a$bxc$?"),
    ],
)
def test_a_subject_is_let_in_as_it_stands(
    subject: str, looks_like_it: str, beside: tuple[Workload, ...]
) -> None:
    """Signs that mean something to AWS stand for themselves, also beside a pattern."""
    workload = Workload(ISSUER.url, subject)
    assert is_let_in(subject, workload, *beside)
    assert not is_let_in(looks_like_it, workload, *beside)
    assert is_let_in("repo:acme/web", workload, *beside) is bool(beside)


@pytest.mark.attack("OI")
def test_of_a_pattern_only_what_it_leaves_open_is_open() -> None:
    """Signs that the pattern names as text are text in AWS too."""
    pattern = Workload(ISSUER.url, claims=(("sub", r"repo:acme/\*\?:.*"),))
    assert is_let_in("repo:acme/*?:main", pattern)
    assert not is_let_in("repo:acme/other:main", pattern)
