"""AssumeRole, GetSessionToken and GetFederationToken by AWS's own library: what opens, and one change away."""

import hashlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lxml import etree

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import (
    ADA,
    BOUND,
    GUARDED,
    HERE,
    HUB,
    SERIAL,
    TARGET,
    allow,
    client,
    device_code,
    holding,
)
from tests.servers.local_aws import LocalAws


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(aws_world.world()) as running:
        yield running


def take(caller: Any, role: str = HUB, name: str = "work", **more: Any) -> Any:
    return caller.assume_role(RoleArn=role, RoleSessionName=name, **more)


def refused(call: Any, *arguments: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as problem:
        call(*arguments, **parameters)
    response = problem.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def seconds_left(answer: Any) -> float:
    return float((answer["Credentials"]["Expiration"] - datetime.now(UTC)).total_seconds())


def test_a_user_takes_a_role_that_names_the_user(aws: LocalAws) -> None:
    """Every member of the answer; the session's name is the role's without its path."""
    answer = take(client(aws, "sts"), SourceIdentity="ada", DurationSeconds=1_800)
    arn = f"arn:aws:sts::{HERE}:assumed-role/Hub/work"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":work")
    assert answer["SourceIdentity"] == "ada"
    assert answer["PackedPolicySize"] == 0
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    assert seconds_left(answer) == pytest.approx(1_800, abs=20)
    assert holding(aws, answer).get_caller_identity()["Arn"] == arn


def test_trust_in_a_person_needs_no_right_of_their_own_and_trust_in_an_account_does(aws: LocalAws) -> None:
    """Eve has no policy: the role that names her opens, the one that names her whole account does not."""
    eve = client(aws, "sts", "eve")
    assert take(eve)["AssumedRoleUser"]["Arn"].endswith("/Hub/work")
    status, code, message = refused(take, eve, TARGET, ExternalId="tenant-1")
    assert (status, code) == (403, "AccessDenied")
    assert "is not authorized to perform: sts:AssumeRole on resource" in message
    assert take(client(aws, "sts"), TARGET, ExternalId="tenant-1")
    assert refused(take, eve, BOUND)[:2] == (403, "AccessDenied")
    assert refused(take, client(aws, "sts", "root"), HUB)[2] == "Roles may not be assumed by root accounts."
    unknown = refused(take, client(aws, "sts"), HUB + "x")
    assert unknown[:2] == (403, "AccessDenied")


def test_nobody_learns_which_roles_there_are(aws: LocalAws) -> None:
    """A role that does not exist, one that trusts others and one whose account would have to ask look alike."""
    eve = client(aws, "sts", "eve")
    answers = set()
    for role in (f"{HUB}Missing", BOUND, TARGET, GUARDED, forge.RESERVED_ROLE, forge.CHINESE_ROLE, "x" * 30):
        with pytest.raises(ClientError) as problem:
            take(eve, role, ExternalId="tenant-1")
        error = problem.value.response["Error"]
        assert error["EncodedAuthorizationMessage"]
        answers.add((error["Code"], error["Message"].replace(role, "ROLE")))
    assert len(answers) == 1


def test_the_external_id_must_be_the_one_agreed_on(aws: LocalAws) -> None:
    """Another tenant's identifier, or none, opens nothing."""
    ada = client(aws, "sts")
    assert take(ada, TARGET, ExternalId="tenant-1")
    for wrong in ({}, {"ExternalId": "tenant-2"}, {"ExternalId": "Tenant-1"}):
        assert refused(take, ada, TARGET, **wrong)[:2] == (403, "AccessDenied")


@pytest.mark.attack("AW-06")
def test_a_chained_role_lasts_an_hour_at_most(aws: LocalAws) -> None:
    """A role taken by a role: one hour, also where the role would allow more; a user's own gets its twelve."""
    hub = holding(aws, take(client(aws, "sts"), DurationSeconds=7_200))
    assert seconds_left(take(hub, TARGET, ExternalId="tenant-1")) == pytest.approx(3_600, abs=20)
    status, code, message = refused(take, hub, TARGET, ExternalId="tenant-1", DurationSeconds=3_601)
    assert (status, code) == (400, "ValidationError")
    assert "1 hour session limit for roles assumed by role chaining" in message
    answer = take(client(aws, "sts"), TARGET, ExternalId="tenant-1", DurationSeconds=43_200)
    assert seconds_left(answer) == pytest.approx(43_200, abs=20)
    assert refused(take, client(aws, "sts"), HUB, DurationSeconds=7_201)[1] == "ValidationError"


def test_transitive_tags_travel_and_others_stay(aws: LocalAws) -> None:
    """What is transitive goes along and cannot be set again; what is not is left behind."""
    ada = client(aws, "sts")
    tags = [{"Key": "Team", "Value": "risk"}, {"Key": "Cost", "Value": "4711"}]
    hub = holding(aws, take(ada, Tags=tags, TransitiveTagKeys=["team"]))
    chained = take(hub, TARGET, ExternalId="tenant-1", Tags=[{"Key": "Cost", "Value": "1"}])
    assert chained["PackedPolicySize"] > 0
    status, code, message = refused(
        take, hub, TARGET, ExternalId="tenant-1", Tags=[{"Key": "TEAM", "Value": "x"}]
    )
    assert (status, code) == (400, "ValidationError")
    assert "conflicts with a transitive tag key" in message
    assert refused(take, ada, TransitiveTagKeys=["Other"])[1] == "ValidationError"
    twice = [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]
    assert refused(take, ada, Tags=twice)[1] == "ValidationError"
    # A role that does not allow sts:TagSession takes nobody who brings tags, inherited ones included.
    assert take(ada, BOUND)
    assert refused(take, ada, BOUND, Tags=tags)[1] == "AccessDenied"


def test_the_source_identity_stays_the_same_through_a_chain(aws: LocalAws) -> None:
    """It is inherited, may be repeated, and never changed."""
    ada = client(aws, "sts")
    hub = holding(aws, take(ada, SourceIdentity="ada"))
    more = {"role": TARGET, "ExternalId": "tenant-1"}
    assert take(hub, **more)["SourceIdentity"] == "ada"
    assert take(hub, **more, SourceIdentity="ada")["SourceIdentity"] == "ada"
    assert refused(take, hub, **more, SourceIdentity="eve")[1] == "AccessDenied"
    assert refused(take, ada, SourceIdentity="aws:ada")[1] == "ValidationError"
    assert refused(take, ada, BOUND, SourceIdentity="ada")[1] == "AccessDenied"


def test_a_guarded_role_wants_the_second_factor(aws: LocalAws) -> None:
    """The digits of one's own device, right, and once."""
    ada = client(aws, "sts")
    denied = refused(take, ada, GUARDED)
    assert denied[:2] == (403, "AccessDenied")
    wrong = f"{(int(device_code()) + 500_000) % 10**6:06d}"
    assert "invalid MFA" in refused(take, ada, GUARDED, SerialNumber=SERIAL, TokenCode=wrong)[2]
    assert "must provide both" in refused(take, ada, GUARDED, SerialNumber=SERIAL)[2]
    stranger = SERIAL.replace("ada", "eve")
    assert "unable to validate" in refused(take, ada, GUARDED, SerialNumber=stranger, TokenCode=wrong)[2]
    code = device_code()
    assert take(ada, GUARDED, SerialNumber=SERIAL, TokenCode=code)
    assert "invalid MFA" in refused(take, ada, GUARDED, SerialNumber=SERIAL, TokenCode=code)[2]
    # A device may be one step ahead; the session that this opens needs no further proof.
    session = ada.get_session_token(SerialNumber=SERIAL, TokenCode=device_code(-30))
    assert take(holding(aws, session), GUARDED)


def test_a_session_of_a_user_has_the_users_name(aws: LocalAws) -> None:
    """GetSessionToken: twelve hours, the user's own identity, and an hour for the root user."""
    answer = client(aws, "sts").get_session_token()
    assert seconds_left(answer) == pytest.approx(43_200, abs=20)
    assert holding(aws, answer).get_caller_identity()["Arn"] == ADA
    root = client(aws, "sts", "root").get_session_token(DurationSeconds=43_200)
    assert seconds_left(root) == pytest.approx(3_600, abs=20)
    assert holding(aws, root).get_caller_identity()["UserId"] == HERE


def test_a_federated_user_has_what_both_policies_allow(aws: LocalAws) -> None:
    """GetFederationToken: names, length, and the right to ask for it."""
    ada = client(aws, "sts")
    answer = ada.get_federation_token(Name="bob", Policy=str(allow("s3:*")).replace("'", '"'))
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{HERE}:bob",
        "Arn": f"arn:aws:sts::{HERE}:federated-user/bob",
    }
    assert seconds_left(answer) == pytest.approx(43_200, abs=20)
    assert answer["PackedPolicySize"] > 0
    identity = holding(aws, answer).get_caller_identity()
    assert (identity["UserId"], identity["Arn"]) == (f"{HERE}:bob", f"arn:aws:sts::{HERE}:federated-user/bob")
    assert refused(client(aws, "sts", "eve").get_federation_token, Name="bob")[:2] == (403, "AccessDenied")
    root = client(aws, "sts", "root").get_federation_token(Name="bob", DurationSeconds=129_600)
    assert seconds_left(root) == pytest.approx(3_600, abs=20)


def test_what_a_kind_of_credentials_may_not_call_it_may_not_call(aws: LocalAws) -> None:
    """The table of IAM's guide, row by row; everybody may ask who they are."""
    ada = client(aws, "sts")
    kinds = {
        "role": holding(aws, take(ada)),
        "session": holding(aws, ada.get_session_token()),
        "federated": holding(aws, ada.get_federation_token(Name="bob")),
    }
    may = {
        "role": {"assume_role"},
        "session": {"assume_role"},
        "federated": set(),
    }
    calls: dict[str, dict[str, Any]] = {
        "assume_role": {"RoleArn": TARGET, "RoleSessionName": "again", "ExternalId": "tenant-1"},
        "get_federation_token": {"Name": "bob"},
        "get_session_token": {},
    }
    for kind, caller in kinds.items():
        assert caller.get_caller_identity()["Account"] == HERE
        for name, parameters in calls.items():
            if name in may[kind]:
                assert getattr(caller, name)(**parameters), (kind, name)
            else:
                assert refused(getattr(caller, name), **parameters)[:2] == (403, "AccessDenied"), (kind, name)
        assert refused(ada.assume_role, **calls["assume_role"] | {"ExternalId": "other"})


def test_session_policies_narrow_and_never_widen(aws: LocalAws) -> None:
    """A session that may do less than its role is held to that; one that asks for more has no more."""
    ada = client(aws, "sts")
    text = str(allow("sts:*", resource=TARGET)).replace("'", '"')
    assert take(holding(aws, take(ada, Policy=text)), TARGET, ExternalId="tenant-1")
    narrow = str(allow("s3:*")).replace("'", '"')
    assert (
        refused(take, holding(aws, take(ada, Policy=narrow)), TARGET, ExternalId="tenant-1")[1]
        == "AccessDenied"
    )
    wide = [{"arn": aws_world.ADMINISTRATOR}]
    assert refused(take, holding(aws, take(ada, PolicyArns=wide)), BOUND)[1] == "AccessDenied"
    assert take(holding(aws, take(ada, PolicyArns=wide)), TARGET, ExternalId="tenant-1")
    unknown = [{"arn": "arn:aws:iam::aws:policy/NoSuchPolicy"}]
    closed = holding(aws, take(ada, PolicyArns=unknown))
    assert refused(take, closed, TARGET, ExternalId="tenant-1")[1] == "AccessDenied"


def test_policies_and_tags_have_little_room(aws: LocalAws) -> None:
    """Malformed policies and those that are too large are refused by name."""
    ada = client(aws, "sts")
    for wrong in (
        "{",
        "[]",
        '{"Statement": [{"Effect": "Allow"}]}',
        '{"Version": "2020-01-01", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": []}',
    ):
        assert refused(take, ada, Policy=wrong)[:2] == (400, "MalformedPolicyDocument")
    lawful = json.dumps(allow("s3:*"))
    assert refused(take, ada, Policy=lawful.ljust(2_049))[:2] == (400, "PackedPolicyTooLarge")
    assert 0 < take(ada, Policy=lawful.ljust(2_048))["PackedPolicySize"] <= 100
    tags = [{"Key": f"key{n}", "Value": hashlib.sha512(bytes([n])).hexdigest()} for n in range(50)]
    assert take(ada, Tags=tags[:2])
    assert refused(take, ada, Tags=tags)[:2] == (400, "PackedPolicyTooLarge")


def test_a_restart_and_a_replica_change_nothing(aws: LocalAws) -> None:
    """Tokens carry themselves: another process with the same seal takes them; one with another seal does not."""
    answer = take(client(aws, "sts"))
    with LocalAws(aws_world.world()) as replica:
        assert holding(replica, answer).get_caller_identity()["Account"] == HERE
    strange = aws_world.world(sealing_key="A" * 43 + "=")
    with LocalAws(strange) as stranger:
        assert refused(holding(stranger, answer).get_caller_identity)[1] == "InvalidClientTokenId"


def test_an_inactive_key_is_no_key() -> None:
    """A key that was switched off opens nothing; the other one of the same user does."""
    world = aws_world.world()
    keys = world["users"][0]["access_keys"]
    keys[0]["inactive"] = True
    keys.append({"id": aws_world.key_id("second"), "secret": aws_world.secret("second")})
    with LocalAws(world) as aws:
        assert refused(client(aws, "sts").get_caller_identity)[1] == "InvalidClientTokenId"
        assert client(aws, "sts", "second").get_caller_identity()["Arn"] == ADA


def test_a_world_may_have_a_pace() -> None:
    """More signed calls than it allows are throttled, in each service's own words; unhurried ones are answered."""
    world = aws_world.world(
        requests_per_second=1, organization={"id": "o-example1234", "management_account": HERE}
    )
    with LocalAws(world) as aws:
        # Another region has a pace of its own.
        for service, method, code, region in (
            ("sts", "get_caller_identity", "Throttling", "eu-west-1"),
            ("organizations", "list_accounts", "TooManyRequestsException", "us-east-1"),
        ):
            call = getattr(client(aws, service, region=region), method)
            with ThreadPoolExecutor(6) as pool:
                answers = set(pool.map(code_of, [call] * 12))
            assert answers == {"", code}


def code_of(call: Any) -> str:
    try:
        call()
    except ClientError as problem:
        return str(problem.response["Error"]["Code"])
    return ""


def test_a_root_user_is_lent_to_nobody(aws: LocalAws) -> None:
    """Users and roles hear what AWS says where root users are not managed; other kinds may not ask."""
    task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
    ada = client(aws, "sts")
    for caller in (ada, holding(aws, take(ada))):
        for target in (HERE, f"arn:aws:iam::{HERE}:root"):
            status, code, message = refused(caller.assume_root, TargetPrincipal=target, TaskPolicyArn=task)
            assert (status, code) == (403, "AccessDenied")
            assert message.endswith(
                f"is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{HERE}:root"
            )
    session = holding(aws, ada.get_session_token())
    assert refused(session.assume_root, TargetPrincipal=HERE, TaskPolicyArn=task)[2].startswith("Cannot call")


def test_what_is_announced_as_too_large_is_refused_at_once(aws: LocalAws) -> None:
    """Nobody waits for a body that would be refused; one octet less than too many is read and answered."""
    host, _, port = aws.url.removeprefix("http://").partition(":")
    for size, told in ((400_001, b"HTTP/1.1 413 "), (400_000, b"HTTP/1.1 400 ")):
        with socket.create_connection((host, int(port)), timeout=8) as connected:
            connected.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
            if size == 400_000:
                connected.sendall(b"x" * size)
            assert connected.recv(65_536).startswith(told)


@pytest.mark.spec("AWS API", "Common errors", "whatever is wrong is told in XML, even what is no request")
@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET /?Action=GetCallerIdentity HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["length", "garbage", "no host", "chunk"],
)
def test_what_is_no_request_is_refused_in_xml(aws: LocalAws, octets: bytes) -> None:
    """A status, the query protocol's document with a code, and the end of the connection; the server goes on."""
    host, _, port = aws.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connected:
        connected.sendall(octets)
        answer = b""
        while part := connected.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"text/xml" in head.lower()
    assert etree.fromstring(body).findtext(".//{*}Code") == "InvalidRequest"
    assert client(aws, "sts").get_caller_identity()["Account"] == HERE


def test_every_constraint_that_is_broken_is_told(aws: LocalAws) -> None:
    """A value that is too short and of the wrong form breaks two; the pattern is shown as AWS prints it."""
    status, code, message = refused(client(aws, "sts").assume_role, RoleArn="", RoleSessionName="!")
    assert (status, code) == (400, "ValidationError")
    assert message.startswith(
        "4 validation errors detected: Value '' at 'roleArn' failed to satisfy constraint:"
    )
    assert message.count("at 'roleSessionName'") == 2
    assert r"pattern: [\u0009\u000A\u000D -~\u0085" in message


def test_policies_that_iam_would_not_store_are_refused_at_both_doors(aws: LocalAws) -> None:
    """As a session policy and as an inline policy of a role; the lawful twin is taken by both."""
    lawful = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
    wrong = lawful | {"Statement": {"Effect": "Deny", "Action": "everything", "Resource": "*"}}
    sts, iam = client(aws, "sts"), client(aws, "iam")
    put = {"RoleName": "Bound", "PolicyName": "Tried"}
    told = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    assert refused(take, sts, Policy=json.dumps(wrong)) == (400, "MalformedPolicyDocument", told)
    assert refused(iam.put_role_policy, **put, PolicyDocument=json.dumps(wrong))[1:] == (
        "MalformedPolicyDocument",
        told,
    )
    assert take(sts, Policy=json.dumps(lawful))
    iam.put_role_policy(**put, PolicyDocument=json.dumps(lawful))
    iam.delete_role_policy(**put)
