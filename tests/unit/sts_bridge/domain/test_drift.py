"""What is registered against what AWS has: each difference is found, and one change away there is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import AwsRole, Road
from idp.domain.rules import Effect, Rule
from idp.domain.token_issuer import Matched, TokenIssuer
from idp.domain.workload import Workload
from sts_bridge.domain.drift import AwsRoleSeen, Drift, Finding, drift_of_account
from sts_bridge.domain.token_trust import TokenTrust, token_trust_policy, token_trusts
from tests.unit.sts_bridge.domain.made_up import made_up_role

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ACCOUNT = "111122223333"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/drawbridge"
ADDRESSES = ("https://signin.aws.amazon.com/saml", "https://eu-west-1.signin.aws.amazon.com/saml")
BROKER = "arn:aws:iam::999900001111:user/broker"
HUB = RoleArn.parse("arn:aws:iam::999900001111:role/Hub")
EXTERNAL_ID = "drawbridge-0123456789abcdef0123456789abcdef"
SAML_ACTIONS = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]

POSTED = made_up_role(source_identity=True, tags=("CostCenter",))
BROKERED = replace(POSTED, road=Road.BROKER, external_id=EXTERNAL_ID)


def statement(**changes: Any) -> dict[str, Any]:
    by_statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": SAML_ACTIONS,
        "Condition": {"StringEquals": {"SAML:aud": list(ADDRESSES)}},
    }
    return {**by_statement, **changes}


def by_broker(principal: Any = BROKER, **changes: Any) -> dict[str, Any]:
    given = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    }
    return {**given, **changes}


def seen(role: AwsRole, *statements: dict[str, Any], **changes: Any) -> AwsRoleSeen:
    found = AwsRoleSeen(
        arn=str(role.arn),
        name=role.arn.name,
        longest_seconds=43_200,
        trust={"Version": "2012-10-17", "Statement": list(statements)},
        last_used_at=NOW - timedelta(days=1),
    )
    return replace(found, **changes)


def drift(
    role: AwsRole,
    *found: AwsRoleSeen,
    with_rules: bool = True,
    broker: str = BROKER,
    trusts: tuple[TokenTrust, ...] = (),
) -> list[Finding]:
    return list(
        drift_of_account(
            ACCOUNT,
            registered=[role],
            seen={one.name: one for one in found},
            audiences={"aws": ADDRESSES},
            provider=PROVIDER,
            broker=broker,
            with_rules=frozenset({str(role.arn)} if with_rules else ()),
            trusts={str(role.arn): trusts},
            now=NOW,
        )
    )


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement()], []),
        ([statement(Action="sts:*")], []),
        ([statement(Action="*", Principal={"Federated": ["x", PROVIDER]})], []),
        ([statement(Condition={"StringLike": {"saml:aud": "https://*signin.aws.amazon.com/saml"}})], []),
        ([statement(Condition={})], []),
        ([statement(Principal={"Federated": f"{PROVIDER}-other"})], [Drift.PROVIDER_NOT_TRUSTED]),
        ([statement(Effect="Deny", Condition={})], [Drift.PROVIDER_NOT_TRUSTED]),
        ([{**statement(Effect="Deny")} | {"Condition": {}}, statement()], []),
        ([statement(Action="sts:AssumeRole")], [Drift.PROVIDER_NOT_TRUSTED]),
        ([statement(Condition={"StringEquals": {"saml:aud": ADDRESSES[0]}})], [Drift.AUDIENCE_MISSING]),
        ([statement(Action=SAML_ACTIONS[:1])], [Drift.TAGS_NOT_ALLOWED, Drift.SOURCE_IDENTITY_NOT_ALLOWED]),
        ([statement(Action=SAML_ACTIONS[:2])], [Drift.SOURCE_IDENTITY_NOT_ALLOWED]),
        ([], [Drift.PROVIDER_NOT_TRUSTED]),
    ],
)
def test_the_trust_of_a_posted_role(statements: list[dict[str, Any]], expected: list[Drift]) -> None:
    """Provider, action, every address in use, tags and source identity: only what does not fit is named."""
    assert [one.drift for one in drift(POSTED, seen(POSTED, *statements))] == expected


def test_a_denial_without_condition_shuts_everybody_out() -> None:
    """Explicit deny first."""
    denial = {name: value for name, value in statement(Effect="Deny").items() if name != "Condition"}
    found = drift(POSTED, seen(POSTED, statement(), denial))
    assert [one.drift for one in found] == [Drift.PROVIDER_NOT_TRUSTED]


@pytest.mark.attack("AW-05")
@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([by_broker()], []),
        ([by_broker("arn:aws:iam::999900001111:root")], []),
        ([by_broker("999900001111")], []),
        ([by_broker("arn:aws:iam::999900001111:user/other")], [Drift.BROKER_NOT_TRUSTED]),
        ([by_broker(Condition={})], [Drift.EXTERNAL_ID_NOT_DEMANDED]),
        ([by_broker(Condition={"StringEquals": {"sts:ExternalId": "x"}})], [Drift.EXTERNAL_ID_NOT_DEMANDED]),
        ([by_broker(Condition={"StringLike": {"sts:ExternalId": "*"}})], [Drift.EXTERNAL_ID_NOT_DEMANDED]),
        ([by_broker(), by_broker(Condition={})], [Drift.EXTERNAL_ID_NOT_DEMANDED]),
        (
            [by_broker(Action="sts:AssumeRole")],
            [Drift.TAGS_NOT_ALLOWED, Drift.SOURCE_IDENTITY_NOT_ALLOWED],
        ),
    ],
)
def test_the_trust_of_a_brokered_role(statements: list[dict[str, Any]], expected: list[Drift]) -> None:
    """The broker or its account, and our ExternalId and no other: one statement without it lets others in."""
    assert [one.drift for one in drift(BROKERED, seen(BROKERED, *statements))] == expected


def test_by_way_of_a_hub_it_is_the_hub_that_must_be_trusted() -> None:
    """The broker's own trust is not asked then; where nobody knows who the broker is, anybody of AWS will do."""
    chained = replace(BROKERED, hub=HUB)
    assert drift(chained, seen(chained, by_broker(str(HUB)))) == []
    assert [one.drift for one in drift(chained, seen(chained, by_broker()))] == [Drift.BROKER_NOT_TRUSTED]
    assert drift(BROKERED, seen(BROKERED, by_broker("x")), broker="") == []


@pytest.mark.parametrize(
    ("changes", "with_rules", "expected"),
    [
        ({"longest_seconds": 14_400}, True, []),
        ({"longest_seconds": 3_600}, True, [Drift.SESSION_TOO_LONG]),
        ({"last_used_at": NOW - timedelta(days=91)}, True, [Drift.UNUSED]),
        ({"last_used_at": None}, True, [Drift.UNUSED]),
        ({}, False, [Drift.NO_RULE]),
        ({"arn": f"arn:aws:iam::{ACCOUNT}:role/path/ReadOnly"}, True, [Drift.ROLE_MISSING]),
    ],
)
def test_length_use_and_rules(changes: dict[str, Any], with_rules: bool, expected: list[Drift]) -> None:  # noqa: FBT001 - a parameter of the table
    """A session that AWS refuses, a role nobody uses, one that no rule gives, one under another path."""
    found = drift(POSTED, seen(POSTED, statement(), **changes), with_rules=with_rules)
    assert [one.drift for one in found] == expected


def test_a_missing_role_and_one_that_nobody_registered() -> None:
    """What rules give and AWS has not; what trusts us unknown to us. Identity Center's own roles are not ours."""
    stranger = replace(seen(POSTED, statement()), name="Shadow", arn=f"arn:aws:iam::{ACCOUNT}:role/Shadow")
    reserved = replace(stranger, name="AWSReservedSSO_Admin_0123456789abcdef")
    unrelated = replace(stranger, name="Lambda", trust={"Statement": by_broker()})
    found = drift(POSTED, stranger, reserved, unrelated)
    assert [(one.drift, one.role.rpartition("/")[2]) for one in found] == [
        (Drift.ROLE_MISSING, "ReadOnly"),
        (Drift.NOT_REGISTERED, "Shadow"),
    ]


def test_a_role_of_the_tokens_road_must_let_some_issuer_in() -> None:
    """A statement of ours is no token; a trust for one that is there leaves nothing to say."""
    by_token = replace(POSTED, road=Road.WEB_IDENTITY, source_identity=False, tags=(), transitive_tags=())
    provider = {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example"}
    well = seen(by_token, statement(Principal=provider, Action="sts:AssumeRoleWithWebIdentity"))
    assert drift(by_token, well) == []
    assert [one.drift for one in drift(by_token, seen(by_token, statement()))] == [Drift.PROVIDER_NOT_TRUSTED]


ISSUER = "https://issuer.example"
BY_ISSUER = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example"}
BOUND = {
    "StringEquals": {"issuer.example:aud": ["us"], "issuer.example:sub": ["repo:acme/x:y"]},
    "IpAddress": {"aws:SourceIp": ["192.0.2.7/32"]},
}


def without(operator: str, key: str) -> dict[str, Any]:
    kept = {name: value for name, value in BOUND[operator].items() if name != key}
    return {name: value for name, value in {**BOUND, operator: kept}.items() if value}


@pytest.mark.attack("OI")
def test_a_trust_that_lets_holders_of_tokens_past_us_is_found() -> None:
    """Another audience, any subject or address, or not the issuer at all; as printed there is nothing."""
    issuer = TokenIssuer(
        url=ISSUER,
        audiences=("us",),
        directory="",
        claim="sub",
        matched=Matched.WORKLOAD,
        seen_from=("192.0.2.7/32",),
    )
    by_token = replace(POSTED, road=Road.WEB_IDENTITY, source_identity=False, tags=(), transitive_tags=())
    rule = Rule(
        number=1, name="1", effect=Effect.ALLOW, role=by_token.arn, workload=Workload(ISSUER, "repo:acme/x:y")
    )
    (trust,) = trusts = token_trusts(by_token, issuers=[issuer], rules=[rule])
    assert (trust.issuer, trust.subjects) == (issuer, ("repo:acme/x:y",))
    assert token_trusts(by_token, issuers=[issuer], rules=[replace(rule, effect=Effect.DENY)]) == ()

    def found(**changes: Any) -> list[tuple[Drift, str]]:
        given = {"Principal": BY_ISSUER, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": BOUND}
        one = seen(by_token, statement(**(given | changes)))
        return [(finding.drift, finding.detail) for finding in drift(by_token, one, trusts=trusts)]

    assert found() == []
    (printed,) = token_trust_policy(by_token, trusts=trusts)["Statement"]
    assert found(**printed) == []
    for operator, key in (
        ("StringEquals", "issuer.example:aud"),
        ("StringEquals", "issuer.example:sub"),
        ("IpAddress", "aws:SourceIp"),
    ):
        [(kind, detail)] = found(Condition=without(operator, key))
        assert (kind, key in detail) == (Drift.TOKENS_NOT_BOUND, True)
    for operator, key, value in (
        ("StringEquals", "issuer.example:aud", ["them"]),
        ("StringEquals", "issuer.example:sub", ["repo:acme/x:y", "repo:evil/x:y"]),
        ("StringLike", "issuer.example:sub", "repo:*"),
        ("StringLike", "issuer.example:sub", "*"),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
        ("IpAddress", "aws:SourceIp", ["192.0.2.7/32", "198.51.100.0/24"]),
        ("IpAddress", "aws:SourceIp", "::/0"),
        ("IpAddress", "aws:SourceIp", "everywhere"),
        ("IpAddress", "aws:VpcSourceIp", "192.0.2.7/32"),
    ):
        usual = "IpAddress" if operator == "IpAddress" else "StringEquals"
        rest = without(usual, "aws:SourceIp" if usual == "IpAddress" else key)
        [(kind, _)] = found(Condition=rest | {operator: rest.get(operator, {}) | {key: value}})
        assert (key, value, kind) == (key, value, Drift.TOKENS_NOT_BOUND)
    assert (
        found(Condition=without("IpAddress", "aws:SourceIp") | {"IpAddress": {"AWS:sourceip": "192.0.2.7"}})
        == []
    )
    other = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example"}
    assert [kind for kind, _ in found(Principal=other)] == [Drift.PROVIDER_NOT_TRUSTED]


@pytest.mark.attack("OI")
def test_a_trust_narrower_than_a_pattern_is_bound_to_it() -> None:
    """What begins as the pattern does is one of its owner's; what merely resembles it is not."""
    issuer = TokenIssuer(
        url=ISSUER,
        audiences=("us",),
        directory="",
        claim="sub",
        matched=Matched.WORKLOAD,
        seen_from=("192.0.2.0/24",),
    )
    by_token = replace(POSTED, road=Road.WEB_IDENTITY, source_identity=False, tags=(), transitive_tags=())
    trusts = (TokenTrust(issuer, ("repo:acme/*",)),)
    for value, is_bound in (
        ("repo:acme/*", True),
        ("repo:acme/web:*", True),
        ("repo:acme/web:ref:refs/heads/main", True),
        ("repo:acme*", False),
        ("repo:?cme/*", False),
    ):
        rest = without("StringEquals", "issuer.example:sub")
        given = {
            "Principal": BY_ISSUER,
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": rest | {"StringLike": {"issuer.example:sub": value}},
        }
        found = drift(by_token, seen(by_token, statement(**given)), trusts=trusts)
        assert (value, not found) == (value, is_bound)


@pytest.mark.parametrize(
    ("workload", "subjects"),
    [
        (Workload(ISSUER, "repo:acme/x:y"), ("repo:acme/x:y",)),
        (Workload(ISSUER, None, (("sub", "repo:acme/x:(ref|environment):.*"),)), ("repo:acme/x:*",)),
        (Workload(ISSUER, None, (("repository_owner_id", "4711"),)), ()),
    ],
)
def test_aws_is_told_of_subjects_as_far_as_it_knows_them(
    workload: Workload, subjects: tuple[str, ...]
) -> None:
    """A subject as it stands, a pattern by its plain start; of other claims AWS knows nothing."""
    issuer = TokenIssuer(
        url=ISSUER,
        audiences=("us",),
        directory="",
        claim="sub",
        matched=Matched.WORKLOAD,
        seen_from=("192.0.2.7/32",),
    )
    by_token = replace(POSTED, road=Road.WEB_IDENTITY, source_identity=False, tags=(), transitive_tags=())
    rule = Rule(number=1, name="1", effect=Effect.ALLOW, role=by_token.arn, workload=workload)
    (trust,) = token_trusts(by_token, issuers=[issuer], rules=[rule])
    assert trust.subjects == subjects
    (made,) = token_trust_policy(by_token, trusts=(trust,))["Statement"]
    assert ("StringLike" in made["Condition"]) == any("*" in one for one in subjects)
