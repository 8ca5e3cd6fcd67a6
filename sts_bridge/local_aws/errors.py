"""What the local AWS answers when it refuses, in AWS's own codes and sentences."""

from http import HTTPStatus

INVALID_STATEMENT = "Your request included an invalid SAML response."
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithSAML"
SIGNATURE_INVALID = "Response signature invalid"


class WorldError(Exception):
    """The world file does not describe a world; the text says where and what."""


class AwsError(Exception):
    """A refusal as AWS words it, with a machine reason that only the log shows."""

    def __init__(self, code: str, message: str, *, status: HTTPStatus, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.message = message
        self.status = status
        self.reason = reason


def invalid_statement(reason: str, message: str = INVALID_STATEMENT) -> AwsError:
    """Give the refusal of a statement that is not what AWS takes."""
    return AwsError("InvalidIdentityToken", message, status=HTTPStatus.BAD_REQUEST, reason=reason)


def invalid_signature(reason: str) -> AwsError:
    """Give the refusal of a statement that the registered keys did not sign."""
    return invalid_statement(reason, SIGNATURE_INVALID)


def expired_statement(reason: str, message: str = "Response has expired") -> AwsError:
    """Give the refusal of a statement that comes too late."""
    return AwsError("ExpiredTokenException", message, status=HTTPStatus.BAD_REQUEST, reason=reason)


def access_denied(reason: str) -> AwsError:
    """Give the refusal of a role that this statement may not take."""
    return AwsError("AccessDenied", NOT_AUTHORIZED, status=HTTPStatus.FORBIDDEN, reason=reason)


def validation_error(message: str, reason: str) -> AwsError:
    """Give the refusal of a parameter outside its limits."""
    return AwsError("ValidationError", message, status=HTTPStatus.BAD_REQUEST, reason=reason)
