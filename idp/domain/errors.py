"""The two roots of every error: `Refused` (you may not) and `Unavailable` (we cannot now).

Each error has a code, a sentence for the person, and a private cause that goes to the log and the
audit only. The kinds below say what sort of refusal it is; the HTTP rooms turn kinds into statuses.
"""

from typing import ClassVar


class Refused(Exception):  # noqa: N818 - the house's word for "you may not"
    """This will not be done, however often it is asked."""

    code: ClassVar[str] = "refused"
    sentence: ClassVar[str] = "This is not allowed."

    def __init__(self, cause: str = "", *, sentence: str | None = None) -> None:
        """Keep the private cause; `sentence` replaces the class's words for the person."""
        super().__init__(cause or self.code)
        self.cause = cause or self.code
        self.told = sentence or type(self).sentence


class Malformed(Refused):
    """What was sent is not of the form that was asked for."""

    code = "malformed"
    sentence = "What was sent could not be read. Please go back and try again."


class NotFound(Refused):
    """There is no such thing, or it is not for this person to know."""

    code = "not-found"
    sentence = "There is nothing at this address."


class Throttled(Refused):
    """Too many tries; `retry_after` is in seconds."""

    code = "too-many-tries"
    sentence = "Too many tries. Please wait a little and try again."

    def __init__(self, cause: str = "", *, retry_after: int, sentence: str | None = None) -> None:
        """Keep how long to wait."""
        super().__init__(cause, sentence=sentence)
        self.retry_after = retry_after


class SignInNeeded(Refused):
    """Nobody is signed in, or the sign-in has ended."""

    code = "sign-in-needed"
    sentence = "Please sign in."


class SignInRefused(Refused):
    """Wrong password, unknown name, or an account that may not sign in: outside they look alike."""

    code = "sign-in-refused"
    sentence = "The name or the password is not right, or this account may not sign in."


class PasswordChangeNeeded(SignInRefused):
    """The password is right, and a new one must be chosen before it opens anything."""

    code = "password-change-needed"
    sentence = "Your password has to be changed before you can sign in."


class RoleNotGranted(Refused):
    """No rule gives this person this role now."""

    code = "role-not-granted"
    sentence = "You do not have this role. Ask your administrators if you should have it."


class Unavailable(Exception):  # noqa: N818 - the house's word for "we cannot now"
    """This cannot be done now; trying again later may help."""

    code: ClassVar[str] = "unavailable"
    sentence: ClassVar[str] = "This does not work at the moment. Please try again in a minute."
    retry_after: ClassVar[int] = 5

    def __init__(self, cause: str = "", *, sentence: str | None = None) -> None:
        """Keep the private cause; `sentence` replaces the class's words for the person."""
        super().__init__(cause or self.code)
        self.cause = cause or self.code
        self.told = sentence or type(self).sentence


class DirectoryUnavailable(Unavailable):
    """No directory server answered, or the answer was not complete."""

    code = "directory-unavailable"
    sentence = "The company directory cannot be reached at the moment. Please try again in a minute."


class SigningUnavailable(Unavailable):
    """There is no signing key that may be used."""

    code = "signing-unavailable"
    sentence = "Access cannot be given out at the moment. Your administrators have been told why."
