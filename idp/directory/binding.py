"""One try of one password: whether the server takes it, and what it says of account and password besides."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ldap
from ldap.controls import KNOWN_RESPONSE_CONTROLS
from ldap.controls.ppolicy import PasswordPolicyControl
from pyasn1.error import PyAsn1Error

from idp.directory.links import Link
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import AccountState

# 389 Directory Server says UNWILLING_TO_PERFORM for a locked account, some servers NO_SUCH_OBJECT for
# an unknown name, and all INAPPROPRIATE_AUTH for an entry without a password.
REFUSED = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.NO_SUCH_OBJECT,
    ldap.UNWILLING_TO_PERFORM,
    ldap.INVALID_DN_SYNTAX,
)
# Active Directory says why in the text of its answer, as a Windows error number ([MS-ERREF] 2.2). But for the
# lock, it says so only to whoever has the right password.
sub_code = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]{1,8}),", re.ASCII)
STATE_OF_SUB_CODE = {
    0x530: AccountState.OUTSIDE_HOURS,
    0x531: AccountState.WRONG_WORKSTATION,
    0x532: AccountState.PASSWORD_EXPIRED,
    0x533: AccountState.DISABLED,
    0x701: AccountState.EXPIRED,
    0x773: AccountState.MUST_CHANGE,
    0x775: AccountState.LOCKED,
}
# draft-behera-ldap-password-policy section 6.2. But for the lock, likewise.
STATE_OF_POLICY_ERROR = {
    0: AccountState.PASSWORD_EXPIRED,
    1: AccountState.LOCKED,
    2: AccountState.MUST_CHANGE,
}
# An empty sequence: nothing to say, which is what most binds are answered.
NOTHING_SAID = b"\x30\x00"


class PolicyAnswer(PasswordPolicyControl):  # type: ignore[misc] # python-ldap publishes no types
    """What the server says of the password policy; not taken apart where that is nothing."""

    def decodeControlValue(self, encodedControlValue: bytes) -> None:  # noqa: N802, N803 - python-ldap's protocol
        """Read the value as the draft's section 6.2 has it."""
        if encodedControlValue != NOTHING_SAID:
            super().decodeControlValue(encodedControlValue)


KNOWN_RESPONSE_CONTROLS[PolicyAnswer.controlType] = PolicyAnswer


@dataclass(frozen=True, slots=True)
class BindAnswer:
    """What came of one bind; `state` is what the server says of the account, None where it says nothing.

    `password_for` is how long the password still holds and `grace_sign_ins` how often it opens though it has
    expired, where the server says so.
    """

    accepted: bool
    state: AccountState | None = None
    password_for: timedelta | None = None
    grace_sign_ins: int | None = None


def bind(link: Link, dn: str, password: str, *, seconds: float) -> BindAnswer:
    """What the server says to this password for this entry; the connection stays usable either way."""
    try:
        _, _, _, controls = link.result3(
            link.simple_bind(dn, password, serverctrls=[PasswordPolicyControl()]), timeout=seconds
        )
    except REFUSED as error:
        return _refused(error)
    except PyAsn1Error as error:
        raise DirectoryUnavailable("the answer about the password policy cannot be read") from error
    policy = policy_answer(controls)
    if policy is None:
        return BindAnswer(accepted=True)
    left = policy.timeBeforeExpiration
    return BindAnswer(
        accepted=True,
        state=STATE_OF_POLICY_ERROR.get(policy.error),
        password_for=None if left is None else timedelta(seconds=left),
        grace_sign_ins=policy.graceAuthNsRemaining,
    )


def policy_answer(controls: list[Any]) -> Any | None:
    """What the server says of the password policy (draft-behera-ldap-password-policy 6.2), if anything."""
    return next((control for control in controls if isinstance(control, PasswordPolicyControl)), None)


def policy_of_error(error: ldap.LDAPError) -> Any | None:
    """The same from a refusal, whose controls come as they stood on the wire."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    for oid, _, value in said.get("ctrls") or ():
        if oid == PasswordPolicyControl.controlType and value:
            answer = PolicyAnswer()
            try:
                answer.decodeControlValue(value)
            except PyAsn1Error:
                return None
            return answer
    return None


def diagnostic_of(error: ldap.LDAPError) -> str:
    """The server's own words for the log; they hold no password."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return str(said.get("info", ""))


def _refused(error: ldap.LDAPError) -> BindAnswer:
    code = sub_code.search(diagnostic_of(error))
    if code is not None:
        return BindAnswer(accepted=False, state=STATE_OF_SUB_CODE.get(int(code[1], 16)))
    policy = policy_of_error(error)
    return BindAnswer(accepted=False, state=STATE_OF_POLICY_ERROR.get(policy.error) if policy else None)
