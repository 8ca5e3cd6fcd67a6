"""Why a sign-in is refused: outside they are one sentence and one code, inside each is its own."""

from typing import ClassVar

from idp.domain.errors import (
    DirectoryUnavailable,
    Malformed,
    PasswordChangeNeeded,
    Refused,
    SignInRefused,
)
from idp.domain.identity import AccountState


class DirectoryRefusal(SignInRefused):
    """The directory was asked, or need not be, and the answer is no; `reason` is for the audit only."""

    reason: ClassVar[str] = "directory-refusal"

    def __init__(self, cause: str = "", *, account_key: str = "", username: str = "") -> None:
        """Keep whom it concerns, where that is known."""
        super().__init__(cause or self.reason)
        self.account_key = account_key
        self.username = username


class WrongPassword(DirectoryRefusal):
    """The person is known, the password is not theirs."""

    reason = "wrong-password"


class UnknownPerson(DirectoryRefusal):
    """Nobody, or more than one, goes by this name."""

    reason = "unknown-person"


class AccountDisabled(DirectoryRefusal):
    """The account is switched off in the directory."""

    reason = "account-disabled"


class AccountLocked(DirectoryRefusal):
    """The directory has locked the account for a while."""

    reason = "account-locked"


class AccountExpired(DirectoryRefusal):
    """The account's own end has passed, or its beginning has not come."""

    reason = "account-expired"


class OutsideHours(DirectoryRefusal):
    """The directory lets this person in at other hours only."""

    reason = "outside-hours"


class WrongWorkstation(DirectoryRefusal):
    """The directory lets this person in from other computers only."""

    reason = "wrong-workstation"


class PasswordExpired(DirectoryRefusal, PasswordChangeNeeded):
    """The password was right, and is too old; whoever has shown it is told."""

    reason = "password-expired"
    sentence = "Your password has expired: it has to be changed before you can sign in."


class MustChangePassword(DirectoryRefusal, PasswordChangeNeeded):
    """The password was right, and was given by somebody else; whoever has shown it is told."""

    reason = "must-change-password"
    sentence = "Your password was reset: you have to choose one of your own before you can sign in."


class AccountSpared(DirectoryRefusal):
    """One more wrong password might lock the account in the directory; none was sent."""

    reason = "account-spared"


class UnsendableName(DirectoryRefusal):
    """No name that a directory could hold; nothing was asked."""

    reason = "unsendable-name"


class UnsendablePassword(DirectoryRefusal):
    """Empty, blank, cut by a NUL, or too long: a server might take it for an anonymous bind; none was sent.

    RFC 4513 section 5.1.2: a name with an empty password is an unauthenticated bind, which may succeed.
    """

    reason = "unsendable-password"


class PasswordNotAnswered(DirectoryUnavailable):
    """A password was sent and no answer came: the directory may have counted it, or may yet do so."""


class NewPasswordRefused(Malformed):
    """The old password was right; the new one is not what the directory's policy wants."""

    code = "new-password-refused"
    sentence = "The company directory does not take this password."


class PasswordNotChangeable(Refused):
    """The directory does not let this person change the password, or not in this way."""

    code = "password-not-changeable"
    sentence = "This password cannot be changed here. Please ask your administrators."


REFUSAL_OF: dict[AccountState, type[DirectoryRefusal]] = {
    AccountState.DISABLED: AccountDisabled,
    AccountState.LOCKED: AccountLocked,
    AccountState.EXPIRED: AccountExpired,
    AccountState.PASSWORD_EXPIRED: PasswordExpired,
    AccountState.MUST_CHANGE: MustChangePassword,
    AccountState.OUTSIDE_HOURS: OutsideHours,
    AccountState.WRONG_WORKSTATION: WrongWorkstation,
}
