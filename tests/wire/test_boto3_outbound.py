"""AWS as an issuer: a token for services elsewhere, verified by what is published, and taken by the next AWS."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests
from botocore.exceptions import ClientError

from deploy.demo.slapd import free_port
from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import ADA, HERE, HUB, THERE, client, holding
from tests.servers.local_aws import LocalAws

WORKLOAD = f"arn:aws:iam::{THERE}:role/Workload"


def world(port: int) -> dict[str, Any]:
    """Tokens of one account are registered with the other."""
    address = f"http://127.0.0.1:{port}"
    issuer = f"127.0.0.1:{port}/outbound/{HERE}"
    provider = f"arn:aws:iam::{THERE}:oidc-provider/{issuer}"
    trust = forge.trust(provider, "sts:AssumeRoleWithWebIdentity", "sts:TagSession")
    trust["Statement"][0]["Condition"] = {"StringEquals": {f"{issuer}:sub": ADA, f"{issuer}:aud": "bridge"}}
    base = aws_world.world(
        sign_in_urls=[f"{address}/saml"],
        oidc_providers=[{"arn": provider, "url": f"http://{issuer}", "client_ids": ["bridge"]}],
        delegations=[{"trade_in_token": "approved", "role": HUB, "ends_at": "2999-01-01T00:00:00Z"}],
    )
    base["accounts"][0]["outbound_web_identity"] = True
    base["roles"].append(forge.role(WORKLOAD, trust))
    return base


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    port = free_port()
    with LocalAws(world(port), port=port) as running:
        yield running


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as problem:
        call(**parameters)
    return str(problem.value.response["Error"]["Code"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_token_is_verified_by_what_is_published(algorithm: str, aws: LocalAws) -> None:
    """Whoever follows the discovery document can tell who the caller was, and for whom the token is."""
    answer = client(aws, "sts").get_web_identity_token(
        Audience=["bridge"], SigningAlgorithm=algorithm, Tags=[{"Key": "Team", "Value": "risk"}]
    )
    issuer = f"{aws.url}/outbound/{HERE}"
    told = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    assert told["issuer"] == issuer
    keys = jwt.PyJWKSet.from_dict(requests.get(told["jwks_uri"], timeout=10).json())
    token = answer["WebIdentityToken"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=[algorithm], audience="bridge", issuer=issuer)
    assert claims["sub"] == ADA
    assert claims["exp"] == int(answer["Expiration"].timestamp())
    own = claims["https://sts.amazonaws.com/"]
    assert (own["aws_account"], own["request_tags"]) == (HERE, {"Team": "risk"})
    assert own["principal_tags"] == {"Department": "risk"}


def test_the_next_aws_takes_it(aws: LocalAws) -> None:
    """A person of one account takes a role of another without keys there; one with another audience does not."""
    ada = client(aws, "sts")
    wish = {"RoleArn": WORKLOAD, "RoleSessionName": "work"}

    def token(audience: str) -> str:
        answer = ada.get_web_identity_token(Audience=[audience], SigningAlgorithm="ES384")
        return str(answer["WebIdentityToken"])

    answer = ada.assume_role_with_web_identity(**wish, WebIdentityToken=token("bridge"))
    assert holding(aws, answer).get_caller_identity()["Account"] == THERE
    assert (
        code(ada.assume_role_with_web_identity, **wish, WebIdentityToken=token("x")) == "InvalidIdentityToken"
    )


def test_no_token_without_the_right_and_none_of_a_closed_account(aws: LocalAws) -> None:
    """A person without the right, another account and a federated user get none; a closed account shows nothing."""
    wish = {"Audience": ["bridge"], "SigningAlgorithm": "ES384"}
    assert code(client(aws, "sts", "eve").get_web_identity_token, **wish) == "AccessDenied"
    federated = client(aws, "sts").get_federation_token(Name="bob")
    assert code(holding(aws, federated).get_web_identity_token, **wish) == "AccessDenied"
    assert code(client(aws, "sts").get_web_identity_token, **wish | {"Audience": []}) == "ValidationError"
    for path in (".well-known/openid-configuration", "jwks"):
        assert requests.get(f"{aws.url}/outbound/{THERE}/{path}", timeout=10).status_code == 404


def test_an_approved_delegation_is_traded_in(aws: LocalAws) -> None:
    """Whoever brings the token gets the role; another token gets nothing."""
    ada = client(aws, "sts")
    answer = ada.get_delegated_access_token(TradeInToken="approved")
    assert answer["AssumedPrincipal"] == f"arn:aws:sts::{HERE}:assumed-role/Hub/delegated"
    assert holding(aws, answer).get_caller_identity()["Arn"] == answer["AssumedPrincipal"]
    assert code(ada.get_delegated_access_token, TradeInToken="stolen") == "AccessDenied"
    assert (
        code(client(aws, "sts", "eve").get_delegated_access_token, TradeInToken="approved") == "AccessDenied"
    )
