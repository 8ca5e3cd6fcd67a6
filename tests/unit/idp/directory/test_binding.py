"""What a server's answer to a bind says of the account."""

from typing import Any

import ldap
import pytest

from idp.directory.binding import BindAnswer, bind
from idp.directory.deadline import NO_DEADLINE
from idp.directory.links import Link
from idp.domain.identity import AccountState

POLICY_CONTROL = "1.3.6.1.4.1.42.2.27.8.5.1"


class Refusing:
    """A connection whose server refuses every bind in one way."""

    timeout = 0.0

    def __init__(self, error: ldap.LDAPError) -> None:
        self.error = error

    def simple_bind(self, *_: Any, **__: Any) -> int:
        """Sent."""
        return 1

    def result3(self, *_: Any, **__: Any) -> None:
        """Refused."""
        raise self.error


def refused(**said: Any) -> BindAnswer:
    """The answer of a server that says INVALID_CREDENTIALS and this."""
    connection = Refusing(ldap.INVALID_CREDENTIALS({"desc": "Invalid credentials", **said}))
    return bind(Link(connection, NO_DEADLINE, seconds=1), "", "", seconds=1)


@pytest.mark.attack("LD-07")
@pytest.mark.parametrize(
    ("data", "state"),
    [
        ("52e", None),
        ("525", None),
        ("530", AccountState.OUTSIDE_HOURS),
        ("531", AccountState.WRONG_WORKSTATION),
        ("532", AccountState.PASSWORD_EXPIRED),
        ("533", AccountState.DISABLED),
        ("701", AccountState.EXPIRED),
        ("773", AccountState.MUST_CHANGE),
        ("775", AccountState.LOCKED),
        ("fff", None),
    ],
)
def test_the_sub_codes_of_active_directory(data: str, state: AccountState | None) -> None:
    """Each number that Windows documents is its state; a wrong password and an unknown name say nothing."""
    info = f"80090308: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data {data}, v4563"
    assert refused(info=info) == BindAnswer(accepted=False, state=state)


@pytest.mark.attack("LD-07")
@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("3000", None),
        ("3003810100", AccountState.PASSWORD_EXPIRED),
        ("3003810101", AccountState.LOCKED),
        ("3003810102", AccountState.MUST_CHANGE),
        ("3003810106", None),
        ("30ff", None),
        ("", None),
    ],
)
def test_the_password_policys_control(value: str, state: AccountState | None) -> None:
    """The errors of a bind are states; other ones, none and a broken value are a wrong password."""
    answer = refused(ctrls=[(POLICY_CONTROL, 0, bytes.fromhex(value))])
    assert answer == BindAnswer(accepted=False, state=state)


def test_another_control_says_nothing() -> None:
    """Only the policy's own control is read; without any it is a wrong password."""
    assert refused(ctrls=[("1.2.3", 0, bytes.fromhex("3003810101"))]).state is None
    assert refused().state is None
