"""AW-03: a genuine statement, and a role, provider, trust or time that it does not cover."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand
from tests.servers.local_aws import LocalAws

pytestmark = pytest.mark.attack("AW-03")

DENIED = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
GOV_ROLE = f"arn:aws-us-gov:iam::{forge.GOV_ACCOUNT}:role/ReadOnly"
GOV_PROVIDER = f"arn:aws-us-gov:iam::{forge.GOV_ACCOUNT}:saml-provider/drawbridge"
INVALID = "Your request included an invalid SAML response."
NAME = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"
SOURCE = 'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"'
CONSTRAINT = "at 'durationSeconds' failed to satisfy constraint: Member must"
PAIR = f"{forge.ROLE},{forge.PROVIDER}"


def test_a_role_that_is_not_in_the_statement_is_refused(mode: str, stand: Stand) -> None:
    """Only a role that the statement names may be taken, with the provider it is named with."""
    document = forge.signed(forge.Statement(), mode)
    for wrong in (forge.ADMIN, forge.ROLE.lower(), forge.ROLE + "x", forge.ROLE[:-1], f"{forge.ROLE} "):
        refusal = stand.refused(document, RoleArn=wrong)
        assert (refusal.status, refusal.code, refusal.message) == DENIED
        assert refusal.reason == "sts.role.not_in_statement"
    stand.accepted(document)
    several = forge.Statement().with_attributes(Role=(f"{forge.ADMIN},{forge.PROVIDER}", PAIR))
    for role in (forge.ROLE, forge.ADMIN):
        stand.accepted(forge.signed(several, mode), RoleArn=role)


def test_a_role_named_with_another_provider_is_refused(mode: str, stand: Stand) -> None:
    """A provider with the very same metadata is another provider."""
    document = forge.signed(forge.Statement(), mode)
    other = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/rolling"
    refusal = stand.refused(document, PrincipalArn=other)
    assert (refusal.status, refusal.code, refusal.message) == DENIED
    stand.accepted(document)
    assert stand.refused(document, PrincipalArn=forge.PROVIDER.replace("drawbridge", "unknown")).message == (
        "Specified provider doesn't exist"
    )


def test_a_role_of_another_account_or_partition_is_refused(stand: Stand) -> None:
    """Role and provider live in the same account of the same partition."""
    pairs = {
        (forge.OTHER_ROLE, forge.PROVIDER): "account",
        (forge.ROLE, forge.OTHER_PROVIDER): "account",
        (GOV_ROLE, forge.PROVIDER): "account and partition",
        (forge.CHINESE_ROLE, forge.PROVIDER): "partition",
    }
    for role, provider in pairs:
        crossed = forge.signed(forge.Statement().for_role(role, provider), "both")
        refusal = stand.refused(crossed, RoleArn=role, PrincipalArn=provider)
        assert (refusal.status, refusal.code, refusal.message) == DENIED
        assert refusal.reason == "sts.role.other_account"
    lawful = forge.Statement().for_role(forge.OTHER_ROLE, forge.OTHER_PROVIDER)
    stand.accepted(forge.signed(lawful, "both"), RoleArn=forge.OTHER_ROLE, PrincipalArn=forge.OTHER_PROVIDER)


def test_each_partition_has_its_own_audience(stand: Stand) -> None:
    """A statement for the commercial partition does not open the government's."""
    statement = forge.Statement().for_role(GOV_ROLE, GOV_PROVIDER)
    parameters = {"RoleArn": GOV_ROLE, "PrincipalArn": GOV_PROVIDER}
    assert stand.refused(forge.signed(statement, "both"), **parameters).reason == "saml.audience"
    gov = forge.Statement(restrictions=(("urn:amazon:webservices:govcloud",),)).for_role(
        GOV_ROLE, GOV_PROVIDER
    )
    members = stand.accepted(forge.signed(gov, "both"), **parameters)
    assert members["AssumedRoleUser.Arn"].startswith("arn:aws-us-gov:sts::")


def test_the_pair_is_taken_in_either_order(mode: str, stand: Stand) -> None:
    """Role first, as AWS documents, or provider first, as AD FS writes."""
    for value in (PAIR, f"{forge.PROVIDER},{forge.ROLE}"):
        stand.accepted(forge.signed(forge.Statement().with_attributes(Role=value), mode))


@pytest.mark.parametrize(
    "value",
    [
        f"{PAIR},{forge.PROVIDER}", f"{PAIR},", f",{PAIR}", f" {PAIR}", f"{PAIR} ", f"{forge.ROLE}, {forge.PROVIDER}",
        f"{forge.ROLE} ,{forge.PROVIDER}", f"{forge.ROLE};{forge.PROVIDER}", forge.ROLE, "",
        f"{forge.ROLE},{forge.ROLE}", f"{forge.PROVIDER},{forge.PROVIDER}", PAIR.replace("ReadOnly", "*"),
        f"{PAIR}\n{PAIR}", PAIR.upper(),
    ],
)  # fmt: skip
def test_a_value_that_is_no_pair_is_refused(value: str, mode: str, stand: Stand) -> None:
    """Three parts, blanks, wildcards and half a pair are refused, alone and beside a good pair."""
    alone = forge.Statement().with_attributes(Role=value)
    refusal = stand.refused(forge.signed(alone, mode))
    assert (refusal.status, refusal.code, refusal.message) == DENIED
    assert refusal.reason == "saml.role.malformed"
    beside = forge.Statement().with_attributes(Role=(PAIR, value))
    assert stand.refused(forge.signed(beside, mode)).reason == "saml.role.malformed"
    stand.accepted(forge.signed(forge.Statement().with_attributes(Role=PAIR), mode))


def test_a_role_or_its_attribute_that_is_missing_is_refused(mode: str, stand: Stand) -> None:
    """No Role attribute, an unknown role and a role of Identity Center are refused."""
    none = forge.Statement().with_attributes(Role=None)
    assert stand.refused(forge.signed(none, mode)).reason == "saml.role.malformed"
    for arn in (f"arn:aws:iam::{forge.ACCOUNT}:role/Unknown", forge.RESERVED_ROLE):
        refusal = stand.refused(forge.signed(forge.Statement().for_role(arn), mode), RoleArn=arn)
        assert (refusal.status, refusal.code, refusal.message) == DENIED
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_a_statement_without_a_name_is_denied(mode: str, stand: Stand) -> None:
    """Without NameID AWS denies; with one it must be of a known format and have no blanks around it."""
    refusal = stand.refused(forge.signed(forge.Statement(name_id=None), mode))
    assert (refusal.status, refusal.code, refusal.message) == DENIED
    assert (
        stand.refused(forge.signed(forge.Statement(name_id=" ada"), mode)).reason == "saml.name_id.whitespace"
    )
    for wrong in (forge.Statement(name_id=""), forge.Statement(name_id_format="urn:x")):
        assert stand.refused(forge.signed(wrong, mode)).reason == "saml.name_id.format"
    stand.accepted(forge.signed(forge.Statement(name_id="ada"), mode))


@pytest.mark.parametrize(
    ("attributes", "action"),
    [
        ({}, "sts:AssumeRoleWithSAML"),
        ({"PrincipalTag__Team": "payments"}, "sts:TagSession"),
        ({"SourceIdentity": "ada"}, "sts:SetSourceIdentity"),
    ],
)
def test_a_trust_policy_without_the_action_is_refused(attributes: dict[str, str], action: str) -> None:
    """Assuming, tagging and naming a source are three permissions, and each one asked for must be given."""
    others = {"sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"} - {action}
    roles = [
        forge.role(forge.ROLE, forge.trust(forge.PROVIDER, *others)),
        forge.role(forge.ADMIN, forge.trust(forge.PROVIDER, *others, action)),
    ]
    both = (PAIR, f"{forge.ADMIN},{forge.PROVIDER}")
    document = forge.signed(forge.Statement().with_attributes(Role=both, **attributes), "both")
    with Stand(LocalAws(forge.world(roles=roles))) as stand:
        refusal = stand.refused(document, RoleArn=forge.ROLE)
        assert (refusal.status, refusal.code, refusal.message) == DENIED
        assert refusal.reason == f"sts.trust.{action.partition(':')[2]}"
        stand.accepted(document, RoleArn=forge.ADMIN)


CONDITIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "aud": ({"StringEquals": {"saml:aud": forge.RECIPIENT}}, {"StringEquals": {"SAML:aud": ["https://x/saml"]}}),
    "iss": ({"StringEquals": {"saml:iss": forge.ISSUER}}, {"StringEquals": {"saml:iss": forge.PARTNER_ISSUER}}),
    "sub": ({"StringLike": {"saml:sub": "a1*"}}, {"StringLike": {"saml:sub": "b*"}}),
    "sub_type": ({"StringEquals": {"saml:sub_type": "persistent"}}, {"StringEquals": {"saml:sub_type": "transient"}}),
    "doc": (
        {"StringEquals": {"saml:doc": f"{forge.ACCOUNT}/drawbridge"}},
        {"StringEquals": {"saml:doc": f"{forge.ACCOUNT}/partner"}},
    ),
    "session-name": (
        {"StringLike": {"sts:RoleSessionName": "*@example.test"}},
        {"StringNotLike": {"sts:RoleSessionName": "ada@*"}},
    ),
    "source-identity": (
        {"StringEqualsIgnoreCase": {"sts:SourceIdentity": "ADA"}},
        {"StringEquals": {"sts:SourceIdentity": "ADA"}},
    ),
    "request-tag": (
        {"StringEquals": {"aws:RequestTag/team": ["payments", "risk"]}},
        {"StringNotEquals": {"aws:RequestTag/Team": "payments"}},
    ),
    "tag-keys": (
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Cost"]}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["Cost"]}},
    ),
    "transitive-keys": (
        {"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "Team"}},
        {"Null": {"sts:TransitiveTagKeys": "true"}},
    ),
    "unknown-operator": ({"StringEquals": {"saml:aud": forge.RECIPIENT}}, {"BinaryEquals": {"saml:aud": "1"}}),
    "unknown-key": ({"Null": {"saml:aud": "false"}}, {"StringNotEquals": {"aws:SourceMoon": "x"}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def conditions() -> Iterator[Stand]:
    """A world with two roles for each condition: one it opens, one it closes."""
    roles = [
        forge.role(f"arn:aws:iam::{forge.ACCOUNT}:role/{name}-{number}", forge.trust(**condition))
        for name, both in CONDITIONS.items()
        for number, condition in enumerate(both)
    ]
    with Stand(LocalAws(forge.world(roles=roles))) as running:
        yield running


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_condition_allows_once_and_denies_once(name: str, conditions: Stand) -> None:
    """A condition of a trust policy is met or not, and only one that is met opens the role."""
    opened, closed = (f"arn:aws:iam::{forge.ACCOUNT}:role/{name}-{number}" for number in (0, 1))
    statement = forge.Statement().with_attributes(
        Role=(f"{opened},{forge.PROVIDER}", f"{closed},{forge.PROVIDER}"),
        SourceIdentity="ada",
        PrincipalTag__Team="payments",
        TransitiveTagKeys="Team",
    )
    document = forge.signed(statement, "both")
    refusal = conditions.refused(document, RoleArn=closed)
    assert (refusal.status, refusal.code, refusal.message) == DENIED
    assert refusal.reason.startswith("sts.trust.")
    conditions.accepted(document, RoleArn=opened)


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ("899", f"Value '899' {CONSTRAINT} have value greater than or equal to 900"),
        ("43201", f"Value '43201' {CONSTRAINT} have value less than or equal to 43200"),
        ("3601", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
        ("1h", f"Value {CONSTRAINT} be an integer"),
    ],
)
def test_a_time_beyond_the_limits_is_refused(seconds: str, message: str, stand: Stand) -> None:
    """The time asked for is within AWS's limits and the role's own, otherwise the call fails."""
    document = forge.signed(forge.Statement(), "both")
    refusal = stand.refused(document, DurationSeconds=seconds)
    assert (refusal.status, refusal.code) == (400, "ValidationError")
    assert refusal.message.endswith(message)
    for lawful in ("900", "3600"):
        stand.accepted(document, DurationSeconds=lawful)
    admin = forge.signed(forge.Statement().for_role(forge.ADMIN), "both")
    stand.accepted(admin, RoleArn=forge.ADMIN, DurationSeconds="43200")


def test_the_statement_only_shortens_the_time(stand: Stand) -> None:
    """SessionDuration and SessionNotOnOrAfter shorten what was asked for, and never lengthen it."""

    def seconds_of(statement: forge.Statement, asked: str) -> float:
        now = datetime.now(UTC)
        document = forge.signed(statement.for_role(forge.ADMIN), "both")
        members = stand.accepted(document, RoleArn=forge.ADMIN, DurationSeconds=asked)
        return (datetime.fromisoformat(members["Credentials.Expiration"]) - now).total_seconds()

    ends = forge.instant(datetime.now(UTC) + timedelta(minutes=20))
    assert seconds_of(forge.Statement(), "7200") == pytest.approx(7200, abs=5)
    assert seconds_of(forge.Statement(session_ends=ends), "7200") == pytest.approx(1200, abs=5)
    shorter = forge.Statement().with_attributes(SessionDuration="1800")
    assert seconds_of(shorter, "7200") == pytest.approx(1800, abs=5)
    assert seconds_of(shorter, "900") == pytest.approx(900, abs=5)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("RoleSessionName", None, "RoleSessionName is required in AuthnResponse"),
        ("RoleSessionName", "a", NAME),
        ("RoleSessionName", "a" * 65, NAME),
        ("RoleSessionName", "a b", NAME),
        ("RoleSessionName", "\u00e4da", NAME),
        ("RoleSessionName", ("ada", "eve"), NAME),
        ("SourceIdentity", "aws:x", SOURCE),
        ("SourceIdentity", ("ada", "eve"), SOURCE),
        ("RoleSessionName", " ada", INVALID),
        ("SessionDuration", "899", INVALID),
        ("SessionDuration", "43201", INVALID),
        ("SessionDuration", "1e3", INVALID),
        ("PrincipalTag__a", ("x", "y"), INVALID),
        ("PrincipalTag__a", (), INVALID),
        ("PrincipalTag__aws:a", "x", INVALID),
        ("PrincipalTag__", "x", INVALID),
        ("PrincipalTag__" + "k" * 129, "x", INVALID),
        ("PrincipalTag__a", "v" * 257, INVALID),
        ("PrincipalTag__a", "x;y", INVALID),
        ("PrincipalTag__team", "x", INVALID),
        ("TransitiveTagKeys", "Other", INVALID),
    ],
)  # fmt: skip
def test_an_attribute_outside_its_limits_is_refused(
    name: str, values: str | tuple[str, ...] | None, message: str, stand: Stand
) -> None:
    """AWS's attributes are held to AWS's limits, with AWS's messages."""
    lawful = forge.Statement().with_attributes(
        PrincipalTag__Team="p\u00e4yments 1_.:/=+-@", SourceIdentity="ada", SessionDuration="900"
    )
    refusal = stand.refused(forge.signed(lawful.with_attributes(**{name: values}), "both"))
    assert (refusal.status, refusal.code, refusal.message) == (400, "InvalidIdentityToken", message)
    stand.accepted(forge.signed(lawful.with_attributes(TransitiveTagKeys="Team"), "both"))


def test_fifty_tags_are_accepted_and_one_more_refused(stand: Stand) -> None:
    """At most fifty tags."""
    fifty = {f"PrincipalTag__k{number}": "v" for number in range(50)}
    stand.accepted(forge.signed(forge.Statement().with_attributes(**fifty), "both"))
    more = forge.Statement().with_attributes(**fifty, PrincipalTag__more="v")
    assert stand.refused(forge.signed(more, "both")).reason == "saml.tag.count"


def test_an_attribute_that_comes_twice_is_refused(mode: str, stand: Stand) -> None:
    """Two attributes of one name are refused: two readers may each believe another one."""
    text = forge.Statement().xml()
    start = text.index("<saml:Attribute ")
    end = text.index("</saml:Attribute>") + len("</saml:Attribute>")
    twice = text[:end] + text[start:end].replace(forge.ROLE, forge.ADMIN) + text[end:]
    assert stand.refused(forge.signed(twice, mode)).reason == "saml.attribute.duplicate"
    stand.accepted(forge.signed(text, mode))
