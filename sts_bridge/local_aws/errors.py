"""What the local AWS answers when it refuses, in AWS's own codes and sentences."""

from http import HTTPStatus

INVALID_STATEMENT = "Your request included an invalid SAML response."
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithSAML"
SIGNATURE_INVALID = "Response signature invalid"


class WorldError(Exception):
    """The world file does not describe a world; the text says what, and `at` or `line` where."""

    def __init__(self, message: str, *, at: tuple[str | int, ...] = (), line: int | None = None) -> None:
        super().__init__(message)
        self.at = at
        self.line = line


class AwsError(Exception):
    """A refusal as AWS words it, with a machine reason that only the log shows."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        reason: str,
        details: str | None = None,
        encoded: str | None = None,
    ) -> None:
        super().__init__(code, reason)
        self.code = code
        self.message = message
        self.status = status
        self.reason = reason
        # What decided, for the log; the same, sealed, for whoever may have it decoded.
        self.details = details
        self.encoded = encoded


def invalid_statement(reason: str, message: str = INVALID_STATEMENT) -> AwsError:
    """Give the refusal of a statement that is not what AWS takes."""
    return AwsError("InvalidIdentityToken", message, status=HTTPStatus.BAD_REQUEST, reason=reason)


def invalid_signature(reason: str) -> AwsError:
    """Give the refusal of a statement that the registered keys did not sign."""
    return invalid_statement(reason, SIGNATURE_INVALID)


def expired_statement(reason: str, message: str = "Response has expired") -> AwsError:
    """Give the refusal of a statement that comes too late."""
    return AwsError("ExpiredTokenException", message, status=HTTPStatus.BAD_REQUEST, reason=reason)


def access_denied(reason: str, message: str = NOT_AUTHORIZED) -> AwsError:
    """Give the refusal of something that the caller may not do; of a role, unless it says otherwise."""
    return AwsError("AccessDenied", message, status=HTTPStatus.FORBIDDEN, reason=reason)


def validation_error(message: str, reason: str) -> AwsError:
    """Give the refusal of a parameter outside its limits."""
    return AwsError("ValidationError", message, status=HTTPStatus.BAD_REQUEST, reason=reason)
