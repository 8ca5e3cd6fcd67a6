"""Why a token is refused: outside it is one sentence, inside each reason is its own."""

from idp.domain.errors import Refused, Unavailable


class TokenRefused(Refused):
    """The token does not stand for anybody here."""

    code = "token-not-accepted"
    sentence = "This token is not accepted. Ask its issuer for a new one, made for Drawbridge."


class IssuerUnavailable(Unavailable):
    """The issuer's keys are not known, and it cannot be asked for them."""

    code = "issuer-unavailable"
    sentence = "The issuer of this token cannot be reached at the moment. Please try again in a minute."
    retry_after = 60
