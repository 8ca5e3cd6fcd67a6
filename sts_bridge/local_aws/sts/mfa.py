"""Second factors: the six digits that a user's device shows now (RFC 6238), each taken once."""

import hashlib
import hmac
from datetime import datetime, timedelta

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.errors import access_denied
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.world.model import MfaDevice

STEP = timedelta(seconds=30)

_KEEP_MARKS_FOR = timedelta(minutes=5)


def read_factor(check: Validator) -> tuple[str | None, str | None]:
    """Give the device and the digits that a call names."""
    serial = check.optional("SerialNumber", shortest=9, longest=256, pattern=r"[\w+=/:,.@-]*")
    code = check.optional("TokenCode", shortest=6, longest=6, pattern=r"[\d]*", secret=True)
    return serial, code


def proven_at(
    factor: tuple[str | None, str | None], caller: Caller, *, realm: Realm, now: datetime
) -> datetime | None:
    """Give when the caller proved a second factor, or nothing if none was named.

    Refuses half a proof, a device of somebody else, digits that are wrong, and digits that were used already.
    """
    serial, code = factor
    if serial is None and code is None:
        return caller.mfa_at
    user = realm.world.users.get(caller.principal_arn)
    if serial is None or code is None:
        raise access_denied(
            "sts.mfa.half",
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
        )
    device = next((known for known in (user.devices if user else ()) if known.serial == serial), None)
    if device is None or caller.kind is Kind.ROLE:
        raise access_denied(
            "sts.mfa.device",
            "MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number is "
            "valid and associated with this user.",
        )
    step = _matching_step(device, code, now)
    mark = ("mfa", serial, str(step))
    if step is None or not realm.state.claim(mark, until=now + _KEEP_MARKS_FOR, now=now):
        raise access_denied(
            "sts.mfa.code", "MultiFactorAuthentication failed with invalid MFA one time pass code."
        )
    return now


def digits(seed: bytes, step: int) -> str:
    """Give what a device shows in one step of time."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), hashlib.sha1)
    at = digest[-1] & 0xF
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def _matching_step(device: MfaDevice, code: str, now: datetime) -> int | None:
    current = int(now.timestamp()) // int(STEP.total_seconds())
    for step in (current, current - 1, current + 1):
        if hmac.compare_digest(digits(device.seed, step), code):
            return step
    return None
