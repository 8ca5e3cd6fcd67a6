"""Why a sign-in is refused: outside they are one sentence and one code, inside each is its own."""

from typing import ClassVar

from idp.domain.errors import SignInRefused


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


class UnsendableName(DirectoryRefusal):
    """No name that a directory could hold; nothing was asked."""

    reason = "unsendable-name"


class UnsendablePassword(DirectoryRefusal):
    """Empty, blank, cut by a NUL, or too long: a server might take it for an anonymous bind; none was sent.

    RFC 4513 section 5.1.2: a name with an empty password is an unauthenticated bind, which may succeed.
    """

    reason = "unsendable-password"
