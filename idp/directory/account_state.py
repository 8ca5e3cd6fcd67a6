"""The state of an account as its entry shows it, in Active Directory's words and in those of a password policy.

What stands there and cannot be read counts against the account.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from idp.directory.moments import file_moment, generalized_moment
from idp.domain.identity import AccountState
from idp.domain.password_policy import MARGIN, Lockout

Attributes = Mapping[str, list[bytes]]

# draft-behera-ldap-password-policy section 5.3
LOCKED_TIME, RESET, STARTS, ENDS = "pwdAccountLockedTime", "pwdReset", "pwdStartTime", "pwdEndTime"
# Active Directory; the computed ones are worked out by the controller with the policy that holds for the account.
FLAGS, ACCOUNT_EXPIRES, LOCKOUT_TIME, LAST_SET = (
    "userAccountControl", "accountExpires", "lockoutTime", "pwdLastSet",
)  # fmt: skip
COMPUTED_FLAGS, PASSWORD_EXPIRES = (
    "msDS-User-Account-Control-Computed", "msDS-UserPasswordExpiryTimeComputed",
)  # fmt: skip
# What Active Directory sets on every account; the global catalog has the first of them only.
OF_EVERY_ACCOUNT = (FLAGS, ACCOUNT_EXPIRES, LAST_SET)
# 389 Directory Server and FreeIPA
ACCOUNT_LOCK = "nsAccountLock"
# Which policy holds for the account, and the wrong passwords that the directory has counted.
RESULTANT_POLICY, POLICY_SUBENTRY = "msDS-ResultantPSO", "pwdPolicySubentry"
# Like the name of the policy it is in no property set ([MS-ADA3]), but every entry has one: where it is hidden, the
# name would be too.
BESIDE_ALL_SETS = "uSNChanged"
BAD_COUNT, BAD_TIME, FAILURE_TIME = "badPwdCount", "badPasswordTime", "pwdFailureTime"
STATE_ATTRIBUTES = (
    LOCKED_TIME, RESET, STARTS, ENDS, FLAGS, ACCOUNT_EXPIRES, LOCKOUT_TIME, LAST_SET, COMPUTED_FLAGS,
    PASSWORD_EXPIRES, ACCOUNT_LOCK, RESULTANT_POLICY, POLICY_SUBENTRY, BAD_COUNT, BAD_TIME, FAILURE_TIME,
)  # fmt: skip

# Locked for good, only an administrator opens it: the year 0, with seconds or without them.
LOCKED_FOR_GOOD = "00000101"
# [MS-ADTS] 2.2.16
ACCOUNT_DISABLE, LOCKOUT, DONT_EXPIRE_PASSWORD, SMARTCARD_REQUIRED, PASSWORD_EXPIRED = (
    0x2, 0x10, 0x10000, 0x40000, 0x800000,
)  # fmt: skip
# [MS-ADTS] 2.2.18 and `accountExpires`: both mean never.
NEVER = frozenset({0, 0x7FFF_FFFF_FFFF_FFFF})

whole_number = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def state_of(attributes: Attributes, *, now: datetime, lockout_for: timedelta | None = None) -> AccountState:
    """The state of the account at this moment; of several the one that lets the person do least.

    `lockout_for` is how long a lock lasts by the policy; without it, one that was set still holds.
    """
    if _is_disabled(attributes, now):
        return AccountState.DISABLED
    if any(
        end is None or end <= now
        for end in (*file_times(attributes, ACCOUNT_EXPIRES), *moments(attributes, ENDS))
    ):
        return AccountState.EXPIRED
    if _is_locked(attributes, now, lockout_for):
        return AccountState.LOCKED
    if _must_change(attributes):
        return AccountState.MUST_CHANGE
    if _password_is_over(attributes, now):
        return AccountState.PASSWORD_EXPIRED
    return AccountState.ENABLED


def password_ends_at(attributes: Attributes) -> datetime | None:
    """When the password will have expired, where the entry tells."""
    return next(file_times(attributes, PASSWORD_EXPIRES), None)


def failures_in(attributes: Attributes, lockout: Lockout, *, now: datetime) -> int:
    """How many wrong passwords the directory counts for this account at this moment."""
    window = lockout.window

    def is_remembered(moment: datetime | None) -> bool:
        return window is None or moment is None or moment + window + MARGIN > now

    bad = max((count or 0 for count in numbers(attributes, BAD_COUNT)), default=0)
    if not all(is_remembered(moment) for moment in file_times(attributes, BAD_TIME)):
        bad = 0
    failed = sum(is_remembered(moment) for moment in moments(attributes, FAILURE_TIME))
    return max(bad, failed)


def _is_disabled(attributes: Attributes, now: datetime) -> bool:
    return (
        any(word.startswith(LOCKED_FOR_GOOD) for word in words(attributes, LOCKED_TIME))
        or _has(attributes, FLAGS, ACCOUNT_DISABLE)
        or any(word.upper() != "FALSE" for word in words(attributes, ACCOUNT_LOCK))
        or any(begin is None or begin > now for begin in moments(attributes, STARTS))
    )


def _is_locked(attributes: Attributes, now: datetime, lockout_for: timedelta | None) -> bool:
    if words(attributes, COMPUTED_FLAGS):
        return _has(attributes, COMPUTED_FLAGS, LOCKOUT)
    since = (*file_times(attributes, LOCKOUT_TIME), *moments(attributes, LOCKED_TIME))
    return any(lockout_for is None or begin is None or begin + lockout_for > now for begin in since)


def _must_change(attributes: Attributes) -> bool:
    if any(word.upper() != "FALSE" for word in words(attributes, RESET)):
        return True
    return 0 in numbers(attributes, LAST_SET) and not _keeps_password(attributes)


def _password_is_over(attributes: Attributes, now: datetime) -> bool:
    if _has(attributes, COMPUTED_FLAGS, PASSWORD_EXPIRED):
        return True
    return not _keeps_password(attributes) and any(
        end is None or end <= now for end in file_times(attributes, PASSWORD_EXPIRES)
    )


def _keeps_password(attributes: Attributes) -> bool:
    return bool(words(attributes, FLAGS)) and _has(
        attributes, FLAGS, DONT_EXPIRE_PASSWORD | SMARTCARD_REQUIRED, unreadable=False
    )


def _has(attributes: Attributes, name: str, flags: int, *, unreadable: bool = True) -> bool:
    """Whether one of these flags is set; what cannot be read counts as `unreadable` says."""
    return any(unreadable if value is None else bool(value & flags) for value in numbers(attributes, name))


def numbers(attributes: Attributes, name: str) -> list[int | None]:
    """The values as whole numbers, None in the place of what is none."""
    return [int(word) if whole_number.fullmatch(word) else None for word in words(attributes, name)]


def moments(attributes: Attributes, name: str) -> Iterator[datetime | None]:
    """The values as moments, None in the place of what is none."""
    return (generalized_moment(word) for word in words(attributes, name))


def file_times(attributes: Attributes, name: str) -> Iterator[datetime | None]:
    """The values as moments without those that mean never, None in the place of what is none."""
    for value in numbers(attributes, name):
        moment = None if value is None else file_moment(value)
        is_beyond_all_calendars = moment is None and value is not None and value > 0
        if value not in NEVER and not is_beyond_all_calendars:
            yield moment


def words(attributes: Attributes, name: str) -> list[str]:
    """The values as text, whatever they hold."""
    values = attributes.get(name)
    if values is None:
        wanted, length = name.lower(), len(name)
        values = next(
            (found for key, found in attributes.items() if len(key) == length and key.lower() == wanted), []
        )
    return [value.decode("ascii", errors="replace").strip() for value in values]
