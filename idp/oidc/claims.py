"""Whether verified claims are meant for us and for now, and whom they speak of (OpenID Connect Core 3.1.3.7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from idp.domain.token_issuer import Matched, TokenIssuer
from idp.oidc.errors import TokenRefused

SKEW: Final = timedelta(seconds=60)
# AWS takes no older one.
REDEEMED_WITHIN: Final = timedelta(hours=24)
LATEST: Final = 253_402_300_000
LONGEST_TEXT: Final = 255
TAGS: Final = "https://aws.amazon.com/tags"
SOURCE_IDENTITY: Final = "https://aws.amazon.com/source_identity"


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """Who a token speaks of: its issuer's name for them, what the directory is asked for, and all verified claims."""

    subject: str
    value: str
    token_id: str
    issued_at: datetime
    ends_at: datetime
    claims: Mapping[str, Any] = field(repr=False)


def read_identity(claims: Mapping[str, Any], *, issuer: TokenIssuer, now: datetime) -> TokenIdentity:
    """Whom the token speaks of; refuses another issuer, audience or time, and a person who is not clearly named."""
    if claims.get("iss") != issuer.url:
        raise TokenRefused("token.iss")
    issued_at, ends_at = _check_times(claims, longest=issuer.longest, now=now)
    _check_audience(claims, issuer.audiences)
    if issuer.matched is Matched.MAIL and claims.get("email_verified") is not True:
        raise TokenRefused("token.mail-not-verified")
    if any(name == SOURCE_IDENTITY or name.startswith(TAGS) for name in claims):
        # Its issuer would choose what the session is called and tagged; no role of this road lets it.
        raise TokenRefused("token.aws-session")
    token_id = claims.get("jti", "")
    if not isinstance(token_id, str):
        raise TokenRefused("token.jti")
    return TokenIdentity(
        subject=_text(claims, "sub"),
        value=_text(claims, issuer.claim),
        token_id=token_id,
        issued_at=issued_at,
        ends_at=ends_at,
        claims=claims,
    )


def _check_times(
    claims: Mapping[str, Any], *, longest: timedelta, now: datetime
) -> tuple[datetime, datetime]:
    ends_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    starts_at = _moment(claims, "nbf") if "nbf" in claims else issued_at
    if now - ends_at >= SKEW or ends_at <= issued_at:
        raise TokenRefused("token.exp")
    if starts_at - now > SKEW or issued_at - now > SKEW:
        raise TokenRefused("token.nbf" if "nbf" in claims else "token.iat")
    if now - issued_at >= REDEEMED_WITHIN:
        raise TokenRefused("token.iat")
    if ends_at - issued_at > longest:
        raise TokenRefused("token.lives-too-long")
    return issued_at, ends_at


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LATEST:
        raise TokenRefused(f"token.{name}")
    return datetime.fromtimestamp(value, UTC)


def _check_audience(claims: Mapping[str, Any], ours: tuple[str, ...]) -> None:
    """Every audience is ours; of several, `azp` says which one the token was made for, and it is one of them."""
    given = claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    if not audiences or not all(isinstance(one, str) and one in ours for one in audiences):
        raise TokenRefused("token.aud")
    if len(set(audiences)) != len(audiences):
        raise TokenRefused("token.aud")
    party = claims.get("azp", audiences[0] if len(audiences) == 1 else None)
    if party not in audiences:
        raise TokenRefused("token.azp")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.isprintable():
        raise TokenRefused("token.sub" if name == "sub" else "token.claim")
    return value
