"""Strict JOSE (RFC 7515, RFC 8725): an allowed algorithm, one named key of the issuer's, one meaning.

What a header says about keys elsewhere (`jku`, `x5u`, `jwk`, `x5c`) refuses the token: it is never looked at.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.oidc.errors import TokenRefused

LONGEST_TOKEN: Final = 20_000
LONGEST_KEY_ID: Final = 255
# Good algorithms, which AWS does not take from issuers: STS would refuse what was let through here.
NOT_TAKEN_BY_AWS: Final = ("PS256", "PS384", "PS512", "EdDSA", "Ed25519", "Ed448", "ES256K")
FAMILIES: Final = {"RS": "RSA", "ES": "EC"}
CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
RSA_BITS: Final = range(2_048, 8_193)
HEADERS: Final = frozenset({"alg", "kid", "typ"})
TYPES: Final = frozenset({"JWT", "AT+JWT"})
compact_grammar = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
key_id_grammar = re.compile(r"[!-~]+", re.ASCII)

Jwk = Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class UnverifiedToken:
    """A token whose form was accepted; nothing in it has been verified."""

    text: str
    algorithm: str
    key_id: str
    unverified_issuer: str

    def __repr__(self) -> str:
        return "UnverifiedToken(…)"


def read_token(text: str) -> UnverifiedToken:
    """The token as one of the form that is read here; refuses everything that asks for more than that."""
    if len(text) > LONGEST_TOKEN or not compact_grammar.fullmatch(text):
        raise TokenRefused("token.form")
    header, payload = (read_object(_decoded(part)) for part in text.split(".")[:2])
    if not header.keys() <= HEADERS or str(header.get("typ", "JWT")).upper() not in TYPES:
        raise TokenRefused("token.header")
    algorithm, key_id, issuer = header.get("alg"), header.get("kid"), payload.get("iss")
    if algorithm in NOT_TAKEN_BY_AWS:
        raise TokenRefused("token.alg.not-taken-by-aws")
    if not isinstance(algorithm, str) or algorithm[:2] not in FAMILIES:
        raise TokenRefused("token.alg")
    if not isinstance(key_id, str) or len(key_id) > LONGEST_KEY_ID or not key_id_grammar.fullmatch(key_id):
        raise TokenRefused("token.kid")
    if not isinstance(issuer, str) or not issuer:
        raise TokenRefused("token.iss")
    return UnverifiedToken(text=text, algorithm=algorithm, key_id=key_id, unverified_issuer=issuer)


def verified_claims(
    token: UnverifiedToken, *, keys: list[Jwk], algorithms: tuple[str, ...]
) -> Mapping[str, Any]:
    """What this issuer's key covers; refuses another algorithm, and a key that is not there or not one alone."""
    if token.algorithm not in algorithms:
        raise TokenRefused("token.alg")
    fitting = [key for key in keys if _may_verify(key, token.algorithm)]
    if len(fitting) != 1:
        raise TokenRefused("token.key")
    try:
        key = jwt.PyJWK.from_dict(dict(fitting[0]), algorithm=token.algorithm)
        if not _is_strong(key.key, token.algorithm):
            raise TokenRefused("token.key.weak")
        content = jwt.PyJWS().decode(token.text, key, algorithms=[token.algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        raise TokenRefused("token.signature") from None
    return read_object(content)


def read_object(octets: bytes) -> dict[str, Any]:
    """The JSON object; refuses names that stand in it twice, of which two readers may believe one each."""
    try:
        found = json.loads(
            octets.decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except (RecursionError, ValueError):
        raise TokenRefused("token.json") from None
    if not isinstance(found, dict):
        raise TokenRefused("token.json")
    return found


def _may_verify(key: Jwk, algorithm: str) -> bool:
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == FAMILIES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and key.get("alg", algorithm) == algorithm
    )


def _is_strong(key: object, algorithm: str) -> bool:
    """A public key of a lawful size; one that was published with its private half is nobody's secret."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == CURVES.get(algorithm)


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise TokenRefused("token.base64") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refuse_constant(_: str) -> None:
    """JSON knows neither NaN nor Infinity."""
    raise ValueError
