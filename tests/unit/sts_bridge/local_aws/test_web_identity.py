"""Which of an issuer's published keys may verify a token: one alone, of the right kind, strong, and for this use."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sts_bridge.local_aws.arns import read_issuer_arn
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.web_identity import keys as keys_of_issuers
from sts_bridge.local_aws.web_identity.keys import IssuerKeys
from sts_bridge.local_aws.web_identity.tokens import read_token, verified_claims
from sts_bridge.local_aws.world.model import OidcProvider
from tests.servers.aws_names import certificate
from tests.servers.issuer import CLIENT, Issuer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNK = HEAD + b"Transfer-Encoding: chunked\r\n\r\n8000\r\n"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


def holds(
    issuer: Issuer,
    token: str,
    keys: IssuerKeys | None = None,
    now: datetime = NOW,
    ca_file: Path | None = None,
) -> bool:
    arn = read_issuer_arn(f"arn:aws:iam::111122223333:oidc-provider/{issuer.host}")
    assert arn is not None
    provider = OidcProvider(arn=arn, url=issuer.url, client_ids=(CLIENT,), ca_file=ca_file)
    try:
        claims = verified_claims(read_token(token), provider=provider, keys=keys or IssuerKeys(), now=now)
    except AwsError:
        return False
    return bool(claims["sub"] == "ada")


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"kty": "EC"},
        {"kty": "oct", "k": "AAAA"},
        {"n": "AQAB"},
        {"n": 1},
        {"kid": "other"},
    ],
)
def test_a_key_that_may_not_verify_verifies_nothing(changes: dict[str, Any], issuer: Issuer) -> None:
    """A key for something else, of another kind, too short or under another name is no key of the token."""
    issuer.publish(issuer.jwk("rsa", **changes))
    assert not holds(issuer, issuer.token())
    issuer.publish(issuer.jwk("rsa", alg="RS256", key_ops=["verify"]))
    assert holds(issuer, issuer.token())


def test_an_ambiguous_or_weak_key_is_none(issuer: Issuer) -> None:
    """Two keys of one name, a short one and another curve verify nothing; the right curve does."""
    issuer.keys["second"] = rsa.generate_private_key(65537, 2048)
    issuer.keys["weak"] = rsa.generate_private_key(65537, 1024)  # noqa: S505 - must be refused
    issuer.keys["p384"] = ec.generate_private_key(ec.SECP384R1())
    issuer.publish(
        issuer.jwk("rsa"), issuer.jwk("second", kid="rsa"), issuer.jwk("weak"), issuer.jwk("p384", kid="ec")
    )
    assert not holds(issuer, issuer.token())
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        weak = issuer.token(key="weak")
    assert not holds(issuer, weak)
    assert not holds(issuer, issuer.token(key="ec", algorithm="ES256"))
    issuer.publish(issuer.jwk("p384"), issuer.jwk("ec"))
    assert holds(issuer, issuer.token(key="ec", algorithm="ES256"))
    assert holds(issuer, issuer.token(key="p384", algorithm="ES384"))


def test_a_rolled_over_key_is_found_soon_and_a_withdrawn_one_forgotten(issuer: Issuer) -> None:
    """An unknown name is looked for after ten seconds, and nothing is kept for longer than five minutes."""
    keys = IssuerKeys()
    issuer.publish(issuer.jwk("rsa"))
    assert holds(issuer, issuer.token(), keys)
    issuer.keys["new"] = rsa.generate_private_key(65537, 2048)
    issuer.publish(issuer.jwk("new"))
    fresh = issuer.token(key="new")
    assert not holds(issuer, fresh, keys, NOW + timedelta(seconds=9))
    assert holds(issuer, fresh, keys, NOW + timedelta(seconds=10))
    issuer.publish()
    assert holds(issuer, fresh, keys, NOW + timedelta(minutes=5))
    assert not holds(issuer, fresh, keys, NOW + timedelta(minutes=5, seconds=10))


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize("where", ["status", "headers", "body", "chunk"])
def test_an_issuer_that_drips_is_given_up_in_time(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, secured: bool
) -> None:
    """One octet now and then, wherever it begins: no key in the time given; the next whole answer is heard."""
    monkeypatch.setattr(keys_of_issuers, "_SECONDS_TO_ANSWER", 0.5)
    right = certificate(tmp_path, ["localhost"])
    with Issuer(right if secured else None) as issuer:
        token = issuer.token()
        issuer.drips = {
            "status": b"HTTP/1.1 200",
            "headers": HEAD + b"X: ",
            "body": HEAD + b"\r\n",
            "chunk": CHUNK,
        }[where]
        began_at = time.monotonic()
        assert not holds(issuer, token, ca_file=right)
        assert time.monotonic() - began_at < 5
        issuer.drips = b""
        monkeypatch.setattr(keys_of_issuers, "_SECONDS_TO_ANSWER", 5.0)
        assert holds(issuer, token, ca_file=right)


def test_an_issuer_by_https_must_prove_its_name(tmp_path: Path) -> None:
    """The machine's certificates, or the file that was registered, vouch for it; nobody else, and no other name."""
    for folder in ("right", "wrong", "other"):
        (tmp_path / folder).mkdir()
    right = certificate(tmp_path / "right", ["localhost"])
    wrong = certificate(tmp_path / "wrong", ["localhost"])
    other = certificate(tmp_path / "other", ["idp.example.test"])
    with Issuer(right) as issuer:
        assert holds(issuer, issuer.token(), ca_file=right)
        assert not holds(issuer, issuer.token(), ca_file=wrong)
        assert not holds(issuer, issuer.token())
    with Issuer(other) as issuer:
        assert not holds(issuer, issuer.token(), ca_file=other)
