"""Condition operators and keys as IAM's guide defines them: each once where it holds, once where it does not."""

from typing import Any

import pytest

from sts_bridge.local_aws.policies.decisions import Request, decide
from sts_bridge.local_aws.policies.documents import read_permissions
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.policies.keys import SAML_LISTS, SAML_SINGLE, is_known, is_list

CONTEXT = {
    "aws:sourceip": ("10.1.2.3",),
    "aws:securetransport": ("true",),
    "aws:multifactorauthpresent": ("false",),
    "aws:multifactorauthage": ("300",),
    "aws:currenttime": ("2026-03-02T09:30:00Z",),
    "aws:epochtime": ("1772443800",),
    "aws:tokenissuetime": ("2026-03-02T09:00:00Z",),
    "aws:principalarn": ("arn:aws:iam::111122223333:role/team/Admin",),
    "aws:userid": ("AROAEXAMPLE:ada@example.test",),
    "aws:username": ("a*a",),
    "aws:principaltag/team": ("risk",),
    "aws:requesttag/team": ("risk",),
    "saml:edupersonaffiliation": ("staff", "member"),
    "saml:cn": (),
    "idp.example.test/pool:sub": ("ada",),
    "idp.example.test/pool:amr": ("pwd", "otp"),
}


def holds(condition: dict[str, Any], *, resource: str = "*", **changes: Any) -> bool:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": resource, "Condition": condition} | changes
    policy = read_permissions({"Version": "2012-10-17", "Statement": [statement]}, name="test")
    request = Request("s3:GetObject", "arn:aws:s3:::bucket/a*a/file", CONTEXT)
    return decide((policy,), request, by_trust=False).allowed


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.1.2.3"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.1.2.4"}}, False),
        ({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, False),
        ({"IpAddress": {"aws:SourceIp": "everywhere"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"Bool": {"aws:SecureTransport": "TRUE"}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"Bool": {"aws:ViaAWSService": "true"}}, False),
        ({"BoolIfExists": {"aws:ViaAWSService": "true"}}, True),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"Bool": {"aws:SecureTransport": "yes"}}, False),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "301"}}, True),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": 300}}, False),
        ({"NumericLessThanEquals": {"aws:MultiFactorAuthAge": 300}}, True),
        ({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "299.5"}}, True),
        ({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "300"}}, False),
        ({"NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": "300.0"}}, True),
        ({"NumericEquals": {"aws:MultiFactorAuthAge": ["1", "300"]}}, True),
        ({"NumericNotEquals": {"aws:MultiFactorAuthAge": "300"}}, False),
        ({"NumericNotEquals": {"aws:MultiFactorAuthAge": "1"}}, True),
        ({"NumericEquals": {"aws:MultiFactorAuthAge": "\u0663\u0660\u0660"}}, False),
        ({"DateLessThan": {"aws:TokenIssueTime": "2026-03-02T09:00:01Z"}}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "2026-03-02T09:00:00Z"}}, False),
        ({"DateLessThanEquals": {"aws:TokenIssueTime": "2026-03-02T09:00:00Z"}}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "2026-03-02T10:00:00+01:00"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-03-02"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-03-03"}}, False),
        ({"DateGreaterThanEquals": {"aws:CurrentTime": "2026-03-02T09:30:00.000Z"}}, True),
        ({"DateEquals": {"aws:CurrentTime": "1772443800"}}, True),
        ({"DateEquals": {"aws:EpochTime": "2026-03-02T09:30:00Z"}}, True),
        ({"DateNotEquals": {"aws:CurrentTime": "1772443800"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "next year"}}, False),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/team/Admin"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/team/?dmin"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam:*:role/team/Admin"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*"}}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, False),
        ({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}, True),
        ({"StringLike": {"aws:userid": "*:ada@example.test"}}, True),
        ({"StringLike": {"aws:userid": "*:eve@example.test"}}, False),
        ({"StringEquals": {"aws:PrincipalTag/Team": "risk"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/Team": "${aws:RequestTag/Team}"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/Team": "${aws:PrincipalTag/Other}"}}, False),
        ({"StringEquals": {"aws:PrincipalTag/Team": "${aws:PrincipalTag/Other, 'risk'}"}}, True),
        ({"StringEquals": {"aws:username": "a${*}a"}}, True),
        ({"StringLike": {"aws:username": "a${*}a"}}, True),
        ({"StringLike": {"aws:PrincipalTag/Team": "r${*}k"}}, False),
        ({"StringLike": {"aws:PrincipalTag/Team": "${aws:username}"}}, False),
        ({"StringLike": {"aws:PrincipalTag/Team": "${aws:moon}"}}, False),
        ({"ForAnyValue:StringEquals": {"saml:eduPersonAffiliation": "staff"}}, True),
        ({"ForAllValues:StringLike": {"saml:edupersonaffiliation": ["st*", "mem*"]}}, True),
        ({"ForAllValues:StringEquals": {"saml:edupersonaffiliation": "staff"}}, False),
        ({"StringEquals": {"saml:edupersonaffiliation": "staff"}}, False),
        ({"StringEquals": {"idp.example.test/pool:sub": "ada"}}, True),
        ({"ForAnyValue:StringEquals": {"idp.example.test/pool:amr": "otp"}}, True),
        ({"StringEquals": {"other.example.test:sub": "ada"}}, False),
        ({"Null": {"aws:TokenIssueTime": "true"}}, False),
        ({"Null": {"aws:TokenIssueTime": "false"}}, True),
        ({"Null": {"aws:SourceIdentity": "true"}}, True),
        ({"Null": {"aws:SourceIdentity": "True"}}, True),
        ({"Null": {"aws:TokenIssueTime": "TRUE"}}, False),
        ({"Null": {"aws:TokenIssueTime": ["true", "False"]}}, True),
        ({"Null": {"aws:SourceIdentity": "yes"}}, False),
        ({"Null": {"saml:cn": "true"}}, True),
        ({"Null": {"saml:cn": "false"}}, False),
        ({"StringNotEquals": {"aws:SourceIdentity": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceIdentity": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:username": "x"}}, False),
        ({"StringNotEqualsIfExists": {"aws:username": "a*a"}}, False),
        ({"ForAllValues:StringEquals": {"saml:mail": "x"}}, True),
        ({"ForAnyValue:StringEquals": {"saml:mail": "x"}}, False),
        ({"ForAllValues:StringNotEquals": {"saml:mail": "x"}}, True),
        ({"ForAnyValue:StringNotEquals": {"saml:mail": "x"}}, False),
        ({"ForAnyValue:StringEqualsIfExists": {"saml:mail": "x"}}, True),
        ({"ForAllValues:StringEquals": {"saml:cn": "x"}}, True),
        ({"ForAnyValue:StringEquals": {"saml:cn": "x"}}, False),
        ({"ForAnyValue:StringEqualsIfExists": {"saml:cn": "x"}}, True),
        ({"ForAllValues:StringNotEquals": {"saml:eduPersonAffiliation": "staff"}}, False),
        ({"ForAnyValue:StringNotEquals": {"saml:eduPersonAffiliation": "staff"}}, True),
        ({"ForAllValues:StringNotEquals": {"saml:eduPersonAffiliation": "guest"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:username": ["x", "a*a"]}}, True),
        ({"StringEquals": {"aws:username": []}}, False),
        ({"StringNotEquals": {"aws:username": []}}, True),
        ({"BinaryEquals": {"aws:username": "YSph"}}, True),
        ({"BinaryEquals": {"aws:username": "YSpi"}}, False),
        ({"BinaryEquals": {"aws:username": "no base64!"}}, False),
        ({"BinaryEqualsIfExists": {"aws:SourceIdentity": "YSph"}}, True),
    ],
)
def test_each_operator_holds_and_fails(condition: dict[str, Any], *, expected: bool) -> None:
    """Addresses, flags, numbers, dates, names, variables, sets and absence."""
    assert holds(condition) is expected


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"saml:eduPersonAffiliation": "guest"}},
        {"StringNotEquals": {"saml:eduPersonAffiliation": "staff"}},
        {"Null": {"aws:TokenIssueTime": "yes"}},
        {"ForAnyValue:Null": {"saml:mail": "true"}},
        {"NullIfExists": {"aws:username": "true"}},
        {"BinaryEquals": {"aws:username": "no base64!"}},
        {"Bool": {"aws:SecureTransport": "yes"}},
        {"StringMatches": {"aws:username": "x"}},
    ],
)
def test_what_cannot_be_told_denies_and_never_allows(condition: dict[str, Any]) -> None:
    """A list without set operator, a value of no sense, an operator that there is not: Allow fails, Deny holds."""
    assert not holds(condition)
    denial = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    allowing = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = read_permissions({"Version": "2012-10-17", "Statement": [denial, allowing]}, name="test")
    request = Request("s3:GetObject", "arn:aws:s3:::bucket/x", CONTEXT)
    assert not decide((policy,), request, by_trust=False).allowed


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", True),
        ("arn:aws:s3:::bucket/*", True),
        ("arn:aws:s3:::bucket/${aws:username}/*", True),
        ("arn:aws:s3:::bucket/${aws:userid}/*", False),
        ("arn:aws:s3:::bucket/${aws:PrincipalTag/None}/*", False),
        ("arn:aws:s3:::other/*", False),
    ],
)
def test_resources_are_patterns_with_variables(resource: str, *, expected: bool) -> None:
    """A `*` from somebody's name is only a star; a variable without a value matches nothing."""
    assert holds({}, resource=resource) is expected


def test_everything_but_is_told_apart() -> None:
    """NotAction and NotResource speak of all others."""
    assert holds({}, Action=[], NotAction="iam:*")
    assert not holds({}, Action=[], NotAction="s3:Get*")
    assert holds({}, Resource=[], NotResource="arn:aws:s3:::other/*")
    assert not holds({}, Resource=[], NotResource="arn:aws:s3:::bucket/*")


def test_every_key_of_a_statement_is_known_and_typed() -> None:
    """Single keys need no qualifier, lists do; a misspelt key is not known."""
    assert all(is_known(key) and not is_list(key) for key in SAML_SINGLE)
    assert all(is_known(key) and is_list(key) for key in SAML_LISTS)
    assert len(SAML_SINGLE | SAML_LISTS) == 32
    for key in ("saml:audience", "aws:sourcemoon", "aws:principaltag/", "sub", "sts:externalids"):
        assert not is_known(key)


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Resource": "*"},
        {"Effect": "Allow", "Action": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Sid": 1},
        {"Effect": "allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": None, "Resource": "*"},
    ],
)
def test_a_malformed_permission_is_refused(statement: dict[str, Any]) -> None:
    """What IAM would not store is no policy; a principal in it is not understood, and never allows."""
    with pytest.raises(MalformedPolicy):
        read_permissions({"Statement": [statement]}, name="test")
    assert not holds({}, Principal="*")


def test_what_decided_is_told() -> None:
    """A refusal says which statement denied, or for each one why it did not allow."""
    allow = {"Sid": "Readers", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    night = {"DateGreaterThan": {"aws:CurrentTime": "2030-01-01"}}
    request = Request("s3:GetObject", "arn:aws:s3:::bucket/x", CONTEXT)

    def told(*statements: dict[str, Any]) -> str:
        policy = read_permissions({"Statement": list(statements)}, name="own")
        return decide((policy,), request, by_trust=False).reason

    assert told(allow) == "own, Readers"
    assert told(allow, deny) == "own, statement 2"
    assert told(allow | {"Condition": night}) == "own, Readers: condition dategreaterthan aws:currenttime"
    assert (
        told(allow | {"Action": "iam:*"}, allow | {"Resource": "x"})
        == "own, Readers: action; own, Readers: resource"
    )
    assert told() == "no policy"
