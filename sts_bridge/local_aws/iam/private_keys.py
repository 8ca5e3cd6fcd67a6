"""Keys for encrypted statements: at most two, and none that is protected by a password."""

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sts_bridge.local_aws.iam.gate import invalid_input, limit_exceeded, no_such_entity
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.validation import Validator

REQUIRED: Final = "Required"
MODES: Final = (REQUIRED, "Allowed")

_MOST_KEYS = 2
_PEM = "[\u0009\u000a\u000d\u0020-\u00ff]+"


@dataclass(frozen=True, slots=True)
class Change:
    """What a call wants of the encryption of a provider's statements."""

    mode: str | None = None
    add: str | None = None
    remove: str | None = None


def read_change(check: Validator) -> Change:
    """Give what a call says about encryption."""
    return Change(
        mode=check.choice("AssertionEncryptionMode", MODES),
        add=check.optional("AddPrivateKey", shortest=1, longest=16_384, pattern=_PEM, secret=True),
        remove=check.optional("RemovePrivateKey", shortest=22, longest=64, pattern="[A-Z0-9]+"),
    )


def apply(change: Change, provider: str, mode: str | None, *, realm: Realm, now: datetime) -> str | None:
    """Give the mode that holds afterwards, the key added or removed; refuses what AWS refuses, in its words."""
    if change.add is not None and change.remove is not None:
        raise invalid_input(
            "Unable to add and remove private keys in the same request.", "iam.private_key.both"
        )
    mode = change.mode or mode
    keys = dict(realm.saml.private_keys(provider))
    if change.add is not None:
        _refuse_unusable(change.add)
        if len(keys) >= _MOST_KEYS:
            raise limit_exceeded(f"Private key limit of {_MOST_KEYS} is reached.", "iam.private_key.limit")
        number = base64.b32encode(os.urandom(15)).decode()
        realm.saml.add_private_key(number, provider, change.add, now)
        keys[number] = now
    if change.remove is not None:
        if change.remove not in keys:
            raise no_such_entity(
                "Failed to remove private key. The key ID does not match a private key.",
                "iam.private_key.unknown",
            )
        if mode == REQUIRED and len(keys) == 1:
            raise invalid_input(
                "Failed to remove private key. Assertion encryption mode is Required.", "iam.private_key.last"
            )
        realm.saml.remove_private_key(change.remove)
        del keys[change.remove]
    if mode == REQUIRED and not keys:
        raise invalid_input(
            "Unable to set assertion encryption mode to Required because no private key is provided.",
            "iam.private_key.required",
        )
    return mode


def _refuse_unusable(pem: str) -> None:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm, ValueError) as problem:
        raise invalid_input("Invalid private key.", "iam.private_key.invalid") from problem
    if not isinstance(key, RSAPrivateKey):
        raise invalid_input("Invalid private key.", "iam.private_key.kind")
