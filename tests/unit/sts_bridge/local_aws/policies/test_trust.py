"""Trust policies: what opens a role, what closes it, and what is not understood."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts_bridge.local_aws.policies.decisions import Asker, Decision, Naming, Request, decide
from sts_bridge.local_aws.policies.documents import read_trust_policy
from sts_bridge.local_aws.policies.errors import MalformedPolicy
from sts_bridge.local_aws.policies.patterns import matches_pattern

PROVIDER = "arn:aws:iam::111122223333:saml-provider/drawbridge"
ROLE = "arn:aws:iam::111122223333:role/Admin"
CONTEXT = {
    "saml:aud": ("https://here.test/saml",),
    "saml:sub_type": ("persistent",),
    "aws:requesttag/team": ("payments",),
    "aws:tagkeys": ("Team", "Cost"),
}


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithSAML",
    } | changes


def permits(*statements: dict[str, Any], action: str = "sts:AssumeRoleWithSAML") -> bool:
    policy = read_trust_policy({"Version": "2012-10-17", "Statement": list(statements)})
    return decide((policy,), Request(action, ROLE, CONTEXT, Asker(provider=PROVIDER)), by_trust=True).allowed


@pytest.mark.parametrize(
    ("principal", "opens"),
    [
        ({"Federated": PROVIDER}, True),
        ({"Federated": ["arn:aws:iam::111122223333:saml-provider/other", PROVIDER]}, True),
        ({"Federated": PROVIDER + "x"}, False),
        ({"Federated": PROVIDER.upper()}, False),
        ({"Federated": "*"}, False),
        ({"AWS": PROVIDER}, False),
        ({}, False),
        ("*", False),
    ],
)
def test_only_the_named_provider_is_trusted(principal: object, *, opens: bool) -> None:
    """A role opens for a provider that its policy names in full."""
    assert permits(statement(Principal=principal)) is opens


@pytest.mark.parametrize(
    ("action", "opens"),
    [
        ("sts:AssumeRoleWithSAML", True),
        ("STS:assumerolewithsaml", True),
        (["sts:TagSession", "sts:Assume*"], True),
        ("sts:*", True),
        ("*", True),
        ("sts:AssumeRoleWithSAM?", True),
        ("sts:AssumeRole", False),
        ("sts:TagSession", False),
        ("iam:*", False),
        ([], False),
    ],
)
def test_actions_match_without_case_and_with_wildcards(action: object, *, opens: bool) -> None:
    """An action is named in any case, with wildcards, alone or in a list."""
    assert permits(statement(Action=action)) is opens


ACCOUNT = "111122223333"
TAKEN = "arn:aws:iam::111122223333:role/team/Hub"
SESSION = "arn:aws:sts::111122223333:assumed-role/Hub/ada"
SOMEBODY = Asker(
    names=frozenset({TAKEN, SESSION}), account=frozenset({ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"})
)


@pytest.mark.parametrize(
    ("principal", "naming"),
    [
        ({"AWS": TAKEN}, Naming.PERSON),
        ({"AWS": SESSION}, Naming.PERSON),
        ({"AWS": ["arn:aws:iam::111122223333:user/x", TAKEN]}, Naming.PERSON),
        ({"AWS": "*"}, Naming.PERSON),
        ("*", Naming.PERSON),
        ({"AWS": ACCOUNT}, Naming.ACCOUNT),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Naming.ACCOUNT),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:root", SESSION]}, Naming.PERSON),
        ({"AWS": "arn:aws:iam::444455556666:root"}, None),
        ({"AWS": "arn:aws:sts::111122223333:assumed-role/Hub/eve"}, None),
        ({"AWS": "arn:aws:iam::111122223333:role/team/*"}, None),
        ({"AWS": "arn:aws:iam::111122223333:role/Hub"}, None),
        ({"Federated": "*"}, None),
        ({"Federated": TAKEN}, None),
        ({"Service": TAKEN}, None),
        ({}, None),
    ],
)
def test_aws_principals_are_named_in_person_or_by_account(principal: object, naming: Naming | None) -> None:
    """A role, a session or a user by its name, a whole account by its number or its root; no patterns."""
    request = Request("sts:AssumeRole", ROLE, {}, SOMEBODY)

    def decided(*statements: dict[str, Any]) -> Decision:
        policy = read_trust_policy({"Version": "2012-10-17", "Statement": list(statements)})
        return decide((policy,), request, by_trust=True)

    found = decided(statement(Principal=principal, Action="sts:AssumeRole"))
    assert (found.allowed, found.naming if found.allowed else None) == (naming is not None, naming)
    everybody = statement(Principal="*", Action="*")
    denied = decided(everybody, statement(Effect="Deny", Principal=principal, Action="*"))
    assert denied.explicitly_denied is (naming is not None)


def test_deny_wins_over_allow() -> None:
    """One matching Deny closes what any number of Allows open; one that does not match closes nothing."""
    assert permits(statement(), statement())
    assert not permits(statement(), statement(Effect="Deny"))
    assert not permits(statement(Effect="Deny"), statement())
    for everybody in ("*", {"AWS": "*"}, {"Federated": "*"}):
        assert not permits(statement(), statement(Effect="Deny", Principal=everybody))
    assert permits(statement(), statement(Effect="Deny", Action="sts:TagSession"))
    assert permits(statement(), statement(Effect="Deny", Principal={"Federated": "arn:other"}))
    elsewhere = {"StringNotEquals": {"saml:aud": "https://here.test/saml"}}
    assert permits(statement(), statement(Effect="Deny", Condition=elsewhere))


@pytest.mark.parametrize(
    ("condition", "opens"),
    [
        ({"StringEquals": {"saml:aud": "https://here.test/saml"}}, True),
        ({"stringequals": {"SAML:AUD": ["x", "https://here.test/saml"]}}, True),
        ({"StringEquals": {"saml:aud": "https://here.test/SAML"}}, False),
        ({"StringEqualsIgnoreCase": {"saml:aud": "https://here.test/SAML"}}, True),
        ({"StringEqualsIgnoreCase": {"saml:aud": "https://there.test/SAML"}}, False),
        ({"StringNotEquals": {"saml:aud": ["x", "y"]}}, True),
        ({"StringNotEquals": {"saml:aud": ["x", "https://here.test/saml"]}}, False),
        ({"StringNotEqualsIgnoreCase": {"saml:aud": "https://HERE.test/saml"}}, False),
        ({"StringLike": {"saml:aud": "https://*.test/s?ml"}}, True),
        ({"StringLike": {"saml:aud": "https://*.test/s?l"}}, False),
        ({"StringNotLike": {"saml:aud": "https://*"}}, False),
        ({"StringNotLike": {"saml:aud": "http://*"}}, True),
        ({"Null": {"sts:SourceIdentity": "true"}}, True),
        ({"Null": {"sts:SourceIdentity": True}}, True),
        ({"Null": {"sts:SourceIdentity": "false"}}, False),
        ({"Null": {"saml:aud": "false"}}, True),
        ({"Null": {"saml:aud": "maybe"}}, False),
        ({"StringEquals": {"sts:SourceIdentity": "ada"}}, False),
        ({"StringEqualsIfExists": {"sts:SourceIdentity": "ada"}}, True),
        ({"StringEqualsIfExists": {"saml:sub_type": "transient"}}, False),
        ({"StringNotEquals": {"sts:SourceIdentity": "ada"}}, True),
        ({"StringEquals": {"aws:RequestTag/TEAM": "payments"}}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "risk"}}, False),
        ({"StringEquals": {"aws:RequestTag/": "payments"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Cost", "More"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["Team"]}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}, False),
        ({"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Team"]}}, True),
        ({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": ["Team"]}}, False),
        ({"ForAnyValue:StringNotEquals": {"sts:TransitiveTagKeys": ["Team"]}}, False),
        ({"StringEquals": {"aws:TagKeys": ["Team", "Cost"]}}, False),
        ({"StringEquals": {"saml:aud": "https://here.test/saml"}, "StringLike": {"saml:sub_type": "t*"}}, False),
        ({"StringEquals": {"saml:aud": "https://here.test/saml", "saml:sub_type": "transient"}}, False),
    ],
)  # fmt: skip
def test_conditions(condition: dict[str, Any], *, opens: bool) -> None:
    """Operators, keys in any case, several values, absent keys and sets behave as IAM says."""
    assert permits(statement(Condition=condition)) is opens


UNKNOWN = (
    {"Condition": {"BinaryEquals": {"saml:aud": "1"}}},
    {"Condition": {"NumericEquals": {"saml:sub_type": "many"}}},
    {"Condition": {"StringEquals": {"aws:SourceMoon": "x"}}},
    {"Condition": {"StringNotEquals": {"aws:SourceMoon": "x"}}},
    {"Condition": {"StringEqualsIfExists": {"aws:SourceMoon": "x"}}},
    {"Condition": {"Null": {"aws:SourceMoon": "true"}}},
    {"Condition": {"ForAllValues:StringEquals": {"aws:SourceMoon": "x"}}},
    {"Condition": {"ForSomeValue:StringNotEquals": {"saml:aud": "x"}}},
    {"Condition": {"StringNotEquals": {"saml:aud": "${aws:moon}"}}},
    {"Condition": {"StringNotEquals": {"saml:audience": "x"}}},
    {"Moon": {"Federated": "x"}},
    {"Resource": "*"},
)


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_not_understood_never_allows(unknown: dict[str, Any]) -> None:
    """An unknown operator, key, variable or element makes an Allow not match and a Deny match."""
    assert not permits(statement(**unknown))
    assert not permits(statement(), statement(Effect="Deny", **unknown))
    assert permits(statement())


@pytest.mark.parametrize(
    "document",
    [
        None,
        "text",
        [],
        {},
        {"Statement": []},
        {"Version": "2020-01-01", "Statement": [statement()]},
        {"Statement": [{"Effect": "allow"}]},
        {"Statement": ["Allow"]},
        {"Statement": [statement(NotPrincipal={"Federated": "x"})]},
        {"Statement": [statement(Condition=["x"])]},
        {"Statement": [statement(Condition={"StringEquals": "x"})]},
        {"Statement": [statement(Action={"x": 1})]},
        {"Statement": [statement(Principal={"Federated": {"x": 1}})]},
    ],
)
def test_a_malformed_policy_stops_the_start(document: object) -> None:
    """What IAM would not store is no trust policy; one statement need not stand in a list."""
    with pytest.raises(MalformedPolicy):
        read_trust_policy(document)
    assert read_trust_policy({"Statement": statement()}).statements


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_patterns_agree_with_their_meaning(pattern: str, text: str) -> None:
    """A star stands for any text, a question mark for one sign, everything else for itself."""

    def means(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(means(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and pattern[0] in {"?", text[0]} and means(pattern[1:], text[1:])

    assert matches_pattern(pattern, text) == means(pattern, text)


def test_a_pattern_of_many_stars_is_decided_at_once() -> None:
    """No pattern makes the comparison explode."""
    assert not matches_pattern("*a" * 200 + "b", "a" * 5_000)
    assert matches_pattern("*a" * 200, "a" * 5_000)
