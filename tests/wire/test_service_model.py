"""The interface held to AWS's own model: every member answered, every constraint broken once, by POST and by GET."""

import copy
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
import requests
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer
from lxml import etree

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import HERE, HUB, THERE, allow, client, holding
from tests.servers.issuer import CLIENT, Issuer
from tests.servers.local_aws import LocalAws

OPERATOR = f"arn:aws:iam::{HERE}:role/Operator"
WORKLOAD = f"arn:aws:iam::{HERE}:role/Workload"
SAML_ROLE = f"arn:aws:iam::{HERE}:role/Federated"
METADATA = forge.metadata(forge.ISSUER, forge.key_pair().certificate_text).replace(
    "<md:IDP", f"{' ' * 400}<md:IDP"
)
OPERATIONS = {
    "sts": (
        "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "DecodeAuthorizationMessage",
        "GetAccessKeyInfo", "GetCallerIdentity", "GetDelegatedAccessToken", "GetFederationToken",
        "GetSessionToken", "GetWebIdentityToken",
    ),
    "iam": (
        "CreateSAMLProvider", "DeleteRolePolicy", "GetRole", "GetRolePolicy", "GetSAMLProvider",
        "ListAccountAliases", "ListRolePolicies", "ListRoles", "ListSAMLProviders", "PutRolePolicy",
        "UpdateSAMLProvider",
    ),
    "organizations": ("ListAccounts",),
}  # fmt: skip
ALL = [(service, name) for service, names in OPERATIONS.items() for name in names]
# The text of the model allows more than its shape says, and the guide less.
UNCHECKED = {("AssumeRole", "Policy")}


def world(issuer: Issuer) -> dict[str, Any]:
    base = aws_world.world(
        organization={"id": "o-example1234", "management_account": HERE},
        oidc_providers=[
            {
                "arn": f"arn:aws:iam::{HERE}:oidc-provider/{issuer.host}",
                "url": issuer.url,
                "client_ids": [CLIENT],
            }
        ],
    )
    base["accounts"][0]["outbound_web_identity"] = True
    base["delegations"] = [
        {"trade_in_token": "approved", "role": HUB, "ends_at": "2999-01-01T00:00:00Z"},
        {"trade_in_token": "over", "role": HUB, "ends_at": "2020-01-01T00:00:00Z"},
    ]
    web = forge.trust(f"arn:aws:iam::{HERE}:oidc-provider/{issuer.host}", "sts:*")
    web["Statement"][0]["Condition"] = {"StringEquals": {f"{issuer.host}:aud": CLIENT}}
    base["roles"] += [
        forge.role(OPERATOR, aws_world.trusts(aws_world.ADA))
        | {
            "tags": {"Team": "risk"},
            "description": "operates",
            "attached_policies": [aws_world.ADMINISTRATOR],
        },
        forge.role(WORKLOAD, web),
        forge.role(SAML_ROLE),
    ]
    tom = aws_world.user(f"arn:aws:iam::{THERE}:user/tom", "tom", attached_policies=[aws_world.ADMINISTRATOR])
    base["users"].append(tom)
    base["accounts"] += [{"id": f"{n:012d}"} for n in range(1, 31)]
    return base


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def aws(issuer: Issuer) -> Iterator[LocalAws]:
    with LocalAws(world(issuer)) as running:
        yield running


def shape_of(service: str, name: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def good(aws: LocalAws, issuer: Issuer, name: str) -> dict[str, Any]:
    """Parameters with which a call succeeds; everything optional that can be there is there."""
    session: dict[str, Any] = {
        "DurationSeconds": 900,
        "Policy": json.dumps(allow("s3:*")),
        "PolicyArns": [{"arn": aws_world.ADMINISTRATOR}],
        "MinimumSessionTokenSize": 100,
    }
    statement = forge.Statement().with_attributes(Role=f"{SAML_ROLE},{forge.PROVIDER}", SourceIdentity="ada")
    source = {"https://aws.amazon.com/source_identity": "ada"}
    tags = [{"Key": "Team", "Value": "risk"}]
    rows: dict[str, dict[str, Any]] = {
        "AssumeRole": {
            "RoleArn": HUB, "RoleSessionName": "work", "Tags": tags, "TransitiveTagKeys": ["Team"],
            "ExternalId": "tenant-1", "SourceIdentity": "ada", **session,
        },
        "AssumeRoleWithSAML": {
            "RoleArn": SAML_ROLE,
            "PrincipalArn": forge.PROVIDER,
            "SAMLAssertion": forge.encode(forge.signed(statement, "both")),
            **session,
        },
        "AssumeRoleWithWebIdentity": {
            "RoleArn": WORKLOAD, "RoleSessionName": "work", **session,
            "WebIdentityToken": issuer.token(**source),
        },
        "GetFederationToken": {"Name": "bob", "Tags": tags, **session},
        "AssumeRoot": {
            "TargetPrincipal": HERE,
            "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
        },
        "GetSessionToken": {"DurationSeconds": 900, "MinimumSessionTokenSize": 100},
        "GetDelegatedAccessToken": {"TradeInToken": "approved"},
        "GetWebIdentityToken": {"Audience": ["x"], "SigningAlgorithm": "ES384", "DurationSeconds": 60, "Tags": tags},
        "GetAccessKeyInfo": {"AccessKeyId": aws_world.key_id("ada")},
        "DecodeAuthorizationMessage": {"EncodedMessage": "x"},
        "CreateSAMLProvider": {"Name": "never", "SAMLMetadataDocument": "x" * 1_000, "Tags": tags},
        "UpdateSAMLProvider": {"SAMLProviderArn": forge.PROVIDER, "SAMLMetadataDocument": METADATA},
        "GetSAMLProvider": {"SAMLProviderArn": forge.PROVIDER},
        "GetRole": {"RoleName": "Operator"},
        "ListRoles": {"MaxItems": 1, "PathPrefix": "/"},
        "ListRolePolicies": {"RoleName": "Hub", "MaxItems": 1},
        "GetRolePolicy": {"RoleName": "Hub", "PolicyName": "target"},
        "PutRolePolicy": {"RoleName": "Hub", "PolicyName": "x", "PolicyDocument": json.dumps(allow("s3:*"))},
        "DeleteRolePolicy": {"RoleName": "Hub", "PolicyName": "x"},
        "ListAccounts": {"MaxResults": 5},
    }  # fmt: skip
    if name == "DecodeAuthorizationMessage":
        with pytest.raises(ClientError) as problem:
            client(aws, "sts").assume_role(RoleArn=aws_world.GUARDED, RoleSessionName="work")
        return {"EncodedMessage": problem.value.response["Error"]["EncodedAuthorizationMessage"]}
    return rows.get(name, {})


def call(aws: LocalAws, service: str, name: str, parameters: dict[str, Any]) -> Any:
    method = botocore.xform_name(name)
    return getattr(client(aws, service), method)(**parameters)


MEMBERS = [
    (service, name)
    for service, name in ALL
    if name not in {"CreateSAMLProvider", "PutRolePolicy", "DeleteRolePolicy"}
]


@pytest.mark.parametrize(("service", "name"), MEMBERS)
def test_every_member_of_the_model_is_answered(
    service: str, name: str, aws: LocalAws, issuer: Issuer
) -> None:
    """An answer holds what the model says, and nothing that it does not know."""
    answer = call(aws, service, name, good(aws, issuer, name))
    del answer["ResponseMetadata"]
    model = shape_of(service, name).output_shape
    missing = {path for path in paths_of(model) if not any(there.startswith(path) for there in found(answer))}
    lawful = {
        # Nothing of this is there to be told.
        "Role.PermissionsBoundary", "Role.SourceRoleTemplate", "Roles.PermissionsBoundary",
        "Roles.SourceRoleTemplate",
        # Shown by GetRole only.
        "Roles.Tags", "Roles.RoleLastUsed", "Roles.Description",
        # Never on a last page, and the mode only where one was set.
        "Marker", "AssertionEncryptionMode", "PrivateKeyList", "Tags", "Role.RoleLastUsed",
    }  # fmt: skip
    if name == "GetDelegatedAccessToken":
        lawful.add("PackedPolicySize")  # modelled, and never filled
    unlawful = {
        path for path in missing if not any(path == one or path.startswith(f"{one}.") for one in lawful)
    }
    assert not unlawful


def paths_of(shape: Any, path: str = "") -> set[str]:
    """Every member of a shape, nested ones with dots."""
    if shape is None:
        return set()
    if shape.type_name == "list":
        return paths_of(shape.member, path)
    if shape.type_name != "structure":
        return {path}
    return {
        inner
        for name, member in shape.members.items()
        for inner in paths_of(member, f"{path}.{name}" if path else name)
    }


def found(answer: Any, path: str = "") -> set[str]:
    if isinstance(answer, list):
        return {inner for one in answer for inner in found(one, path)} or {path}
    if isinstance(answer, dict) and answer:
        return {
            inner for name, one in answer.items() for inner in found(one, f"{path}.{name}" if path else name)
        }
    return {path}


def breaches(shape: Any) -> Iterator[tuple[str, Any]]:
    """Each constraint of a shape with a value that breaks it alone."""
    if shape.type_name == "structure":
        yield from breaches_of_structure(shape)
    elif shape.type_name == "list":
        if "max" in shape.metadata:
            most = shape.metadata["max"]
            yield "too-many", [sample(shape.member, number) for number in range(most + 1)]
        for what, value in breaches(shape.member):
            yield f"member:{what}", [value]
    elif shape.type_name in {"integer", "long"}:
        for side, step in (("min", -1), ("max", 1)):
            if side in shape.metadata:
                yield side, shape.metadata[side] + step
    elif shape.type_name == "string":
        yield from breaches_of_text(shape)


def breaches_of_structure(shape: Any) -> Iterator[tuple[str, Any]]:
    for member, inner in shape.members.items():
        for what, value in breaches(inner):
            yield f"{member}:{what}", {member: value}
        if member in shape.required_members:
            yield f"{member}:required", {member: None}


def breaches_of_text(shape: Any) -> Iterator[tuple[str, Any]]:
    limits = shape.metadata
    if limits.get("min"):
        yield "too-short", sample(shape, 0, limits["min"] - 1)
    if limits.get("max", 10**6) < 10**6:
        yield "too-long", sample(shape, 0, limits["max"] + 1)
    if limits.get("pattern", "[\\s\\S]*") != "[\\s\\S]*":
        yield "pattern", "\x01" * max(limits.get("min", 1), min(limits.get("max", 30), 30))
    if shape.enum:
        yield "enum", "Neither"


def sample(shape: Any, number: int, length: int | None = None) -> Any:
    """A lawful value, or one of this length."""
    if shape.type_name == "structure":
        return {name: sample(member, number) for name, member in shape.members.items()}
    limits = shape.metadata
    size = length if length is not None else max(limits.get("min", 1), 6)
    digits = "0123456789" * (size // 10 + 1)
    text = digits[:size]
    if length is None:
        text = f"{number:0{size}d}"
    if "(\\u002F)" in limits.get("pattern", "") or "u002F" in limits.get("pattern", ""):
        text = "/" + text[1:] if size else ""
    return text


def applied(parameters: dict[str, Any], change: Any) -> dict[str, Any]:
    merged = copy.deepcopy(parameters)
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and len(value) == 1:
            first = (merged.get(name) or [sample_member(name)])[0]
            merged[name] = [{key: one for key, one in (first | value[0]).items() if one is not None}]
        else:
            merged[name] = value
    return merged


def sample_member(name: str) -> dict[str, Any]:
    return {
        "Tags": {"Key": "a", "Value": "b"},
        "PolicyArns": {"arn": aws_world.ADMINISTRATOR},
        "ProvidedContexts": {"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "xxxx"},
    }[name]


@pytest.mark.parametrize(("service", "name"), [*ALL, ("sts", "AssumeRoot")])
def test_every_constraint_of_the_model_is_kept(
    service: str, name: str, aws: LocalAws, issuer: Issuer
) -> None:
    """One constraint broken, everything else lawful: refused by name, before anything else is looked at."""
    model = shape_of(service, name).input_shape
    parameters = good(aws, issuer, name)
    caller = client(aws, service)
    method = getattr(caller, botocore.xform_name(name))
    tried = 0
    for what, change in breaches(model) if model is not None else ():
        if (name, what.partition(":")[0]) in UNCHECKED and not what.endswith(("too-short", "pattern")):
            continue
        tried += 1
        with pytest.raises(ClientError) as problem:
            method(**applied(parameters, change))
        response = problem.value.response
        told = response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
        wanted = "InvalidInputException" if service == "organizations" else "ValidationError"
        assert told == (400, wanted), (what, response["Error"])
    with_limits = model is not None and name not in {"ListSAMLProviders", "GetCallerIdentity"}
    assert bool(tried) is with_limits


@pytest.mark.parametrize("name", OPERATIONS["sts"])
def test_a_presigned_call_by_get_is_a_call(name: str, aws: LocalAws, issuer: Issuer) -> None:
    """Everything that POST takes GET takes too, and refuses alike."""
    caller = client(aws, "sts")
    parameters = good(aws, issuer, name)
    unsigned = name in {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}

    def address_of(parameters: dict[str, Any]) -> str:
        if not unsigned:
            return str(
                caller.generate_presigned_url(
                    botocore.xform_name(name), Params=parameters, ExpiresIn=60, HttpMethod="GET"
                )
            )
        form = create_serializer("query", include_validation=False).serialize_to_request(
            parameters, shape_of("sts", name)
        )["body"]
        return f"{aws.url}/?{urlencode(form)}"

    address = address_of(parameters)
    answer = requests.get(address, timeout=10)
    assert answer.status_code == 200, answer.text
    assert f"<{name}Result>" in answer.text
    wrong = requests.get(address + "&X-Extra=1", timeout=10)
    assert wrong.status_code == (200 if unsigned else 403)
    if name != "GetCallerIdentity":
        first = next(what for what in breaches(shape_of("sts", name).input_shape))
        refused = requests.get(address_of(applied(parameters, first[1])), timeout=10)
        assert refused.status_code == 400
        assert etree.fromstring(refused.content).findtext(".//{*}Code") == "ValidationError"


def test_a_presigned_call_is_good_for_as_long_as_it_says(aws: LocalAws) -> None:
    """A week at most; what would be good for longer is refused, and what has run out is told as such."""
    caller = client(aws, "sts")

    def answer_to(seconds: int, *, asked_after: float = 0) -> tuple[int, str | None]:
        address = caller.generate_presigned_url(
            "get_session_token", Params={"DurationSeconds": 900}, ExpiresIn=seconds, HttpMethod="GET"
        )
        time.sleep(asked_after)
        answer = requests.get(address, timeout=10)
        return answer.status_code, etree.fromstring(answer.content).findtext(".//{*}Code")

    assert answer_to(604_800) == (200, None)
    assert answer_to(604_801) == (400, "IncompleteSignature")
    assert answer_to(1, asked_after=2) == (400, "RequestExpired")
    assert answer_to(60, asked_after=2) == (200, None)


def test_a_list_may_be_empty_and_its_numbers_are_numbers(aws: LocalAws) -> None:
    """`Tags=` is no tag; members are numbered from one, in any order; other names are not looked at."""
    caller = client(aws, "sts")
    assert (
        caller.assume_role(RoleArn=HUB, RoleSessionName="work", Tags=[], PolicyArns=[])["PackedPolicySize"]
        == 0
    )
    text = "Value null at 'tags.2.member.key'"
    with pytest.raises(ClientError, match=re.escape(text)):
        caller.assume_role(
            RoleArn=HUB, RoleSessionName="work", Tags=[{"Key": "a", "Value": "b"}, {"Value": "c"}]
        )


def error_classes() -> set[str]:
    model = botocore.session.get_session().get_service_model("sts")
    return {shape.name for shape in model.error_shapes}


def test_the_error_classes_of_sts_are_raised(aws: LocalAws, issuer: Issuer) -> None:
    """A program that catches AWS's own exceptions catches ours: each class that the model has."""
    closed = world(issuer) | {"disabled_regions": ["eu-west-1"]}
    ada, exceptions = client(aws, "sts"), client(aws, "sts").exceptions
    saml, web = good(aws, issuer, "AssumeRoleWithSAML"), good(aws, issuer, "AssumeRoleWithWebIdentity")
    late = forge.encode(forge.signed(forge.Statement(now=forge.Statement().now.replace(year=2020)), "both"))
    large = {
        "Policy": json.dumps(allow("s3:*")) + " " * 1_900,
        "PolicyArns": [{"arn": aws_world.ADMINISTRATOR}] * 3,
    }
    keys, outbound = "/pool/jwks", good(aws, issuer, "GetWebIdentityToken")
    tom = client(aws, "sts", "tom")
    hub = holding(aws, ada.assume_role(RoleArn=OPERATOR, RoleSessionName="work", DurationSeconds=900))
    rows: list[tuple[str, Any, dict[str, Any]]] = [
        (
            "MalformedPolicyDocumentException",
            ada.assume_role,
            good(aws, issuer, "AssumeRole") | {"Policy": "{"},
        ),
        ("PackedPolicyTooLargeException", ada.assume_role, good(aws, issuer, "AssumeRole") | large),
        ("ExpiredTokenException", ada.assume_role_with_saml, saml | {"SAMLAssertion": late}),
        ("InvalidIdentityTokenException", ada.assume_role_with_saml, saml | {"SAMLAssertion": "AAAA"}),
        (
            "IDPRejectedClaimException",
            ada.assume_role_with_web_identity,
            web | {"WebIdentityToken": issuer.token(azp="x")},
        ),
        ("ExpiredTradeInTokenException", ada.get_delegated_access_token, {"TradeInToken": "over"}),
        (
            "JWTPayloadSizeExceededException",
            ada.get_web_identity_token,
            outbound | {"Audience": ["x" * 1_000] * 5},
        ),
        ("OutboundWebIdentityFederationDisabledException", tom.get_web_identity_token, outbound),
        (
            "SessionDurationEscalationException",
            hub.get_web_identity_token,
            outbound | {"DurationSeconds": 3_600},
        ),
        ("InvalidAuthorizationMessageException", ada.decode_authorization_message, {"EncodedMessage": "x"}),
    ]
    # The two that need another world are raised below.
    raised = {name for name, _, _ in rows} | {"RegionDisabledException", "IDPCommunicationErrorException"}
    assert raised == error_classes()
    for name, method, parameters in rows:
        with pytest.raises(getattr(exceptions, name)):
            method(**parameters)
    with LocalAws(closed) as elsewhere:
        for method, parameters in (("get_session_token", {}), ("get_federation_token", {"Name": "bob"})):
            caller = client(elsewhere, "sts")
            with pytest.raises(caller.exceptions.RegionDisabledException):
                getattr(caller, method)(**parameters)
        assert client(elsewhere, "sts", region="eu-central-1").get_session_token()
        good_keys, issuer.answers[keys] = issuer.answers[keys], (500, b"")
        caller = client(elsewhere, "sts", region="eu-central-1")
        try:
            with pytest.raises(caller.exceptions.IDPCommunicationErrorException):
                caller.assume_role_with_web_identity(**web)
        finally:
            issuer.answers[keys] = good_keys
