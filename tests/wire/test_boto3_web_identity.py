"""AssumeRoleWithWebIdentity by AWS's own library: what a strict reader takes, and everything one change away."""

import functools
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import HERE, holding
from tests.servers.issuer import CLIENT, Issuer, part
from tests.servers.local_aws import LocalAws

ROLE = f"arn:aws:iam::{HERE}:role/Workload"
TAGGED = f"arn:aws:iam::{HERE}:role/Tagged"
TAGS = "https://aws.amazon.com/tags"


def trust(issuer: Issuer, *actions: str, **condition: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{HERE}:oidc-provider/{issuer.host}"},
        "Action": list(actions),
        "Condition": {"StringEquals": {f"{issuer.host}:aud": CLIENT}} | condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def world(issuer: Issuer) -> dict[str, Any]:
    base = aws_world.world(
        oidc_providers=[
            {
                "arn": f"arn:aws:iam::{HERE}:oidc-provider/{issuer.host}",
                "url": issuer.url,
                "client_ids": [CLIENT, "another-client"],
            }
        ]
    )
    subject = {"StringLike": {f"{issuer.host}:sub": ["ada", "workload:*"]}}
    base["roles"] += [
        forge.role(ROLE, trust(issuer, "sts:AssumeRoleWithWebIdentity", **subject), longest=7_200),
        forge.role(TAGGED, trust(issuer, "sts:*")),
    ]
    return base


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def aws(issuer: Issuer) -> Iterator[LocalAws]:
    with LocalAws(world(issuer)) as running:
        yield running


@functools.cache
def nobody(url: str) -> Any:
    """A client without keys."""
    return boto3.client(
        "sts", endpoint_url=url, region_name="eu-west-1", config=Config(signature_version=UNSIGNED)
    )


def redeem(aws: LocalAws, token: str, role: str = ROLE, **more: Any) -> Any:
    return nobody(aws.url).assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="work", WebIdentityToken=token, **more
    )


def refused(aws: LocalAws, token: str, role: str = ROLE, **more: Any) -> tuple[int, str]:
    aws.new_log_lines()
    with pytest.raises(ClientError) as problem:
        redeem(aws, token, role, **more)
    # A client asks again where the issuer could not be reached.
    assert {line["event"] for line in aws.new_log_lines()} - {"issuer.keys"} == {"refused"}
    response = problem.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


INVALID = (400, "InvalidIdentityToken")
DENIED = (403, "AccessDenied")


def test_a_token_becomes_credentials(issuer: Issuer, aws: LocalAws) -> None:
    """Every member of the answer, and keys that work."""
    answer = redeem(aws, issuer.token(), DurationSeconds=7_200)
    arn = f"arn:aws:sts::{HERE}:assumed-role/Workload/work"
    told = {name: answer[name] for name in ("SubjectFromWebIdentityToken", "Provider", "Audience")}
    assert told == {"SubjectFromWebIdentityToken": "ada", "Provider": issuer.url, "Audience": CLIENT}
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert answer["PackedPolicySize"] == 0
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    assert holding(aws, answer).get_caller_identity()["Arn"] == arn
    assert redeem(aws, issuer.token(key="ec", algorithm="ES256"))
    assert refused(aws, issuer.token(), DurationSeconds=7_201) == (400, "ValidationError")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "http://127.0.0.1:1/pool"}, INVALID),
        ({"iss": None}, INVALID),
        ({"iss": ""}, INVALID),
        ({"sub": None}, INVALID),
        ({"sub": ""}, INVALID),
        ({"sub": "x" * 256}, INVALID),
        ({"sub": "eve"}, DENIED),
        ({"aud": "stranger"}, INVALID),
        ({"aud": "another-client"}, DENIED),
        ({"aud": None}, INVALID),
        ({"aud": []}, INVALID),
        ({"aud": [CLIENT, "stranger"]}, INVALID),
        ({"aud": [CLIENT, "stranger"], "azp": "stranger"}, (403, "IDPRejectedClaim")),
        ({"azp": 1}, (403, "IDPRejectedClaim")),
        ({"exp": None}, INVALID),
        ({"iat": None}, INVALID),
        ({"exp": "tomorrow"}, INVALID),
        ({"exp": True}, INVALID),
        ({"exp": 1e300}, INVALID),
        ({"exp": int(time.time()) - 61}, (400, "ExpiredTokenException")),
        ({"iat": int(time.time()) - 90_000}, (400, "ExpiredTokenException")),
        ({"iat": int(time.time()) + 86_400}, INVALID),
        ({"nbf": int(time.time()) + 86_400}, INVALID),
        ({"amr": "pwd"}, INVALID),
        ({TAGS: "x"}, INVALID),
        ({TAGS: {"principal_tags": {"Team": ["a", "b"]}}}, INVALID),
        ({TAGS: {"principal_tags": {"aws:Team": ["a"]}}}, INVALID),
        ({TAGS: {"principal_tags": {"Team": ["a"]}, "transitive_tag_keys": ["Other"]}}, INVALID),
        ({f"{TAGS}/principal_tags/Team": "a"}, DENIED),
        ({"https://aws.amazon.com/source_identity": "a b"}, INVALID),
        ({"https://aws.amazon.com/source_identity": "aws:a"}, INVALID),
        ({"https://aws.amazon.com/source_identity": "ada"}, DENIED),
    ],
)  # fmt: skip
def test_claims_are_held_to_what_was_registered(
    claims: dict[str, Any], expected: tuple[int, str], issuer: Issuer, aws: LocalAws
) -> None:
    """Issuer, audience, subject, times and tags; the ordinary token is taken."""
    assert refused(aws, issuer.token(**claims)) == expected
    assert redeem(aws, issuer.token())


def test_what_a_token_brings_along_is_taken(issuer: Issuer, aws: LocalAws) -> None:
    """Several audiences with their party, tags in both spellings, a source identity, times within the tolerance."""
    assert redeem(aws, issuer.token(aud=[CLIENT, "x"], azp=CLIENT))["Audience"] == CLIENT
    now = int(time.time())
    assert redeem(aws, issuer.token(nbf=now + 50, iat=now + 50, exp=now - 50))
    nested = {"principal_tags": {"Team": ["risk"]}, "transitive_tag_keys": ["team"]}
    source = {"https://aws.amazon.com/source_identity": "ada"}
    answer = redeem(aws, issuer.token(**dict[str, Any]({TAGS: nested}), **source), TAGGED)
    assert answer["SourceIdentity"] == "ada"
    assert answer["PackedPolicySize"] > 0
    assert redeem(aws, issuer.token(**{f"{TAGS}/principal_tags/Team": "risk"}), TAGGED)


def forged(issuer: Issuer) -> dict[str, str]:
    """Tokens that a careless reader takes."""
    good = issuer.token()
    head, body, signature = good.split(".")
    public = issuer.keys["rsa"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    keyed = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{body}"
    stranger = rsa.generate_private_key(65537, 2048)
    embedded = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key()))
    claims = issuer.claims()
    double = json.dumps(claims)[:-1] + ', "sub": "ada"}'
    doubled = b'{"alg":"none","alg":"RS256","kid":"rsa"}'
    return {
        "none": f"{part({'alg': 'none', 'kid': 'rsa'})}.{body}.",
        "none-with-signature": f"{part({'alg': 'none', 'kid': 'rsa'})}.{body}.{signature}",
        "None": f"{part({'alg': 'None', 'kid': 'rsa'})}.{body}.{signature}",
        "hmac-with-public-key": f"{keyed}.{part(hmac.digest(pem, keyed.encode(), hashlib.sha256))}",
        "no-alg": f"{part({'kid': 'rsa'})}.{body}.{signature}",
        "no-kid": jwt.encode(claims, issuer.keys["rsa"], algorithm="RS256"),
        "other-kid": issuer.token(header={"kid": "nobody"}),
        "kid-of-another-key": issuer.token(header={"kid": "ec"}),
        "kid-is-a-path": issuer.token(header={"kid": "../../rsa"}),
        "stranger": jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "rsa"}),
        "embedded-key": jwt.encode(
            claims, stranger, algorithm="RS256", headers={"kid": "rsa", "jwk": embedded}
        ),
        "jku": jwt.encode(
            claims, stranger, algorithm="RS256", headers={"kid": "rsa", "jku": "http://127.0.0.1:9/jwks"}
        ),
        "crit": issuer.token(header={"crit": ["exp"], "exp": 1}),
        "access-token": issuer.token(header={"typ": "at+jwt"}),
        "pss": issuer.token(algorithm="PS256"),
        "changed-body": f"{head}.{part(issuer.claims(sub='workload:x'))}.{signature}",
        "cut-signature": good[:-8],
        "no-signature": f"{head}.{body}.",
        "two-parts": f"{head}.{body}",
        "four-parts": f"{good}.{signature}",
        "five-parts": f"{good}.a.b",
        "padded": f"{good}=",
        "blank": f" {good}",
        "newline": f"{good}\n",
        "doubled-claim": f"{head}.{part(double.encode())}.{signature}",
        "doubled-header": f"{part(doubled)}.{body}.{signature}",
        "list": f"{head}.{part([])}.{signature}",
        "nonsense": "nonsense",
        "json-form": json.dumps({"payload": body, "signatures": []}),
    }  # fmt: skip


def test_a_forged_token_is_refused(issuer: Issuer, aws: LocalAws) -> None:
    """No other algorithm, no other key, no other form; the genuine token is taken."""
    assert {name: refused(aws, token) for name, token in forged(issuer).items()} == dict.fromkeys(
        forged(issuer), INVALID
    )
    assert redeem(aws, issuer.token())


def test_a_doubled_claim_is_refused_also_where_the_signature_holds(issuer: Issuer, aws: LocalAws) -> None:
    """Two readers may each believe another one."""
    text = json.dumps(issuer.claims())[:-1] + ', "sub": "workload:x"}'
    signed = jwt.PyJWS().encode(text.encode(), issuer.keys["rsa"], algorithm="RS256", headers={"kid": "rsa"})
    assert refused(aws, signed) == INVALID
    once = json.dumps(issuer.claims())
    assert redeem(
        aws, jwt.PyJWS().encode(once.encode(), issuer.keys["rsa"], algorithm="RS256", headers={"kid": "rsa"})
    )


def test_an_issuer_that_cannot_be_asked_is_told_apart(issuer: Issuer) -> None:
    """Its own code, which clients retry; nothing is taken on trust meanwhile."""
    discovery, keys = "/pool/.well-known/openid-configuration", "/pool/jwks"
    rows: list[tuple[str, int, bytes]] = [
        (discovery, 404, b"{}"),
        (discovery, 302, b"{}"),
        (discovery, 200, b"<html>"),
        (discovery, 200, b'{"issuer": "http://127.0.0.1:9/"}'),
        (keys, 500, b"{}"),
        (keys, 200, b"[]"),
        (keys, 200, b'{"keys": "none"}'),
        (keys, 200, b'{"keys": [' + b" " * 600_000 + b"]}"),
    ]
    with LocalAws(world(issuer)) as aws:
        for path, status, body in rows:
            good, issuer.answers[path] = issuer.answers[path], (status, body)
            try:
                assert refused(aws, issuer.token()) == (400, "IDPCommunicationError")
            finally:
                issuer.answers[path] = good
        assert redeem(aws, issuer.token())


def test_keys_are_asked_for_once_and_again_when_they_change(issuer: Issuer) -> None:
    """Many tokens, one question; strangers cannot make us ask again and again."""
    with LocalAws(world(issuer)) as aws:
        issuer.asked.clear()
        for _ in range(5):
            assert redeem(aws, issuer.token())
        for _ in range(5):
            assert refused(aws, issuer.token(header={"kid": "nobody"})) == INVALID
        assert len(issuer.asked) <= 4  # on a slow machine ten seconds may pass meanwhile


def test_another_provider_or_role_is_refused(issuer: Issuer, aws: LocalAws) -> None:
    """A role that trusts another one, a role of another account, none at all, and OAuth's other way."""
    assert refused(aws, issuer.token(), forge.ROLE) == DENIED
    assert refused(aws, issuer.token(), forge.OTHER_ROLE) == INVALID
    assert refused(aws, issuer.token(), f"{ROLE}x") == DENIED
    assert refused(aws, issuer.token(), "arn:aws:iam::x:role/Workload") == DENIED
    assert refused(aws, issuer.token(), ProviderId="www.amazon.com") == INVALID


def test_an_issuer_that_stalls_keeps_nobody_else_waiting(issuer: Issuer) -> None:
    """While one token waits for its issuer's keys, another call is answered."""
    with LocalAws(world(issuer)) as aws, ThreadPoolExecutor(1) as pool:
        ada, token = aws_world.client(aws, "sts"), issuer.token()
        assert ada.get_caller_identity()["Account"] == HERE
        assert nobody(aws.url)
        issuer.asked.clear()
        issuer.go_on.clear()
        try:
            waiting = pool.submit(redeem, aws, token)
            while not issuer.asked:
                time.sleep(0.01)
            assert ada.get_caller_identity()["Account"] == HERE
            assert not waiting.done()
        finally:
            issuer.go_on.set()
        assert waiting.result()["Provider"] == issuer.url
