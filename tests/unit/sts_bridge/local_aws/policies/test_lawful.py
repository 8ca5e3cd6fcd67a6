"""Policies that are handed in: what IAM and STS would not store is refused, and its lawful twin is taken."""

from typing import Any

import pytest

from sts_bridge.local_aws.policies.decisions import Asker, Request, decide
from sts_bridge.local_aws.policies.documents import read_permissions, read_trust_policy
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.policies.lawful import refuse_unlawful

ACCOUNT, ROOT = "111122223333", "arn:aws:iam::111122223333:root"
ADA, EVE = "arn:aws:iam::111122223333:user/ada", "arn:aws:iam::111122223333:user/eve"
PROVIDER = "arn:aws:iam::111122223333:saml-provider/drawbridge"


def statement(**changes: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"} | changes
    return {name: value for name, value in made.items() if value is not None}


def policy(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)} | more


@pytest.mark.spec("IAM JSON policy elements", "Grammar", "elements, vendors, ARNs, operators and unique Sids")
@pytest.mark.parametrize(
    ("wrong", "twin", "told"),
    [
        (policy(statement(), Foo=1), policy(statement(), Id="x"), "Syntax errors in policy."),
        (policy(statement(Foo=1)), policy(statement(Sid="a")), "Syntax errors in policy."),
        (
            policy(statement(NotAction="s3:*")),
            policy(statement(Action=None, NotAction="s3:*")),
            "Syntax errors in policy.",
        ),
        (
            policy(statement(NotResource="*")),
            policy(statement(Resource=None, NotResource="arn:aws:s3:::b")),
            "Syntax errors in policy.",
        ),
        (policy(statement(Principal="*")), policy(statement()), "should not specify a principal"),
        (
            policy(statement(NotPrincipal={"AWS": ADA})),
            policy(statement()),
            "should not specify a principal",
        ),
        (policy(statement(Action="GetObject")), policy(statement(Action="*")), "prefaced by a vendor"),
        (policy(statement(Action=["s3:Get*", "x"])), policy(statement(Action=["s3:Get*"])), "by a vendor"),
        (policy(statement(Resource="bucket")), policy(statement(Resource="*")), 'in ARN format or "*"'),
        (
            policy(statement(Sid="a"), statement(Sid="a")),
            policy(statement(Sid="a"), statement(Sid="A"), statement()),
            "must be unique",
        ),
        (policy(statement(Sid="a b")), policy(statement(Sid="ab1")), "must be alpha-numeric"),
        (
            policy(statement(Condition={"StringEqual": {"aws:userid": "x"}})),
            policy(statement(Condition={"ForAnyValue:StringEqualsIfExists": {"aws:userid": "x"}})),
            "Invalid Condition type : StringEqual.",
        ),
        (
            policy(statement(Condition={"NullIfExists": {"aws:userid": "true"}})),
            policy(statement(Condition={"Null": {"aws:userid": "true"}})),
            "Invalid Condition type : NullIfExists.",
        ),
        (
            policy(statement(Condition={"ForSome:StringEquals": {"aws:userid": "x"}})),
            policy(statement(Condition={"ForAllValues:stringequals": {"aws:userid": "x"}})),
            "Invalid Condition type",
        ),
    ],
)
def test_what_aws_would_not_store_is_refused(wrong: dict[str, Any], twin: dict[str, Any], told: str) -> None:
    """Each mistake in AWS's words, and each twin without it."""
    read_permissions(wrong, name="policy")
    with pytest.raises(MalformedPolicy, match=told.replace("*", r"\*")):
        refuse_unlawful(wrong)
    read_permissions(twin, name="policy")
    refuse_unlawful(twin)


def is_allowed(asker: Asker, *statements: dict[str, Any]) -> bool:
    trust = read_trust_policy(policy(*statements))
    return decide((trust,), Request("sts:AssumeRole", "role", {}, asker), by_trust=True).allowed


@pytest.mark.spec(
    "IAM JSON policy elements", "NotPrincipal", "everybody else; a Deny spares by name and account"
)
def test_not_principal_speaks_of_everybody_else() -> None:
    """An Allow reaches who is not named; a Deny spares only who is named together with the account."""
    ada, eve = (Asker(names=frozenset({one}), account=frozenset({ROOT, ACCOUNT})) for one in (ADA, EVE))
    trusted = Asker(provider=PROVIDER)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    others = {"Effect": "Allow", "NotPrincipal": {"AWS": ADA}, "Action": "sts:AssumeRole"}
    assert not is_allowed(ada, others)
    assert is_allowed(eve, others)
    deny_all_but = {"Effect": "Deny", "NotPrincipal": {"AWS": [ADA, ROOT]}, "Action": "sts:AssumeRole"}
    assert is_allowed(ada, everybody, deny_all_but)
    assert not is_allowed(eve, everybody, deny_all_but)
    without_account = deny_all_but | {"NotPrincipal": {"AWS": ADA}}
    assert not is_allowed(ada, everybody, without_account)
    provider = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRole"}
    deny_other_providers = deny_all_but | {"NotPrincipal": {"Federated": PROVIDER}}
    assert is_allowed(trusted, provider, deny_other_providers)
    assert not is_allowed(trusted, provider, deny_all_but)
    with pytest.raises(MalformedPolicy, match="not both"):
        read_trust_policy(policy(everybody | {"NotPrincipal": {"AWS": ADA}}))


@pytest.mark.spec(
    "IAM JSON policy elements", "Version", "variables in 2012-10-17 only; without one it is 2008-10-17"
)
@pytest.mark.parametrize(("version", "varies"), [("2012-10-17", True), ("2008-10-17", False), (None, False)])
def test_only_the_newer_language_has_variables(version: str | None, *, varies: bool) -> None:
    """In the older one `${aws:username}` is a text like any other, in resources and in conditions."""
    document = policy(
        statement(Resource="arn:aws:s3:::${aws:username}"),
        statement(
            Action="s3:Put", Resource="*", Condition={"StringEquals": {"aws:userid": "${aws:username}"}}
        ),
    )
    if version is None:
        del document["Version"]
    else:
        document["Version"] = version
    read = read_permissions(document, name="policy")
    for action, resource, user_id, expected in (
        ("s3:GetObject", "arn:aws:s3:::ada", "AIDA", varies),
        ("s3:GetObject", "arn:aws:s3:::${aws:username}", "AIDA", not varies),
        ("s3:Put", "any", "ada", varies),
        ("s3:Put", "any", "${aws:username}", not varies),
    ):
        context = {"aws:username": ("ada",), "aws:userid": (user_id,)}
        assert decide((read,), Request(action, resource, context), by_trust=False).allowed is expected
