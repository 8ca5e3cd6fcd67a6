"""The state of an account from what its entry shows."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.directory.account_state import failures_in, password_ends_at, state_of
from idp.directory.moments import BEGIN_OF_FILE_TIME
from idp.domain.identity import AccountState
from idp.domain.password_policy import Lockout

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NEVER = 0x7FFF_FFFF_FFFF_FFFF


def file_time(moment: datetime) -> bytes:
    """The moment as Active Directory writes it."""
    return str((moment - BEGIN_OF_FILE_TIME) // timedelta(microseconds=1) * 10).encode()


def generalized(moment: datetime) -> bytes:
    """The moment as LDAP writes it."""
    return moment.strftime("%Y%m%d%H%M%SZ").encode()


EARLIER, LATER = NOW - timedelta(minutes=10), NOW + timedelta(minutes=10)


@pytest.mark.attack("LD-07")
@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        ({}, AccountState.ENABLED),
        # a password policy of OpenLDAP
        ({"pwdAccountLockedTime": [b"000001010000Z"]}, AccountState.DISABLED),
        ({"pwdAccountLockedTime": [generalized(EARLIER)]}, AccountState.LOCKED),
        ({"pwdReset": [b"TRUE"]}, AccountState.MUST_CHANGE),
        ({"pwdReset": [b"FALSE"]}, AccountState.ENABLED),
        ({"pwdEndTime": [generalized(EARLIER)]}, AccountState.EXPIRED),
        ({"pwdEndTime": [generalized(LATER)]}, AccountState.ENABLED),
        ({"pwdEndTime": [b"20260302092959.999999Z"]}, AccountState.EXPIRED),
        ({"pwdEndTime": [b"nonsense"]}, AccountState.EXPIRED),
        ({"pwdStartTime": [generalized(LATER)]}, AccountState.DISABLED),
        ({"pwdStartTime": [generalized(EARLIER)]}, AccountState.ENABLED),
        ({"pwdStartTime": [b"20990101000000+0000"]}, AccountState.DISABLED),
        ({"pwdStartTime": [b"209901010000Z"]}, AccountState.DISABLED),
        ({"pwdStartTime": [b"tomorrow"]}, AccountState.DISABLED),
        ({"pwdStartTime": [b""]}, AccountState.DISABLED),
        ({"pwdStartTime": [b"20260302103000+0100"]}, AccountState.ENABLED),
        ({"pwdStartTime": [b"202603020930Z"]}, AccountState.ENABLED),
        ({"pwdStartTime": [b"20260302093000+0100", b"20260302093001Z"]}, AccountState.DISABLED),
        ({"pwdAccountLockedTime": [b"00000101000000Z"]}, AccountState.DISABLED),
        ({"pwdEndTime": [b"20260302103000+0100"]}, AccountState.EXPIRED),
        ({"pwdEndTime": [b"20260302083001-0100"]}, AccountState.ENABLED),
        ({"nsAccountLock": [b"TRUE"]}, AccountState.DISABLED),
        ({"nsAccountLock": [b"false"]}, AccountState.ENABLED),
        # Active Directory
        ({"userAccountControl": [b"512"]}, AccountState.ENABLED),
        ({"userAccountControl": [b"514"]}, AccountState.DISABLED),
        ({"userAccountControl": [b"-2147483134"]}, AccountState.DISABLED),
        ({"userAccountControl": [b"-2147483136"]}, AccountState.ENABLED),
        ({"userAccountControl": [b"nonsense"]}, AccountState.DISABLED),
        ({"useraccountcontrol": [b"66050"]}, AccountState.DISABLED),
        ({"accountExpires": [b"0"]}, AccountState.ENABLED),
        ({"accountExpires": [str(NEVER).encode()]}, AccountState.ENABLED),
        ({"accountExpires": [file_time(NOW)]}, AccountState.EXPIRED),
        ({"accountExpires": [file_time(LATER)]}, AccountState.ENABLED),
        ({"accountExpires": [b"soon"]}, AccountState.EXPIRED),
        ({"accountExpires": [b"-9223372036854775808"]}, AccountState.EXPIRED),
        ({"accountExpires": [b"9223372036854775806"]}, AccountState.ENABLED),
        ({"lockoutTime": [b"0"]}, AccountState.ENABLED),
        ({"lockoutTime": [file_time(EARLIER)]}, AccountState.LOCKED),
        (
            {"lockoutTime": [file_time(EARLIER)], "msDS-User-Account-Control-Computed": [b"0"]},
            AccountState.ENABLED,
        ),
        ({"msDS-User-Account-Control-Computed": [b"16"]}, AccountState.LOCKED),
        ({"pwdLastSet": [b"0"], "userAccountControl": [b"512"]}, AccountState.MUST_CHANGE),
        ({"pwdLastSet": [b"0"]}, AccountState.MUST_CHANGE),
        ({"pwdLastSet": [b"0"], "userAccountControl": [b"66048"]}, AccountState.ENABLED),
        ({"pwdLastSet": [file_time(EARLIER)]}, AccountState.ENABLED),
        ({"msDS-User-Account-Control-Computed": [b"8388608"]}, AccountState.PASSWORD_EXPIRED),
        (
            {"msDS-User-Account-Control-Computed": [b"8388608"], "pwdLastSet": [b"0"]},
            AccountState.MUST_CHANGE,
        ),
        ({"msDS-UserPasswordExpiryTimeComputed": [file_time(EARLIER)]}, AccountState.PASSWORD_EXPIRED),
        ({"msDS-UserPasswordExpiryTimeComputed": [file_time(LATER)]}, AccountState.ENABLED),
        # of several, the one that lets the person do least
        (
            {
                "userAccountControl": [b"514"],
                "lockoutTime": [file_time(EARLIER)],
                "accountExpires": [file_time(EARLIER)],
            },
            AccountState.DISABLED,
        ),
        ({"lockoutTime": [file_time(EARLIER)], "pwdLastSet": [b"0"]}, AccountState.LOCKED),
    ],
)
def test_the_state_of_the_account(attributes: dict[str, list[bytes]], state: AccountState) -> None:
    """The state is what the entry says; nothing said is enabled, and what cannot be read is not."""
    assert state_of(attributes, now=NOW) is state


@pytest.mark.attack("LD-07")
@pytest.mark.parametrize("name", ["lockoutTime", "pwdAccountLockedTime"])
def test_a_lock_ends_with_the_policys_time(name: str) -> None:
    """A lock of ten minutes ago holds under a policy of eleven minutes, and is over under one of nine."""
    since = file_time(EARLIER) if name == "lockoutTime" else generalized(EARLIER)
    for minutes, state in ((11, AccountState.LOCKED), (9, AccountState.ENABLED)):
        assert state_of({name: [since]}, now=NOW, lockout_for=timedelta(minutes=minutes)) is state
    assert state_of({name: [b"nonsense"]}, now=NOW, lockout_for=timedelta(minutes=9)) is AccountState.LOCKED


def test_a_failure_of_an_unreadable_moment_counts() -> None:
    """Of a failure whose moment cannot be read nobody knows that it is forgotten; one of long ago is."""
    lockout = Lockout(threshold=5, window=timedelta(minutes=30))
    for moment, failures in ((b"nonsense", 1), (generalized(EARLIER), 1), (b"20260101000000Z", 0)):
        assert failures_in({"pwdFailureTime": [moment]}, lockout, now=NOW) == failures
    for file_moment, failures in ((b"nonsense", 3), (file_time(EARLIER), 3), (b"1", 0)):
        shown = {"badPwdCount": [b"3"], "badPasswordTime": [file_moment]}
        assert failures_in(shown, lockout, now=NOW) == failures


def test_when_the_password_ends() -> None:
    """The computed moment is told where there is one, and never is no moment."""
    assert password_ends_at({"msDS-UserPasswordExpiryTimeComputed": [file_time(LATER)]}) == LATER
    assert password_ends_at({"msDS-UserPasswordExpiryTimeComputed": [str(NEVER).encode()]}) is None
    assert password_ends_at({}) is None
