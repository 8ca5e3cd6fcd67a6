"""Strict JOSE (RFC 7515, RFC 8725): one algorithm family, one named key of the issuer's, one meaning."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.web_identity.keys import IssuerKeys, Jwk
from sts_bridge.local_aws.world.model import OidcProvider

ALGORITHMS: Final = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
}

_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_SHORTEST_RSA_KEY = 2_048
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_LONGEST_KEY_ID = 1_024


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token whose form was accepted; nothing in it has been verified."""

    text: str
    algorithm: str
    key_id: str
    unverified_issuer: str


def read_token(text: str) -> UnverifiedToken:
    """Give the token as one of the form that we read; refuses other algorithms, no key named, and `crit`."""
    if not _COMPACT.fullmatch(text):
        raise invalid_token(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            "oidc.form",
        )
    header, payload = (_read_part(part) for part in text.split(".")[:2])
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise invalid_token("The token is signed with an algorithm that is not supported.", "oidc.alg")
    if "crit" in header or str(header.get("typ", "JWT")).upper() != "JWT":
        raise invalid_token("The token's header is not supported.", "oidc.header")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= _LONGEST_KEY_ID:
        raise invalid_token("The token does not name its key.", "oidc.kid")
    issuer = payload.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise invalid_token("Missing a required claim: iss", "oidc.iss.missing")
    return UnverifiedToken(text=text, algorithm=algorithm, key_id=key_id, unverified_issuer=issuer)


def verified_claims(
    token: UnverifiedToken, *, provider: OidcProvider, keys: IssuerKeys, now: datetime
) -> Mapping[str, Any]:
    """Give the claims that the issuer's key covers; refuses a key that is not there, or not one alone."""
    found = [key for key in keys.find(provider, token.key_id, now=now) if _may_verify(key, token.algorithm)]
    if len(found) != 1:
        raise invalid_token("No matching key was found for the token.", "oidc.key")
    try:
        key = jwt.PyJWK.from_dict(dict(found[0]), algorithm=token.algorithm)
        _refuse_weak(key.key, token.algorithm)
        content = jwt.PyJWS().decode(token.text, key, algorithms=[token.algorithm])
    except (jwt.PyJWTError, ValueError) as problem:
        raise invalid_token("Token signature invalid", "oidc.signature") from problem
    return _read_object(content)


def invalid_token(message: str, reason: str) -> AwsError:
    """Give the refusal of a token that is not what AWS takes."""
    return AwsError("InvalidIdentityToken", message, reason=reason)


def _may_verify(key: Jwk, algorithm: str) -> bool:
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == ALGORITHMS[algorithm]
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and key.get("alg", algorithm) == algorithm
    )


def _refuse_weak(key: object, algorithm: str) -> None:
    strong = (
        key.key_size >= _SHORTEST_RSA_KEY
        if isinstance(key, rsa.RSAPublicKey)
        else isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == _CURVES.get(algorithm)
    )
    if not strong:
        raise invalid_token("The token's key is too weak or of another kind.", "oidc.key.weak")


def _read_part(part: str) -> dict[str, Any]:
    try:
        return _read_object(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except binascii.Error:
        raise invalid_token("The token cannot be read.", "oidc.base64") from None


def _read_object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_without_doubles)
    except (RecursionError, ValueError):
        raise invalid_token("The token cannot be read.", "oidc.json") from None
    if not isinstance(found, dict):
        raise invalid_token("The token cannot be read.", "oidc.json")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers may each believe another one of the two."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
