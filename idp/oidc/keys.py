"""The keys that issuers publish: found by discovery, kept, and asked for anew once a minute at most (fault 26).

OpenID Connect Discovery 1.0, sections 3 and 4; RFC 7517. While an issuer is away its last keys hold for an hour.
"""

import http.client
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from idp.domain.token_issuer import TokenIssuer
from idp.oidc.errors import IssuerUnavailable, TokenRefused
from idp.oidc.fetching import fetch_object
from idp.oidc.tokens import Jwk

MOST_KEYS: Final = 100
FRESH_FOR: Final = timedelta(minutes=10)
KEPT_FOR: Final = timedelta(hours=1)
ASKED_AT_MOST_EVERY: Final = timedelta(minutes=1)
DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass(slots=True)
class Published:
    """What one issuer publishes, and when it was asked and answered."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: tuple[Jwk, ...] = ()
    answered_at: datetime | None = None
    asked_at: datetime | None = None
    problem: str = ""

    def named(self, key_id: str) -> list[Jwk]:
        """Every key of this name."""
        return [key for key in self.keys if key.get("kid") == key_id]

    def is_due(self, key_id: str, now: datetime) -> bool:
        """Whether the issuer must be asked for this key, and may be."""
        if _within(self.asked_at, ASKED_AT_MOST_EVERY, now):
            return False
        return not (self.named(key_id) and _within(self.answered_at, FRESH_FOR, now))


class IssuerKeys:
    """Finds the key that a token names among those that its issuer publishes; one object per process."""

    def __init__(self) -> None:
        """Nobody has been asked yet."""
        self._kept: dict[TokenIssuer, Published] = {}

    def find(self, issuer: TokenIssuer, key_id: str, *, now: datetime) -> list[Jwk]:
        """Every key of this name; is Unavailable while none are known and the issuer does not answer."""
        kept = self._kept.setdefault(issuer, Published())
        if kept.is_due(key_id, now):
            with kept.lock:
                # Whoever waited finds that somebody else has asked.
                if kept.is_due(key_id, now):
                    _ask(issuer, kept, now)
        if not _within(kept.answered_at, KEPT_FOR, now):
            raise IssuerUnavailable(f"{issuer.url}: {kept.problem}")
        return kept.named(key_id)

    def keep_only(self, issuers: Iterable[TokenIssuer]) -> None:
        """What others have published is forgotten."""
        kept = set(issuers)
        for issuer in [one for one in list(self._kept) if one not in kept]:
            self._kept.pop(issuer, None)

    def forget(self) -> None:
        """Every issuer is asked again."""
        self._kept.clear()


issuer_keys = IssuerKeys()


def _within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    """A moment in the future, after a clock was set back, counts as long ago."""
    return moment is not None and timedelta() <= now - moment < span


def _ask(issuer: TokenIssuer, kept: Published, now: datetime) -> None:
    kept.asked_at = now
    try:
        kept.keys = published_keys(issuer)
        kept.answered_at, kept.problem = now, ""
    except (OSError, ValueError, http.client.HTTPException, TokenRefused) as problem:
        kept.problem = f"{type(problem).__name__}: {problem}"[:200]


def published_keys(issuer: TokenIssuer) -> tuple[Jwk, ...]:
    """The keys at the address that the issuer's own discovery document names."""
    trusted = ssl.create_default_context(cafile=issuer.ca_file or None)
    told = fetch_object(f"{issuer.url.rstrip('/')}{DISCOVERY}", issuer=issuer, trusted=trusted)
    if told.get("issuer") != issuer.url:
        raise ValueError("its discovery document is another issuer's")
    address = told.get("jwks_uri")
    if not isinstance(address, str):
        raise ValueError("it does not tell where its keys are")  # noqa: TRY004 - an answer, not a type, is wrong
    keys = fetch_object(address, issuer=issuer, trusted=trusted).get("keys")
    if not isinstance(keys, list) or len(keys) > MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise ValueError("its keys cannot be read")
    return tuple(keys)
