"""Whether verified claims are meant for us and for now, and the session that they ask for (IAM User Guide, OIDC)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from sts_bridge.local_aws.errors import AwsError, expired_statement
from sts_bridge.local_aws.session_terms import is_tag
from sts_bridge.local_aws.web_identity.tokens import invalid_token
from sts_bridge.local_aws.world.model import OidcProvider

_TAGS: Final = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY: Final = "https://aws.amazon.com/source_identity"
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_LONGEST_SUBJECT = 255
_MOST_TAGS = 50
_REDEEM_WITHIN = timedelta(hours=24)
_LATEST = 253_402_300_000


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Who a token speaks of, and what it brings along."""

    provider: OidcProvider
    subject: str
    audience: str
    original_audiences: tuple[str, ...]
    methods: tuple[str, ...] = ()
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()

    def context(self) -> dict[str, tuple[str, ...]]:
        """Give the condition keys, which begin with the issuer's address."""
        host = self.provider.url.partition("://")[2].lower()
        context: dict[str, tuple[str, ...]] = {
            f"{host}:sub": (self.subject,),
            f"{host}:aud": (self.audience,),
        }
        if self.original_audiences != (self.audience,):
            context[f"{host}:oaud"] = self.original_audiences[:1]
        if self.methods:
            context[f"{host}:amr"] = self.methods
        if self.source_identity is not None:
            context["sts:sourceidentity"] = (self.source_identity,)
        if self.tags:
            context["aws:tagkeys"] = tuple(self.tags)
            context |= {f"aws:requesttag/{key.lower()}": (value,) for key, value in self.tags.items()}
        if self.transitive_tag_keys:
            context["sts:transitivetagkeys"] = self.transitive_tag_keys
        return context


def read_identity(
    claims: Mapping[str, Any], *, provider: OidcProvider, skew: timedelta, now: datetime
) -> WebIdentity:
    """Give who a token speaks of; refuses another issuer or audience, another time, and tags outside their limits."""
    if claims.get("iss") != provider.url:
        raise invalid_token("The token's issuer is not the provider.", "oidc.iss")
    _check_times(claims, skew=skew, now=now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise invalid_token("Missing a required claim: sub", "oidc.sub")
    audience, originals = _read_audience(claims, provider)
    tags, transitive = _read_tags(claims)
    methods = claims.get("amr", [])
    if not isinstance(methods, list) or not all(isinstance(method, str) for method in methods):
        raise invalid_token("The claim amr must be a list of texts.", "oidc.amr")
    return WebIdentity(
        provider=provider,
        subject=subject,
        audience=audience,
        original_audiences=originals,
        methods=tuple(methods),
        source_identity=_read_source_identity(claims),
        tags=tags,
        transitive_tag_keys=transitive,
    )


def _check_times(claims: Mapping[str, Any], *, skew: timedelta, now: datetime) -> None:
    ends_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    if ends_at is None or issued_at is None:
        raise invalid_token("Missing a required claim: exp and iat must be given", "oidc.time.missing")
    if now - ends_at >= skew:
        raise expired_statement(
            "oidc.time.expired",
            f"Token expired: current date/time {int(now.timestamp())} must be before the expiration date/time "
            f"{int(ends_at.timestamp())}",
        )
    starts_at = _moment(claims, "nbf") or issued_at
    if starts_at - now > skew or issued_at - now > skew:
        raise invalid_token("The token is not yet valid.", "oidc.time.early")
    if now - issued_at >= _REDEEM_WITHIN + skew:
        raise expired_statement(
            "oidc.time.redeemed_late", "Token must be redeemed within 24 hours of issuance"
        )


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise invalid_token(f"The claim {name} must be a time.", "oidc.time.unreadable")
    return datetime.fromtimestamp(value, UTC)


def _read_audience(claims: Mapping[str, Any], provider: OidcProvider) -> tuple[str, tuple[str, ...]]:
    """Give the audience that counts, which is `azp` where it is there, and those of `aud`."""
    value, party = claims.get("aud"), claims.get("azp")
    audiences = value if isinstance(value, list) else [value]
    if not audiences or not all(isinstance(one, str) and one for one in audiences):
        raise invalid_token("Missing a required claim: aud", "oidc.aud.missing")
    if party is None:
        if len(audiences) > 1:
            raise invalid_token("A token for several audiences must name azp.", "oidc.azp.missing")
        if audiences[0] not in provider.client_ids:
            raise invalid_token("Incorrect token audience", "oidc.aud")
        return audiences[0], tuple(audiences)
    if not isinstance(party, str) or party not in provider.client_ids:
        raise AwsError(
            "IDPRejectedClaim",
            "The authorized party of the token is not a client of the provider.",
            status=HTTPStatus.FORBIDDEN,
            reason="oidc.azp",
        )
    return party, tuple(audiences)


def _read_source_identity(claims: Mapping[str, Any]) -> str | None:
    value = claims.get(_SOURCE_IDENTITY)
    if value is None:
        return None
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value.lower().startswith("aws:"):
        raise invalid_token(
            'Source Identity must match [\\w+=,.@-]{2,64} and not begin with "aws:"', "oidc.source_identity"
        )
    return value


def _read_tags(claims: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Give the session tags, written as one object or each as a claim of its own, and which of them travel on."""
    nested = claims.get(_TAGS, {})
    if not isinstance(nested, dict):
        raise invalid_token("The claim of session tags cannot be read.", "oidc.tags")
    written = (
        dict(nested.get("principal_tags") or {})
        if isinstance(nested.get("principal_tags", {}), dict)
        else None
    )
    if written is None:
        raise invalid_token("The claim of session tags cannot be read.", "oidc.tags")
    marker = f"{_TAGS}/principal_tags/"
    written |= {name.removeprefix(marker): value for name, value in claims.items() if name.startswith(marker)}
    tags = {}
    for key, value in written.items():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not isinstance(one, str) or not is_tag(key, one):
            raise invalid_token("A session tag is outside its limits.", "oidc.tags.format")
        tags[key] = one
    if len(tags) > _MOST_TAGS or len({key.casefold() for key in tags}) != len(tags):
        raise invalid_token("There are too many session tags, or one of them twice.", "oidc.tags.count")
    keys = nested.get("transitive_tag_keys") or claims.get(f"{_TAGS}/transitive_tag_keys") or []
    known = {key.casefold(): key for key in tags}
    if not isinstance(keys, list) or not all(
        isinstance(key, str) and key.casefold() in known for key in keys
    ):
        raise invalid_token("Transitive keys must be keys of session tags.", "oidc.tags.transitive")
    return tags, tuple(dict.fromkeys(known[key.casefold()] for key in keys))
