"""The printed trust policies, judged by the local AWS, which was written without knowing them."""

import json
import subprocess

import pytest
import yaml

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.signin import PARTITIONS, MalformedDestination, sign_in_endpoint
from sts_bridge.domain.account_setup import AccountSetup, as_cli, as_cloudformation, as_data, as_text
from sts_bridge.domain.trust_policy import statement_audiences, trust_policy
from sts_bridge.local_aws.policies.decisions import Asker, Request, decide
from sts_bridge.local_aws.policies.documents import read_trust_policy
from tests.unit.sts_bridge.domain.made_up import made_up_role

ISSUER = "https://idp.example.test/saml/metadata"
PROVIDER = "arn:aws:iam::111122223333:saml-provider/drawbridge"
METADATA = (
    '<?xml version="1.0"?>\n<EntityDescriptor entityID="it\'s: #1 &amp; ünique">\n  '
    + "x" * 1_000
    + "\n</EntityDescriptor>"
)
ALL = ("sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity")


def permitted(
    policy: object, audience: str, *, issuer: str = ISSUER, subject: str = "persistent"
) -> list[str]:
    """The actions that the local AWS lets somebody with these claims do."""
    context = {"saml:aud": (audience,), "saml:iss": (issuer,), "saml:sub_type": (subject,)}
    read, asker = read_trust_policy(policy), Asker(provider=PROVIDER)
    requests = [Request(action, "arn:aws:iam::111122223333:role/ReadOnly", context, asker) for action in ALL]
    return [request.action for request in requests if decide((read,), request, by_trust=True).allowed]


@pytest.mark.parametrize("region", [None, "us-east-1", "eu-central-1", "ap-southeast-2"])
def test_the_policy_lets_in_what_we_send_and_nothing_one_change_away(region: str | None) -> None:
    """Every address that we make statements out to is let in; another issuer, format or address is not."""
    policy = trust_policy(
        made_up_role(),
        provider=PROVIDER,
        issuer=ISSUER,
        audiences=statement_audiences("aws", regions=(), stand_in=None),
    )
    acs = sign_in_endpoint(partition="aws", region=region, stand_in=None, audiences={}).acs
    assert permitted(policy, acs) == ["sts:AssumeRoleWithSAML"]
    assert permitted(policy, acs, issuer="https://other.example.test") == []
    assert permitted(policy, acs, subject="transient") == []
    assert permitted(policy, "https://signin.aws.amazon.com.evil.test/saml") == []
    assert permitted(policy, acs + "/more") == []


def test_tags_and_source_identity_are_allowed_only_where_the_role_sends_them() -> None:
    """Each of the two actions is in the policy exactly when the role is registered to send it."""
    for tags in ((), ("CostCenter",)):
        for source_identity in (False, True):
            role = made_up_role(tags=tags, source_identity=source_identity)
            policy = trust_policy(role, provider=PROVIDER, issuer=ISSUER, audiences=("https://a.test/saml",))
            wanted = [ALL[0], *([ALL[1]] if tags else []), *([ALL[2]] if source_identity else [])]
            assert permitted(policy, "https://a.test/saml") == wanted


@pytest.mark.parametrize("partition", sorted(PARTITIONS))
def test_named_regions_are_listed_exactly(partition: str) -> None:
    """With regions named, the policy lists those addresses and no pattern; a foreign region is refused."""
    home = PARTITIONS[partition].home_region
    audiences = statement_audiences(partition, regions=(home,), stand_in=None)
    assert all("*" not in audience for audience in audiences)
    assert sign_in_endpoint(partition=partition, region=home, stand_in=None, audiences={}).acs in audiences
    foreign = "cn-north-1" if partition != "aws-cn" else "us-east-1"
    with pytest.raises(MalformedDestination):
        statement_audiences(partition, regions=(foreign,), stand_in=None)


def test_a_stand_in_is_the_only_address() -> None:
    """Where a stand-in replaces AWS, the policies are for the stand-in."""
    audiences = statement_audiences("aws", regions=(), stand_in="http://127.0.0.1:8010")
    assert audiences == ("http://127.0.0.1:8010/saml",)


@pytest.mark.spec("IAM and AWS STS quotas", "role trust policy length", "2,048 characters")
def test_the_longest_policy_fits_the_default_quota() -> None:
    """With everything on and a role of the longest name the policy stays under IAM's default limit."""
    role = made_up_role(
        RoleArn("aws-us-gov", "111122223333", "/" + "p" * 500 + "/", "r" * 64),
        tags=("A",),
        source_identity=True,
    )
    for partition in PARTITIONS:
        audiences = statement_audiences(partition, regions=(), stand_in=None)
        policy = trust_policy(role, provider=str(role.provider), issuer=ISSUER, audiences=audiences)
        assert len(json.dumps(policy)) < 2_048


@pytest.fixture
def setup() -> AccountSetup:
    hostile = RoleArn("aws", "111122223333", "/ops/", "Read+Only=,.@_-")
    return AccountSetup(
        account_name="Payments 'production'; rm -rf /",
        provider=made_up_role().provider,
        roles=(made_up_role(tags=("CostCenter",)), made_up_role(hostile, source_identity=True)),
        issuer=ISSUER,
        audiences=statement_audiences("aws", regions=(), stand_in=None),
        metadata_address="https://idp.example.test/saml/metadata",
        metadata=METADATA,
    )


def test_the_template_is_yaml_and_says_what_the_data_say(setup: AccountSetup) -> None:
    """CloudFormation's form reads back: provider with the exact metadata, each role with its own policy."""
    template = yaml.safe_load(as_cloudformation(setup))
    resources = template["Resources"]
    assert resources["SamlProvider"]["Properties"] == {"Name": "drawbridge", "SamlMetadataDocument": METADATA}
    roles = [
        resource["Properties"] for resource in resources.values() if resource["Type"] == "AWS::IAM::Role"
    ]
    data = as_data(setup)["roles"]
    assert [(role["Path"] + role["RoleName"]) for role in roles] == ["/ReadOnly", "/ops/Read+Only=,.@_-"]
    for role, told in zip(roles, data, strict=True):
        policy = role["AssumeRolePolicyDocument"]
        assert policy["Statement"][0]["Principal"]["Federated"] == {"Ref": "SamlProvider"}
        policy["Statement"][0]["Principal"]["Federated"] = PROVIDER
        assert policy == told["trust_policy"]
        assert role["MaxSessionDuration"] == 14_400
    assert all(name.isalnum() for name in resources)


def test_the_script_is_shell_and_hands_over_the_exact_policies(setup: AccountSetup) -> None:
    """A shell that runs the script with programs of that name calls each with the exact arguments."""
    programs = (
        'aws() { case "$1 $2" in "sts get-caller-identity") echo 111122223333;;'
        ' "iam get-role"|"iam get-saml-provider") return 1;; *) printf "%s\\0" "$@";; esac; }\n'
        "curl() { :; }\n"
    )
    run = subprocess.run(["sh"], input=programs + as_cli(setup), capture_output=True, text=True, check=True)
    words = run.stdout.split("\0")
    policies = [
        json.loads(words[place + 1])
        for place, word in enumerate(words)
        if word == "--assume-role-policy-document"
    ]
    assert policies == [role["trust_policy"] for role in as_data(setup)["roles"]]
    assert words[words.index("create-saml-provider") + 2] == "drawbridge"
    names = [words[place + 1] for place, word in enumerate(words) if word == "--role-name"]
    assert names == ["ReadOnly", "Read+Only=,.@_-"]


def test_the_script_stops_with_credentials_of_another_account(setup: AccountSetup) -> None:
    """Run with another account's credentials the script says so and calls nothing else."""
    programs = 'aws() { if [ "$1" = sts ]; then echo 999900001111; else echo called; fi; }\ncurl() { echo called; }\n'
    run = subprocess.run(["sh"], input=programs + as_cli(setup), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert "not credentials of account 111122223333" in run.stderr


def test_the_text_names_provider_roles_and_policies(setup: AccountSetup) -> None:
    """What people read names everything that they have to type."""
    text = as_text(setup)
    for word in (
        "drawbridge",
        PROVIDER,
        "https://idp.example.test/saml/metadata",
        "ReadOnly",
        "/ops/",
        "14400",
        ISSUER,
    ):
        assert word in text
