"""AWS as an issuer of its own: what it says of a caller to services elsewhere, and the keys that verify it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.world.model import World

ALGORITHMS: Final = ("RS256", "ES384")

_ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class OutboundKey:
    """One key of ours, by its name."""

    algorithm: str
    id: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Give the claims as a signed token."""
        return jwt.encode(dict(claims), self.private, algorithm=self.algorithm, headers={"kid": self.id})

    def published(self) -> dict[str, Any]:
        """Give the public half as it is published."""
        public = self.private.public_key()
        text = (
            jwt.algorithms.RSAAlgorithm.to_jwk(public)
            if isinstance(public, rsa.RSAPublicKey)
            else jwt.algorithms.ECAlgorithm.to_jwk(public)
        )
        told: dict[str, Any] = json.loads(text)
        return {**told, "kid": self.id, "use": "sig", "alg": self.algorithm}


def issuer_of(account: str, world: World) -> str:
    """Give the address under which an account's tokens are issued: our own, and the account in it."""
    parts = urlsplit(min(world.sign_in_urls))
    return f"{parts.scheme}://{parts.netloc}/outbound/{account}"


def issues_tokens(account: str, world: World) -> bool:
    """Tell whether tokens are issued for an account at all."""
    return any(
        known.outbound_web_identity for (_, number), known in world.accounts.items() if number == account
    )


def outbound_key(algorithm: str, state: State) -> OutboundKey:
    """Give the one key of an algorithm, made when it is first asked for."""
    with state.writing() as tables:
        kept = tables.execute("SELECT id, pem FROM outbound_key WHERE algorithm = ?", (algorithm,)).fetchone()
        if kept is None:
            made = (
                rsa.generate_private_key(65_537, 2_048)
                if algorithm == "RS256"
                else ec.generate_private_key(ec.SECP384R1())
            )
            pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            kept = os.urandom(_ID_BYTES).hex(), pem.decode()
            tables.execute("INSERT INTO outbound_key VALUES (?, ?, ?)", (algorithm, *kept))
    private = load_pem_private_key(kept[1].encode(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("the state file holds a key of another kind")
    return OutboundKey(algorithm=algorithm, id=kept[0], private=private)
