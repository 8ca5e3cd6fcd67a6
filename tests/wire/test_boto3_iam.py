"""IAM and Organizations by AWS's own library: finding roles, ending sessions, rolling out metadata."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import HERE, TARGET, THERE, allow, client, holding
from tests.servers.local_aws import LocalAws
from tests.wire.test_boto3_local_aws import redeem

NEW_ISSUER = "https://idp.new.test/saml/metadata"
NEW_PROVIDER = f"arn:aws:iam::{HERE}:saml-provider/new_one"
OPERATOR = f"arn:aws:iam::{HERE}:role/Operator"


def document(issuer: str = NEW_ISSUER, *keys: str) -> str:
    """Metadata with these keys, long enough for IAM."""
    names = keys or ("drawbridge",)
    text = forge.metadata(issuer, *(forge.key_pair(name).certificate_text for name in names))
    return text.replace("</md:EntityDescriptor>", f"{' ' * 400}</md:EntityDescriptor>")


def world(**changes: Any) -> dict[str, Any]:
    base = aws_world.world(
        organization={"id": "o-example1234", "management_account": HERE, "empty_pages": True}, **changes
    )
    base["roles"].append(
        forge.role(OPERATOR, aws_world.trusts(aws_world.ADA), longest=7_200)
        | {
            "attached_policies": [aws_world.ADMINISTRATOR],
            "tags": {"Team": "risk"},
            "description": "operates",
        }
    )
    base["accounts"] += [{"id": f"{n:012d}", "name": f"Account {n}"} for n in range(1, 31)]
    return base


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(world()) as running:
        yield running


def refused(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as problem:
        call(**parameters)
    response = problem.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_roles_are_listed_page_by_page(aws: LocalAws) -> None:
    """Every role of the own account once, whatever the size of a page; nobody else's."""
    iam = client(aws, "iam")
    whole = iam.list_roles()["Roles"]
    names = [role["RoleName"] for role in whole]
    assert names == sorted(names)
    assert {"Hub", "Operator", "Admin", "ReadOnly"} <= set(names)
    assert all(role["Arn"].split(":")[4] == HERE for role in whole)
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2}))
    assert len(pages) == -(-len(names) // 2)
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/team/")["Roles"]] == ["Admin"]
    (hub,) = [role for role in whole if role["RoleName"] == "Hub"]
    assert hub["AssumeRolePolicyDocument"]["Statement"][0]["Action"][0] == "sts:AssumeRole"
    assert hub["MaxSessionDuration"] == 7_200
    assert "Tags" not in hub
    marker = iam.list_roles(MaxItems=1)["Marker"]
    assert refused(iam.list_roles, Marker=marker, PathPrefix="/team/") == (400, "ValidationError")
    assert refused(iam.list_roles, Marker="x") == (400, "ValidationError")


def test_one_role_is_shown_with_tags_and_last_use(aws: LocalAws) -> None:
    """GetRole has what ListRoles leaves out; a name means the same in any case; an unknown one is not there."""
    iam = client(aws, "iam")
    before = iam.get_role(RoleName="Operator")["Role"]
    assert before["Tags"] == [{"Key": "Team", "Value": "risk"}]
    assert before["RoleLastUsed"] == {}
    assert before["Description"] == "operates"
    client(aws, "sts").assume_role(RoleArn=OPERATOR, RoleSessionName="now")
    used = iam.get_role(RoleName="operator")["Role"]["RoleLastUsed"]
    assert used["Region"] == "eu-west-1"
    assert abs(datetime.now(UTC) - used["LastUsedDate"]) < timedelta(minutes=2)
    assert refused(iam.get_role, RoleName="Nobody") == (404, "NoSuchEntity")
    assert refused(iam.get_role, RoleName="Target") == (404, "NoSuchEntity")


def test_who_may_not_learns_nothing(aws: LocalAws) -> None:
    """Without a right the answer is the same for roles that exist and for others; some keys never open IAM."""
    eve = client(aws, "iam", "eve")
    for name in ("Hub", "Nobody"):
        assert refused(eve.get_role, RoleName=name) == (403, "AccessDenied")
    ada = client(aws, "sts")
    federated = ada.get_federation_token(Name="bob", Policy=json.dumps(allow("*")))
    for answer in (federated, ada.get_session_token()):
        assert refused(holding(aws, answer, "iam").list_roles) == (403, "InvalidClientTokenId")
    code = aws_world.device_code()
    proven = ada.get_session_token(SerialNumber=aws_world.SERIAL, TokenCode=code)
    assert holding(aws, proven, "iam").list_roles()["Roles"]
    operator = ada.assume_role(
        RoleArn=OPERATOR, RoleSessionName="work", Policy=json.dumps(allow("iam:GetRole"))
    )
    narrow = holding(aws, operator, "iam")
    assert narrow.get_role(RoleName="Hub")
    assert refused(narrow.list_roles) == (403, "AccessDenied")


def test_the_alias_is_the_accounts_own(aws: LocalAws) -> None:
    """One alias, in a list."""
    assert client(aws, "iam").list_account_aliases()["AccountAliases"] == ["payments-production"]


def test_an_inline_policy_comes_and_goes(aws: LocalAws) -> None:
    """Put, read back, listed, overwritten and deleted; what is not there is not found."""
    iam = client(aws, "iam")
    policy = allow("s3:GetObject")
    name = {"RoleName": "Hub", "PolicyName": "Extra"}
    assert refused(iam.get_role_policy, **name) == (404, "NoSuchEntity")
    iam.put_role_policy(**name, PolicyDocument=json.dumps(policy))
    assert iam.get_role_policy(**name)["PolicyDocument"] == policy
    assert iam.list_role_policies(RoleName="Hub")["PolicyNames"] == ["Extra", "target"]
    pages = list(
        iam.get_paginator("list_role_policies").paginate(RoleName="Hub", PaginationConfig={"PageSize": 1})
    )
    assert [page["PolicyNames"] for page in pages] == [["Extra"], ["target"]]
    iam.put_role_policy(**name, PolicyDocument=json.dumps(allow("s3:PutObject")))
    assert iam.get_role_policy(**name)["PolicyDocument"]["Statement"][0]["Action"] == ["s3:PutObject"]
    iam.delete_role_policy(**name)
    assert refused(iam.delete_role_policy, **name) == (404, "NoSuchEntity")
    assert iam.list_role_policies(RoleName="Hub")["PolicyNames"] == ["target"]
    for wrong in ("{", '{"Statement": [{"Effect": "Allow", "Action": "*"}]}', '{"Version": "1"}'):
        assert refused(iam.put_role_policy, **name, PolicyDocument=wrong) == (400, "MalformedPolicyDocument")
    large = json.dumps(allow(*(f"s3:Action{n}" for n in range(800))))
    assert refused(iam.put_role_policy, **name, PolicyDocument=large) == (409, "LimitExceeded")
    spaced = json.dumps(policy) + " " * 20_000
    iam.put_role_policy(**name, PolicyDocument=spaced)
    iam.delete_role_policy(**name)
    reserved = {"RoleName": forge.RESERVED_ROLE.rpartition("/")[2], "PolicyName": "x"}
    assert refused(iam.put_role_policy, **reserved, PolicyDocument=json.dumps(policy)) == (
        400,
        "UnmodifiableEntity",
    )
    assert refused(iam.delete_role_policy, **reserved) == (400, "UnmodifiableEntity")


def deny_older(moment: datetime, **condition: Any) -> str:
    older = {"DateLessThan": {"aws:TokenIssueTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    return json.dumps(allow("*", effect="Deny", **older | condition))


def test_sessions_are_ended_by_a_policy(aws: LocalAws) -> None:
    """Older credentials are denied everything but their name, the person's alone or all; younger ones go on."""
    ada, iam = client(aws, "sts"), client(aws, "iam")
    one = holding(aws, ada.assume_role(RoleArn=OPERATOR, RoleSessionName="one"), "iam")
    two_answer = ada.assume_role(RoleArn=OPERATOR, RoleSessionName="two", SourceIdentity="two")
    two = holding(aws, two_answer, "iam")
    assert one.list_roles()
    assert two.list_roles()
    soon = datetime.now(UTC) + timedelta(minutes=2)
    person = {"StringLike": {"aws:userid": "*:two"}}
    name = {"RoleName": "Operator", "PolicyName": "DrawbridgeEndedSessions"}
    iam.put_role_policy(**name, PolicyDocument=deny_older(soon, **person))
    assert refused(two.list_roles) == (403, "AccessDenied")
    assert one.list_roles()
    assert holding(aws, two_answer).get_caller_identity()["Account"] == HERE
    everybody = name | {"PolicyName": "AWSRevokeOlderSessions"}
    iam.put_role_policy(**everybody, PolicyDocument=deny_older(soon))
    assert refused(one.list_roles) == (403, "AccessDenied")
    chain = holding(aws, ada.assume_role(RoleArn=OPERATOR, RoleSessionName="one"))
    assert refused(chain.assume_role, RoleArn=TARGET, RoleSessionName="work", ExternalId="tenant-1") == (
        403,
        "AccessDenied",
    )
    iam.put_role_policy(**everybody, PolicyDocument=deny_older(datetime.now(UTC) - timedelta(hours=1)))
    assert one.list_roles()
    for policy in (name, everybody):
        iam.delete_role_policy(**policy)
    assert two.list_roles()


def test_a_refusal_names_what_decided(aws: LocalAws) -> None:
    """The sentence says that a policy denies it, and the log says which."""
    iam = client(aws, "iam")
    name = {"RoleName": "Operator", "PolicyName": "Closed"}
    iam.put_role_policy(**name, PolicyDocument=json.dumps(allow("iam:ListRoles", effect="Deny")))
    operator = holding(aws, client(aws, "sts").assume_role(RoleArn=OPERATOR, RoleSessionName="work"), "iam")
    aws.new_log_lines()
    with pytest.raises(ClientError) as problem:
        operator.list_roles()
    iam.delete_role_policy(**name)
    error = problem.value.response["Error"]
    assert error["Message"].endswith("with an explicit deny in an identity-based policy")
    assert error["EncodedAuthorizationMessage"]
    (line,) = [line for line in aws.new_log_lines() if line["event"] == "refused"]
    assert line["details"] == "Closed, statement 1"


def test_a_provider_is_registered_and_its_keys_roll_over() -> None:
    """Create, look, two keys, then the new one alone: statements are held to what is registered now."""
    registered = world()
    registered["roles"].append(forge.role(f"arn:aws:iam::{HERE}:role/Federated", forge.trust(NEW_PROVIDER)))
    with LocalAws(registered) as aws:
        iam = client(aws, "iam")
        assert refused(iam.get_saml_provider, SAMLProviderArn=NEW_PROVIDER) == (404, "NoSuchEntity")
        made = iam.create_saml_provider(
            Name="new_one", SAMLMetadataDocument=document(), Tags=[{"Key": "Team", "Value": "risk"}]
        )
        assert made["SAMLProviderArn"] == NEW_PROVIDER
        shown = iam.get_saml_provider(SAMLProviderArn=NEW_PROVIDER)
        assert shown["SAMLMetadataDocument"] == document()
        assert shown["Tags"] == [{"Key": "Team", "Value": "risk"}]
        assert shown["SAMLProviderUUID"].startswith("SAMLSP")
        assert shown["ValidUntil"].year - shown["CreateDate"].year == 100
        arns = [provider["Arn"] for provider in iam.list_saml_providers()["SAMLProviderList"]]
        assert arns == sorted(arns)
        assert NEW_PROVIDER in arns
        assert refused(iam.create_saml_provider, Name="new_one", SAMLMetadataDocument=document()) == (
            409, "EntityAlreadyExists",
        )  # fmt: skip

        def redeemed(key: str) -> int:
            role = f"arn:aws:iam::{HERE}:role/Federated"
            statement = forge.Statement(issuer=NEW_ISSUER).with_attributes(Role=f"{role},{NEW_PROVIDER}")
            form = {
                "Action": "AssumeRoleWithSAML",
                "Version": "2011-06-15",
                "RoleArn": role,
                "PrincipalArn": NEW_PROVIDER,
                "SAMLAssertion": forge.encode(
                    forge.signed(statement, "both", forge.Signing(key=forge.key_pair(key)))
                ),
            }
            return requests.post(aws.url, data=form, timeout=10).status_code

        assert (redeemed("drawbridge"), redeemed("next")) == (200, 400)
        both = document(NEW_ISSUER, "drawbridge", "next")
        iam.update_saml_provider(SAMLProviderArn=NEW_PROVIDER, SAMLMetadataDocument=both)
        assert (redeemed("drawbridge"), redeemed("next")) == (200, 200)
        iam.update_saml_provider(
            SAMLProviderArn=NEW_PROVIDER, SAMLMetadataDocument=document(NEW_ISSUER, "next")
        )
        assert (redeemed("drawbridge"), redeemed("next")) == (400, 200)
        again = iam.get_saml_provider(SAMLProviderArn=NEW_PROVIDER)
        assert (again["SAMLProviderUUID"], again["Tags"]) == (shown["SAMLProviderUUID"], shown["Tags"])


def test_metadata_that_cannot_be_read_is_refused(aws: LocalAws) -> None:
    """Too short, no XML, no key: the old document stays in force."""
    iam = client(aws, "iam")
    update = {"SAMLProviderArn": forge.PROVIDER}
    for wrong, code in (
        ("<x/>", "ValidationError"),
        ("x" * 1_000, "InvalidInput"),
        (document().replace('use="signing"', 'use="encryption"'), "InvalidInput"),
    ):
        assert refused(iam.update_saml_provider, **update, SAMLMetadataDocument=wrong) == (400, code)
    assert refused(iam.update_saml_provider, **update) == (400, "InvalidInput")
    assert refused(iam.update_saml_provider, SAMLProviderArn="arn:aws:iam::1:x:yyyyyyyyyy") == (
        400,
        "InvalidInput",
    )
    other = {"SAMLProviderArn": forge.OTHER_PROVIDER, "SAMLMetadataDocument": document()}
    assert refused(iam.update_saml_provider, **other) == (404, "NoSuchEntity")
    assert forge.ISSUER in iam.get_saml_provider(**update)["SAMLMetadataDocument"]


def pem(key: Any, password: bytes | None = None) -> str:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, lock).decode())


def test_keys_for_encrypted_statements_are_kept(aws: LocalAws) -> None:
    """Two at most, none protected, the last one stays while encryption is required; AWS's own sentences."""
    iam = client(aws, "iam")
    arn = iam.create_saml_provider(Name="encrypted", SAMLMetadataDocument=document("https://e.test/idp"))[
        "SAMLProviderArn"
    ]
    update = {"SAMLProviderArn": arn}
    first, second, third = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    assert refused(iam.update_saml_provider, **update, AssertionEncryptionMode="Required") == (
        400,
        "InvalidInput",
    )
    iam.update_saml_provider(**update, AssertionEncryptionMode="Required", AddPrivateKey=pem(first))
    shown = iam.get_saml_provider(**update)
    assert shown["AssertionEncryptionMode"] == "Required"
    (kept,) = shown["PrivateKeyList"]
    assert refused(iam.update_saml_provider, **update, RemovePrivateKey=kept["KeyId"]) == (
        400,
        "InvalidInput",
    )
    both = {"AddPrivateKey": pem(second), "RemovePrivateKey": kept["KeyId"]}
    assert refused(iam.update_saml_provider, **update, **both) == (400, "InvalidInput")
    iam.update_saml_provider(**update, AddPrivateKey=pem(second))
    assert refused(iam.update_saml_provider, **update, AddPrivateKey=pem(third)) == (409, "LimitExceeded")
    assert refused(iam.update_saml_provider, **update, RemovePrivateKey="A" * 24) == (404, "NoSuchEntity")
    iam.update_saml_provider(**update, RemovePrivateKey=kept["KeyId"])
    assert iam.get_saml_provider(**update)["PrivateKeyList"]
    with pytest.raises(ClientError, match="requires encrypted SAML assertions"):
        redeem(aws, PrincipalArn=arn)
    iam.update_saml_provider(**update, AssertionEncryptionMode="Allowed")
    with pytest.raises(ClientError, match="Response signature invalid"):
        redeem(aws, PrincipalArn=arn)
    born = {"Name": "born-encrypted", "SAMLMetadataDocument": document("https://b.test/idp")}
    required = {"AssertionEncryptionMode": "Required"}
    assert refused(iam.create_saml_provider, **born, **required) == (400, "InvalidInput")
    made = iam.create_saml_provider(**born, **required, AddPrivateKey=pem(first))
    shown = iam.get_saml_provider(SAMLProviderArn=made["SAMLProviderArn"])
    assert (shown["AssertionEncryptionMode"], len(shown["PrivateKeyList"])) == ("Required", 1)
    locked, elliptic = pem(third, b"secret"), pem(ec.generate_private_key(ec.SECP256R1()))
    for wrong in (locked, elliptic, "nonsense"):
        assert refused(iam.update_saml_provider, **update, AddPrivateKey=wrong) == (400, "InvalidInput")
    assert pem(second).splitlines()[1] not in aws.log_file.read_text()


def test_what_calls_write_outlives_the_process_only_in_a_file(tmp_path: Path) -> None:
    """With a state file a restart and a replica see the same; without one the world begins anew."""
    file = tmp_path / "state.db"
    put = {"RoleName": "Hub", "PolicyName": "Kept", "PolicyDocument": json.dumps(allow("s3:*"))}
    with LocalAws(world(), "--state", str(file)) as first, LocalAws(world(), "--state", str(file)) as second:
        client(first, "iam").put_role_policy(**put)
        client(first, "iam").delete_role_policy(RoleName="Hub", PolicyName="target")
        client(first, "iam").create_saml_provider(Name="new_one", SAMLMetadataDocument=document())
        assert client(second, "iam").list_role_policies(RoleName="Hub")["PolicyNames"] == ["Kept"]
    with LocalAws(world(), "--state", str(file)) as third:
        assert client(third, "iam").list_role_policies(RoleName="Hub")["PolicyNames"] == ["Kept"]
        assert client(third, "iam").get_saml_provider(SAMLProviderArn=NEW_PROVIDER)
    with LocalAws(world()) as anew:
        assert client(anew, "iam").list_role_policies(RoleName="Hub")["PolicyNames"] == ["target"]


def test_accounts_are_listed_through_empty_pages(aws: LocalAws) -> None:
    """Twenty at most, an empty page in between, every account once; a client that goes on sees them all."""
    organizations = client(aws, "organizations")
    pages = list(organizations.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 7}))
    assert any(not page["Accounts"] for page in pages[:-1])
    accounts = [account for page in pages for account in page["Accounts"]]
    assert len(accounts) == len({account["Id"] for account in accounts}) == 32
    (first,) = [account for account in accounts if account["Id"] == f"{1:012d}"]
    assert (first["Name"], first["State"], first["Status"]) == ("Account 1", "ACTIVE", "ACTIVE")
    assert first["Arn"] == f"arn:aws:organizations::{HERE}:account/o-example1234/{1:012d}"
    assert first["JoinedTimestamp"].tzinfo is not None
    assert len(organizations.list_accounts()["Accounts"]) == 20
    assert refused(organizations.list_accounts, MaxResults=21) == (400, "InvalidInputException")
    assert refused(organizations.list_accounts, NextToken="x") == (400, "InvalidInputException")


def test_only_the_managers_of_an_organization_see_it(aws: LocalAws) -> None:
    """Another account, a person without the right, wrong keys and a world without organization are told so."""
    elsewhere = client(aws, "sts").assume_role(RoleArn=TARGET, RoleSessionName="work", ExternalId="tenant-1")
    target = holding(aws, elsewhere, "organizations")
    assert refused(target.list_accounts) == (400, "AccessDeniedException")
    assert refused(client(aws, "organizations", "eve").list_accounts) == (400, "AccessDeniedException")
    stranger = client(
        aws, "organizations", aws_access_key_id="AKIA" + "A" * 16, aws_secret_access_key="x" * 40
    )
    assert refused(stranger.list_accounts) == (400, "UnrecognizedClientException")
    with LocalAws(aws_world.world()) as lonely:
        assert refused(client(lonely, "organizations").list_accounts) == (
            400,
            "AWSOrganizationsNotInUseException",
        )
    delegated = aws_world.world(
        organization={"id": "o-example1234", "management_account": THERE, "delegated_accounts": [HERE]}
    )
    with LocalAws(delegated) as other:
        assert client(other, "organizations").list_accounts()["Accounts"]


def test_only_known_operations_answer(aws: LocalAws) -> None:
    """Another target is refused in the form of its protocol, and a call for another service by its signature."""
    target = {"X-Amz-Target": "AWSOrganizationsV20161128.LeaveOrganization"}
    answer = requests.post(aws.url, headers=target, data="{}", timeout=10)
    assert (answer.status_code, answer.json()["__type"]) == (400, "UnknownOperationException")
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    unsigned = requests.post(
        aws.url, headers={"X-Amz-Target": "AWSOrganizationsV20161128.ListAccounts"}, data="{}", timeout=10
    )
    assert (unsigned.status_code, unsigned.json()["__type"]) == (400, "MissingAuthenticationTokenException")
    assert refused(client(aws, "iam").delete_role, RoleName="Hub") == (400, "InvalidAction")
