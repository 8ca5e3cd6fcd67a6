"""Session tokens that carry their own claims, sealed: nothing to store, nothing to look up."""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sts_bridge.local_aws.callers import Caller, read_caller

_NONCE_BYTES = 12
_KEY_ID_BYTES, _ACCOUNT_BYTES, _BELOW_ACCOUNT = 10, 6, 7
_ACCOUNT_MASK = (1 << 40) - 1
_SECRET_BYTES = 30  # forty characters of base64, as AWS's secret keys have


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

    def issue(self, caller: Caller, *, smallest_token: int = 0) -> Credentials:
        """Give fresh keys for a session; the token alone is enough to check what they sign."""
        access_key_id = _fresh_key_id(caller.account)
        claims = caller.claims() | {"key": access_key_id}
        return Credentials(
            access_key_id=access_key_id,
            secret_access_key=self.secret_access_key(access_key_id),
            session_token=self.seal("session token", claims, at_least=smallest_token),
        )

    def secret_access_key(self, access_key_id: str) -> str:
        """Give the secret that belongs to an access key; only the holder of the sealing key can."""
        digest = hmac.digest(self._secrets, access_key_id.encode(), hashlib.sha256)
        return base64.b64encode(digest[:_SECRET_BYTES]).decode()

    def open_caller(self, purpose: str, sealed: str) -> tuple[Caller, dict[str, Any]] | None:
        """Give the caller of a sealed text and the claims around it, or nothing if it is not one of ours."""
        claims = self.open(purpose, sealed)
        return None if claims is None else (read_caller(claims), claims)

    def open_credentials(self, access_key_id: str, token: str) -> Caller | None:
        """Give whose session a token carries, or nothing if it is not ours or belongs to other keys."""
        opened = self.open_caller("session token", token)
        return opened[0] if opened is not None and opened[1].get("key") == access_key_id else None


def account_of_key(access_key_id: str) -> str | None:
    """Give the account that the identifier of a temporary key carries, or nothing if it carries none."""
    try:
        number = int.from_bytes(base64.b32decode(access_key_id.removeprefix("ASIA"))[:_ACCOUNT_BYTES])
    except binascii.Error:
        return None
    return f"{number >> _BELOW_ACCOUNT & _ACCOUNT_MASK:012d}"


def _fresh_key_id(account: str) -> str:
    # Like AWS's own, it holds the account: forty bits after the first one, chance in all others.
    chance = int.from_bytes(os.urandom(_KEY_ID_BYTES))
    below = _BELOW_ACCOUNT + 8 * (_KEY_ID_BYTES - _ACCOUNT_BYTES)
    number = chance & ~(_ACCOUNT_MASK << below) | int(account) << below
    return "ASIA" + base64.b32encode(number.to_bytes(_KEY_ID_BYTES)).decode()


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, b"local aws: " + purpose.encode(), hashlib.sha256)
