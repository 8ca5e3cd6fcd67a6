"""AWS's own library against the local AWS, unmodified and pointed at it by an address only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from lxml import etree

from tests.attacks import forge
from tests.servers.local_aws import LocalAws


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(forge.world()) as running:
        yield running


def sts(aws: LocalAws, region: str = "eu-west-1", **keys: str) -> Any:
    signature = {} if keys else {"signature_version": UNSIGNED}
    config = Config(retries={"max_attempts": 1}, **signature)
    return boto3.client("sts", endpoint_url=aws.url, region_name=region, config=config, **keys)


def redeem(aws: LocalAws, statement: forge.Statement | None = None, **parameters: Any) -> Any:
    document = forge.signed(statement or forge.Statement(), "both")
    call = {"RoleArn": forge.ROLE, "PrincipalArn": forge.PROVIDER, "SAMLAssertion": forge.encode(document)}
    return sts(aws).assume_role_with_saml(**(call | parameters))


def keys_of(answer: Any) -> dict[str, str]:
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def code_of(problem: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = problem.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_a_statement_becomes_credentials(aws: LocalAws) -> None:
    """The answer holds every member of the model, with the values AWS would give."""
    statement = forge.Statement().with_attributes(SourceIdentity="ada")
    answer = redeem(aws, statement, DurationSeconds=1800)
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert left.total_seconds() == pytest.approx(1800, abs=5)
    assert len(answer["Credentials"]["AccessKeyId"]) == 20
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert len(answer["Credentials"]["SecretAccessKey"]) == 40
    assert answer["AssumedRoleUser"]["Arn"] == (
        f"arn:aws:sts::{forge.ACCOUNT}:assumed-role/ReadOnly/ada@example.test"
    )
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":ada@example.test")
    told = {name: answer[name] for name in ("Subject", "SubjectType", "Issuer", "Audience", "SourceIdentity")}
    assert told == {
        "Subject": "a1b2c3",
        "SubjectType": "persistent",
        "Issuer": forge.ISSUER,
        "Audience": forge.RECIPIENT,
        "SourceIdentity": "ada",
    }
    assert answer["PackedPolicySize"] == 0
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    assert 0 <= answer["SessionTokenUtilization"] <= 100
    assert (
        answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
        == answer["ResponseMetadata"]["RequestId"]
    )


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "cn-north-1"])
def test_the_credentials_tell_who_holds_them(region: str, aws: LocalAws) -> None:
    """GetCallerIdentity answers for any region, by header and by presigned address."""
    answer = redeem(aws)
    client = sts(aws, region, **keys_of(answer))
    identity = client.get_caller_identity()
    expected = {
        "UserId": answer["AssumedRoleUser"]["AssumedRoleId"],
        "Account": forge.ACCOUNT,
        "Arn": answer["AssumedRoleUser"]["Arn"],
    }
    assert {name: identity[name] for name in expected} == expected
    for method in ("GET", "POST"):
        presigned = client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod=method)
        answered = requests.request(method, presigned, timeout=10)
        assert answered.status_code == 200
        assert expected["Arn"] in answered.text
        changed = presigned.replace("X-Amz-Expires=60", "X-Amz-Expires=61")
        assert requests.request(method, changed, timeout=10).status_code == 403


def test_wrong_keys_are_refused_by_name(aws: LocalAws) -> None:
    """Each wrong part of the credentials has the code that AWS gives it."""
    keys, other = keys_of(redeem(aws)), keys_of(redeem(aws))
    rows = {
        "SignatureDoesNotMatch": keys | {"aws_secret_access_key": other["aws_secret_access_key"]},
        "InvalidClientTokenId": keys | {"aws_session_token": other["aws_session_token"]},
    }
    for code, wrong in rows.items():
        with pytest.raises(ClientError) as problem:
            sts(aws, **wrong).get_caller_identity()
        assert code_of(problem) == (403, code)
    without_token = {name: value for name, value in keys.items() if name != "aws_session_token"}
    with pytest.raises(ClientError) as problem:
        sts(aws, **without_token).get_caller_identity()
    assert code_of(problem) == (403, "InvalidClientTokenId")
    with pytest.raises(ClientError) as problem:
        sts(aws).get_caller_identity()
    assert code_of(problem) == (403, "MissingAuthenticationToken")
    assert sts(aws, **keys).get_caller_identity()["Account"] == forge.ACCOUNT


def test_refusals_have_the_class_that_the_model_names(aws: LocalAws) -> None:
    """A program that catches boto3's own exceptions catches ours."""
    client = sts(aws)
    good = {
        "RoleArn": forge.ROLE,
        "PrincipalArn": forge.PROVIDER,
        "SAMLAssertion": forge.encode(forge.signed(forge.Statement(), "both")),
    }
    document = forge.signed(forge.Statement(), "both")
    late = forge.Statement(now=datetime(2026, 1, 1, tzinfo=UTC))
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    arns = [{"arn": f"arn:aws:iam::aws:policy/{'x' * 450}{number}"} for number in range(10)]
    rows: list[tuple[type[ClientError], int, str, dict[str, Any]]] = [
        (
            client.exceptions.InvalidIdentityTokenException,
            400,
            "InvalidIdentityToken",
            {"SAMLAssertion": forge.encode(document.replace(b"ada@", b"eve@"))},
        ),
        (
            client.exceptions.ExpiredTokenException,
            400,
            "ExpiredTokenException",
            {"SAMLAssertion": forge.encode(forge.signed(late, "both"))},
        ),
        (client.exceptions.MalformedPolicyDocumentException, 400, "MalformedPolicyDocument", {"Policy": "{"}),
        (client.exceptions.PackedPolicyTooLargeException, 400, "PackedPolicyTooLarge", {"PolicyArns": arns}),
        (ClientError, 403, "AccessDenied", {"RoleArn": forge.ADMIN}),
        (ClientError, 400, "ValidationError", {"DurationSeconds": 7200}),
    ]
    for kind, status, code, changes in rows:
        with pytest.raises(kind) as problem:
            client.assume_role_with_saml(**(good | changes))
        assert type(problem.value) is kind
        assert code_of(problem) == (status, code)
    with_policy = client.assume_role_with_saml(
        **good, Policy=policy, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
    )
    assert with_policy["PackedPolicySize"] == 6


def test_a_token_has_the_least_size_asked_for(aws: LocalAws) -> None:
    """MinimumSessionTokenSize is met, and the padded token works."""
    answer = redeem(aws, MinimumSessionTokenSize=4000)
    assert answer["SessionTokenSize"] >= 4000
    assert sts(aws, **keys_of(answer)).get_caller_identity()["Account"] == forge.ACCOUNT


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/", {}, 400, "MissingAction"),
        ("POST", "/", {"Action": "Fly", "Version": "2011-06-15"}, 400, "InvalidAction"),
        ("POST", "/", {"Action": "GetCallerIdentity", "Version": "2009-05-08"}, 400, "InvalidAction"),
        ("POST", "/", {"Action": "AssumeRoleWithSAML", "Version": "2011-06-15"}, 400, "ValidationError"),
        ("POST", "/", "Action=A&Action=B", 404, "MalformedQueryString"),
        ("POST", "/", b"Action=%ff", 404, "MalformedQueryString"),
        ("POST", "/", "Action=" + "x" * 400_000, 413, "RequestEntityTooLarge"),
        ("PUT", "/", {}, 405, "InvalidAction"),
        ("DELETE", "/", {}, 405, "InvalidAction"),
        ("GET", "/nowhere", {}, 404, "InvalidAction"),
        ("POST", "/sts/", {}, 404, "InvalidAction"),
        ("GET", "/", {}, 400, "MissingAction"),
    ],
)
def test_every_error_is_a_document_that_clients_can_read(
    method: str, path: str, body: Any, status: int, code: str, aws: LocalAws
) -> None:
    """Also what the web server itself refuses is answered as STS answers."""
    answer = requests.request(method, aws.url + path, data=body, timeout=10, allow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/xml")
    root = etree.fromstring(answer.content)
    space = "{https://sts.amazonaws.com/doc/2011-06-15/}"
    assert root.tag == f"{space}ErrorResponse"
    assert root.findtext(f"{space}Error/{space}Code") == code
    assert root.findtext(f"{space}Error/{space}Type") == "Sender"
    assert root.findtext(f"{space}RequestId") == answer.headers["x-amzn-RequestId"]
    assert requests.get(aws.url + "/health", timeout=10).status_code == 200
