"""Workloads are named so that nobody but their owner meets the name; every refusal beside its accepted twin."""

from typing import Any

import pytest

from idp.domain.re2_patterns import MalformedRule
from idp.domain.rules import Effect, Rule, Specificity
from idp.domain.workload import Workload, account_id, claim_text
from tests.unit.idp.domain.made_up import ACCOUNT, arn

ISSUER = "https://builds.example"
SUBJECT = "repo:acme/payments:ref:refs/heads/main"

pytestmark = pytest.mark.attack("OI")


def workload(subject: str | None = None, **claims: str) -> Workload:
    return Workload(ISSUER, subject, tuple(sorted(claims.items())))


def rule(meant: Workload, **changes: Any) -> Rule:
    values: dict[str, Any] = {
        "number": 1,
        "name": "1",
        "effect": Effect.ALLOW,
        "role": arn(),
        "workload": meant,
    }
    return Rule(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": "http://builds.example"}, "issuer"),
        ({"issuer": "https://builds.example/?tenant=1"}, "issuer"),
        ({"subject": None}, "subject"),
        ({"subject": ""}, "subject"),
        ({"claims": (("sub", "repo:acme/x"),)}, "subject"),
        ({"subject": "repo:acme/*"}, "subject"),
        ({"subject": " repo:acme/x"}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": None, "claims": (("aud", "x"),)}, "claims"),
        ({"subject": None, "claims": (("sub", "("),)}, "claims"),
        ({"subject": None, "claims": (("sub", r"repo:acme/(?=x)"),)}, "claims"),
        ({"subject": None, "claims": (("sub", ".*"),)}, "claims"),
        ({"subject": None, "claims": (("sub", ""),)}, "claims"),
        ({"subject": None, "claims": (("sub", "a"), ("sub", "b"))}, "claims"),
        ({"subject": None, "claims": tuple((f"c{n}", "x") for n in range(10, 21))}, "claims"),
    ],
)
def test_what_names_nobody_or_is_read_in_two_ways_is_refused(changes: dict[str, Any], field: str) -> None:
    """The error names its field; without the change it is a workload."""
    good: dict[str, Any] = {"issuer": ISSUER, "subject": SUBJECT, "claims": ()}
    assert Workload(**good).names_its_owner
    with pytest.raises(MalformedRule) as refusal:
        Workload(**(good | changes))
    assert refusal.value.field == f"workload.{field}"


OPEN: list[dict[str, str]] = [
    {"sub": "repo:.*"},
    {"sub": "repo:acme.*"},
    {"sub": "repo:acme/?.*"},
    {"sub": "repo:acme(/payments)?:.*"},
    {"sub": "repo:acme/payments:.*|repo:.*"},
    {"sub": ".*:acme/payments:.*"},
    {"sub": "(?i)repo:acme/payments:.*"},
    {"sub": "repo:[a]cme/payments:.*"},
    {"sub": "repo:acme.corp/.*"},
    {"sub": "system:serviceaccount:.*"},
    {"sub": "system:serviceaccount:pay.*"},
    {"sub": "organization:acme.*"},
    {"sub": "job_workflow_ref:acme/payments/.*"},
    {"sub": "environment:production:.*"},
    {"ref": "refs/heads/main"},
    {"environment": "production"},
    {"actor": "jane"},
    {"job_workflow_ref": "acme/shared/.github/workflows/deploy\\.yml@refs/heads/main"},
    {"repository": "acme.*"},
    {"repository": ".*/payments"},
    {"repository_owner": "acme.*"},
    {"repository_owner": "acm."},
    {"repository_owner_id": "[0-9]+"},
    {"namespace_path": "acme/.*"},
]
OWNED: list[dict[str, str]] = [
    {"sub": "repo:acme/.*"},
    {"sub": "^repo:acme/payments:ref:refs/heads/(main|release-[0-9]+)$"},
    {"sub": "repo:acme/payments:(ref:refs/heads/main|environment:production)"},
    {"sub": "(repo:acme/payments|repo:acme/web):pull_request"},
    {"sub": "project_path:acme/payments:ref_type:branch:ref:.*"},
    {"sub": "system:serviceaccount:payments:[a-z-]+"},
    {"sub": "organization:acme:project:.*"},
    {"repository": "acme/.*"},
    {"repository_owner": "acme"},
    {"repository_owner_id": "4711", "ref": "refs/.*"},
    {"namespace_path": "acme|acme-labs"},
]


@pytest.mark.parametrize("claims", OPEN)
def test_a_permission_that_leaves_the_owner_open_is_refused(claims: dict[str, str]) -> None:
    """Whoever has an account at the same issuer could meet it; a denial may be as wide as that."""
    with pytest.raises(MalformedRule) as refusal:
        rule(workload(**claims))
    assert refusal.value.field == "workload.claims"
    assert rule(workload(**claims), effect=Effect.DENY).workload is not None


@pytest.mark.parametrize("claims", OWNED)
def test_a_permission_that_names_the_owner_is_taken(claims: dict[str, str]) -> None:
    """One claim as plain text, or text that ends the owner's name, is enough; what follows is the owner's own."""
    assert rule(workload(**claims)).specificity is Specificity.LITERAL_ACCOUNT_AND_ROLE
    assert rule(workload(SUBJECT)).specificity is Specificity.IDENTIFIER


@pytest.mark.parametrize(
    "changes", [{"group_id": "g1"}, {"pattern": "x", "base": "dc=x"}, {"account": ACCOUNT}, {"role": None}]
)
def test_a_rule_for_workloads_is_for_nothing_else(changes: dict[str, Any]) -> None:
    """No group, no pattern on groups, and the role named whole."""
    with pytest.raises(MalformedRule):
        rule(workload(SUBJECT), **changes)
    assert rule(workload(SUBJECT)).group_id is None


@pytest.mark.parametrize(
    ("meant", "claims", "verdicts"),
    [
        (workload(SUBJECT), {"sub": SUBJECT}, (True, True)),
        (workload(SUBJECT), {"sub": SUBJECT.upper()}, (False, True)),
        (workload(SUBJECT), {"sub": SUBJECT + "x"}, (False, False)),
        (workload(SUBJECT), {"sub": "x" + SUBJECT}, (False, False)),
        (workload(SUBJECT), {"sub": [SUBJECT]}, (False, True)),
        (workload(SUBJECT), {}, (False, False)),
        (workload(sub="repo:acme/.*"), {"sub": "repo:acme/web"}, (True, True)),
        (workload(sub="repo:acme/.*"), {"sub": "repo:acme/web\n"}, (False, False)),
        (workload(sub="repo:acme/.*"), {"sub": "xrepo:acme/web"}, (False, False)),
        (workload(sub="repo:acme/.*"), {"sub": "repo:acme/wéb"}, (False, True)),
        (workload(sub="(?i)k"), {"sub": "\N{KELVIN SIGN}"}, (False, True)),
        (workload(owner="a", ref="m"), {"owner": "a", "ref": "m"}, (True, True)),
        (workload(owner="a", ref="m"), {"owner": "a"}, (False, False)),
        (workload(owner="a", ref="m"), {"owner": "a", "ref": {"m": 1}}, (False, True)),
        (workload(id="4711"), {"id": 4711}, (True, True)),
        (workload(id="true"), {"id": True}, (True, True)),
        (workload(id="1"), {"id": True}, (False, False)),
    ],
)
def test_a_permission_needs_the_claims_beyond_doubt_and_a_denial_does_not(
    meant: Workload, claims: dict[str, Any], verdicts: tuple[bool, bool]
) -> None:
    """The whole value, as it stands; what cannot be read is denied and never given."""
    assert (meant.is_met(claims, denies=False), meant.is_met(claims, denies=True)) == verdicts


def test_names_and_keys_are_nobody_else_s() -> None:
    """Another issuer, subject or effect is another one; and no group of a directory has such an identifier."""
    one, other = workload(SUBJECT), Workload("https://other.example", SUBJECT)
    ids = {
        meant.group_id(denies=denies)
        for meant in (one, other, workload(sub=SUBJECT))
        for denies in (True, False)
    }
    assert len(ids) == 6
    assert all(found != found.lower() for found in ids)
    assert len({account_id(ISSUER, "ab"), account_id(f"{ISSUER}a", "b"), account_id(ISSUER, "a")}) == 3
    unread: list[object] = [None, "", [], {}, 1.5]
    assert {claim_text(value) for value in unread} == {None}
    assert [claim_text(value) for value in ("x", 7, False)] == ["x", "7", "false"]
    assert str(workload(ref="m", sub="repo:acme/.*")) == f"ref=m, sub=repo:acme/.* of {ISSUER}"
