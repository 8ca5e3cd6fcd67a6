"""Session tokens that carry their own claims, sealed: nothing to store, nothing to look up."""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32

_NONCE_BYTES = 12
_SECRET_BYTES = 30  # forty characters of base64, as AWS's secret keys have


@dataclass(frozen=True, slots=True)
class Session:
    """Who somebody is while the session lasts."""

    role_arn: str
    role_id: str
    role_name: str
    partition: str
    account: str
    session_name: str
    issued_at: datetime
    ends_at: datetime
    source_identity: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()
    # Carried as they came: the local AWS has no resources that they could narrow.
    session_policy: str | None = None
    session_policy_arns: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """The name AWS gives to a role that somebody has taken; the role's path is no part of it."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.role_name}/{self.session_name}"

    @property
    def user_id(self) -> str:
        """The identifier AWS gives to it."""
        return f"{self.role_id}:{self.session_name}"

    def claims(self) -> dict[str, object]:
        """Give the session as what JSON can carry."""
        return {
            "role": self.role_arn,
            "role_id": self.role_id,
            "role_name": self.role_name,
            "partition": self.partition,
            "account": self.account,
            "name": self.session_name,
            "issued": self.issued_at.timestamp(),
            "ends": self.ends_at.timestamp(),
            "source": self.source_identity,
            "tags": dict(self.tags),
            "transitive": list(self.transitive_tag_keys),
            "policy": self.session_policy,
            "policy_arns": list(self.session_policy_arns),
        }


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary keys; their `repr` shows the identifier alone."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


class Vault:
    """Seals claims for one purpose each, and opens only what it has sealed for that purpose."""

    def __init__(self, key: bytes) -> None:
        self._sealing = AESGCM(_derive(key, "sealing"))
        self._secrets = _derive(key, "secret access keys")

    def seal(self, purpose: str, claims: Mapping[str, object], *, at_least: int = 0) -> str:
        """Give the claims as one text that nobody else can read or change, padded to a length on demand."""
        # Blanks after JSON mean nothing, so they can fill any length; three bytes become four characters.
        content = json.dumps(claims, separators=(",", ":")).encode().ljust(at_least * 3 // 4)
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._sealing.encrypt(nonce, content, purpose.encode())).decode()

    def open(self, purpose: str, sealed: str) -> dict[str, Any] | None:
        """Give the claims back, or nothing if this is not a text that we sealed for this purpose."""
        try:
            raw = base64.b64decode(sealed.encode("ascii"), validate=True)
            content = self._sealing.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return cast("dict[str, Any]", json.loads(content))

    def issue(self, session: Session, *, smallest_token: int = 0) -> Credentials:
        """Give fresh keys for a session; the token alone is enough to check what they sign."""
        access_key_id = "ASIA" + base64.b32encode(os.urandom(10)).decode()
        claims = session.claims() | {"key": access_key_id}
        return Credentials(
            access_key_id=access_key_id,
            secret_access_key=self.secret_access_key(access_key_id),
            session_token=self.seal("session token", claims, at_least=smallest_token),
        )

    def secret_access_key(self, access_key_id: str) -> str:
        """Give the secret that belongs to an access key; only the holder of the sealing key can."""
        digest = hmac.digest(self._secrets, access_key_id.encode(), hashlib.sha256)
        return base64.b64encode(digest[:_SECRET_BYTES]).decode()

    def open_session(self, purpose: str, sealed: str) -> tuple[Session, dict[str, Any]] | None:
        """Give the session of a sealed text and the claims around it, or nothing if it is not one of ours."""
        claims = self.open(purpose, sealed)
        return None if claims is None else (_read_session(claims), claims)


def _read_session(claims: Mapping[str, Any]) -> Session:
    return Session(
        role_arn=claims["role"],
        role_id=claims["role_id"],
        role_name=claims["role_name"],
        partition=claims["partition"],
        account=claims["account"],
        session_name=claims["name"],
        issued_at=datetime.fromtimestamp(claims["issued"], UTC),
        ends_at=datetime.fromtimestamp(claims["ends"], UTC),
        source_identity=claims["source"],
        tags=claims["tags"],
        transitive_tag_keys=tuple(claims["transitive"]),
        session_policy=claims["policy"],
        session_policy_arns=tuple(claims["policy_arns"]),
    )


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, b"local aws: " + purpose.encode(), hashlib.sha256)
