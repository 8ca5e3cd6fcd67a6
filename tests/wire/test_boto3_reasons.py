"""Why something was refused, and whose a key is: what an administrator asks STS after the fact."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import GUARDED, HERE, HUB, TARGET, THERE, client, holding
from tests.servers.local_aws import LocalAws
from tests.wire.test_boto3_local_aws import redeem

ANYWHERE = f"arn:aws:iam::{HERE}:role/Anywhere"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    world = aws_world.world()
    world["users"].append(
        aws_world.user(f"arn:aws:iam::{THERE}:user/tom", "tom", attached_policies=[aws_world.ADMINISTRATOR])
    )
    with LocalAws(world) as running:
        yield running


def refused(call: Any, *arguments: Any, **parameters: Any) -> Any:
    with pytest.raises(ClientError) as problem:
        call(*arguments, **parameters)
    return problem.value.response


def test_a_refusal_can_be_asked_for_its_reason(aws: LocalAws) -> None:
    """Who asked for what, under which conditions, and what did not match."""
    ada = client(aws, "sts")
    error = refused(ada.assume_role, RoleArn=GUARDED, RoleSessionName="work")["Error"]
    told = json.loads(
        ada.decode_authorization_message(EncodedMessage=error["EncodedAuthorizationMessage"])[
            "DecodedMessage"
        ]
    )
    assert told["allowed"] is False
    assert told["explicitDeny"] is False
    assert told["failures"]["items"] == [
        "trust policy, statement 1: condition bool aws:multifactorauthpresent"
    ]
    assert told["context"]["principal"]["arn"] == aws_world.ADA
    assert (told["context"]["action"], told["context"]["resource"]) == ("sts:AssumeRole", GUARDED)
    keys = {item["key"]: item["values"]["items"] for item in told["context"]["conditions"]["items"]}
    assert keys["aws:principaltag/department"] == [{"value": "risk"}]
    assert keys["sts:rolesessionname"] == [{"value": "work"}]


def test_a_refused_statement_can_be_asked_too(aws: LocalAws) -> None:
    """Of a statement only the short sentence is told to everybody; the reason to the account's own people."""
    statement = forge.Statement().with_attributes(Role=f"{TARGET},{forge.OTHER_PROVIDER}")
    error = refused(redeem, aws, statement, RoleArn=TARGET, PrincipalArn=forge.OTHER_PROVIDER)["Error"]
    assert error["Message"] == "Not authorized to perform sts:AssumeRoleWithSAML"
    sealed = {"EncodedMessage": error["EncodedAuthorizationMessage"]}
    told = json.loads(client(aws, "sts", "tom").decode_authorization_message(**sealed)["DecodedMessage"])
    assert told["failures"]["items"] == ["trust policy, statement 1: principal"]
    stranger = refused(client(aws, "sts").decode_authorization_message, **sealed)
    assert stranger["Error"]["Code"] == "InvalidAuthorizationMessageException"


def test_an_unsigned_call_cannot_say_where_it_comes_from() -> None:
    """A region is what was signed, or the name of the endpoint; what an unverified header claims is not believed."""
    world = aws_world.world()
    here = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    world["roles"].append(forge.role(ANYWHERE, forge.trust(forge.PROVIDER, **here)))
    statement = forge.Statement().with_attributes(Role=f"{ANYWHERE},{forge.PROVIDER}")
    form = {
        "Action": "AssumeRoleWithSAML",
        "Version": "2011-06-15",
        "RoleArn": ANYWHERE,
        "PrincipalArn": forge.PROVIDER,
        "SAMLAssertion": forge.encode(forge.signed(statement, "both")),
    }
    scope = "Credential=AKIA/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0"
    claimed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    with LocalAws(world) as aws:
        rows = [(claimed, 403), ({}, 403), ({"Host": "sts.eu-west-1.amazonaws.com"}, 200)]
        for headers, status in rows:
            assert requests.post(aws.url, data=form, headers=headers, timeout=10).status_code == status


def test_only_our_messages_are_decoded_and_only_for_who_may(aws: LocalAws) -> None:
    """Nonsense, another sealed text, a person without the right and a federated user are refused."""
    ada = client(aws, "sts")
    token = ada.assume_role(RoleArn=HUB, RoleSessionName="work")["Credentials"]["SessionToken"]
    for wrong in ("x", "AAAA" * 20, token):
        response = refused(ada.decode_authorization_message, EncodedMessage=wrong)
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert response["Error"]["Code"] == "InvalidAuthorizationMessageException"
    error = refused(ada.assume_role, RoleArn=GUARDED, RoleSessionName="work")["Error"]
    sealed = {"EncodedMessage": error["EncodedAuthorizationMessage"]}
    eve = client(aws, "sts", "eve")
    bob = holding(aws, ada.get_federation_token(Name="bob"))
    for nobody in (eve, bob):
        assert refused(nobody.decode_authorization_message, **sealed)["Error"]["Code"] == "AccessDenied"


def test_a_long_explanation_still_fits(aws: LocalAws) -> None:
    """Fifty tags do not make a message that STS itself would not take."""
    tags = [{"Key": f"key{number}", "Value": "v"} for number in range(50)]
    ada = client(aws, "sts")
    error = refused(
        ada.assume_role, RoleArn=GUARDED, RoleSessionName="work", Tags=tags, TransitiveTagKeys=["key1"]
    )["Error"]
    assert len(error["EncodedAuthorizationMessage"]) <= 10_240
    assert ada.decode_authorization_message(EncodedMessage=error["EncodedAuthorizationMessage"])


def test_a_key_tells_its_account(aws: LocalAws) -> None:
    """Long-term and temporary keys, also of other accounts; what is no key of this world is refused."""
    ada = client(aws, "sts")
    taken = ada.assume_role(RoleArn=TARGET, RoleSessionName="work", ExternalId="tenant-1")["Credentials"]
    for number, account in (
        (aws_world.key_id("ada"), HERE),
        (aws_world.key_id("tom"), THERE),
        (taken["AccessKeyId"], THERE),
    ):
        assert ada.get_access_key_info(AccessKeyId=number)["Account"] == account
    for wrong in ("AKIA" + "A" * 16, "ASIA" + "A" * 16, "A" * 15, "A" * 129, "AKIA-" + "A" * 15):
        assert refused(ada.get_access_key_info, AccessKeyId=wrong)["Error"]["Code"] == "ValidationError"
    unknown = client(aws, "sts", "eve").get_access_key_info
    assert refused(unknown, AccessKeyId=aws_world.key_id("ada"))["Error"]["Code"] == "AccessDenied"
