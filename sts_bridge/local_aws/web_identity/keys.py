"""The keys that an issuer publishes, found by its discovery document and kept for a few minutes.

OpenID Connect Discovery 1.0, sections 3 and 4; RFC 7517.
"""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.world.model import OidcProvider
from sts_bridge.local_aws.world.providers import may_be_asked

_SECONDS_TO_ANSWER: Final = 5.0
_LARGEST_ANSWER: Final = 512_000
_PART: Final = 65_536
_KEPT_FOR = timedelta(minutes=5)
# An unknown key is looked for at once, but nobody makes us ask more often than this.
_ASKED_AGAIN_AFTER = timedelta(seconds=10)

Jwk = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Published:
    keys: tuple[Jwk, ...]
    asked_at: datetime


@dataclass(slots=True)
class IssuerKeys:
    """Finds the key that a token names among those that its issuer publishes."""

    _kept: dict[str, _Published] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def find(self, provider: OidcProvider, key_id: str, *, now: datetime) -> list[Jwk]:
        """Give every key of this name; refuses with IDPCommunicationError where the issuer cannot be asked."""
        # One issuer that stalls keeps nobody waiting who comes with a token of another.
        with self._locks.setdefault(provider.arn.text, threading.Lock()):
            kept = self._kept.get(provider.arn.text)
            if kept is None or not timedelta() <= now - kept.asked_at < _KEPT_FOR:
                kept = self._ask(provider, now)
            found = _named(kept, key_id)
            if not found and now - kept.asked_at >= _ASKED_AGAIN_AFTER:
                found = _named(self._ask(provider, now), key_id)
            return found

    def _ask(self, provider: OidcProvider, now: datetime) -> _Published:
        trusted = ssl.create_default_context(cafile=provider.ca_file)
        told = _fetch(f"{provider.url.rstrip('/')}/.well-known/openid-configuration", trusted)
        if told.get("issuer") != provider.url:
            raise _unreachable("its discovery document is another issuer's")
        address = told.get("jwks_uri")
        if not isinstance(address, str) or not may_be_asked(address):
            raise _unreachable("its jwks_uri is no lawful address")
        keys = _fetch(address, trusted).get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise _unreachable("its keys cannot be read")
        published = _Published(keys=tuple(keys), asked_at=now)
        self._kept[provider.arn.text] = published
        journal.write_line("issuer.keys", provider=provider.arn.text, count=len(keys))
        return published


def _named(published: _Published, key_id: str) -> list[Jwk]:
    return [key for key in published.keys if key.get("kid") == key_id]


def _fetch(url: str, trusted: ssl.SSLContext) -> dict[str, Any]:
    """Give the JSON object at an address; no redirect is followed, and no proxy asked."""
    parts = urlsplit(url)
    place = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(place, parts.port, timeout=_SECONDS_TO_ANSWER, context=trusted)
        if parts.scheme == "https"
        else http.client.HTTPConnection(place, parts.port, timeout=_SECONDS_TO_ANSWER)
    )
    try:
        connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        text = _read(answer, time.monotonic() + _SECONDS_TO_ANSWER)
        document = json.loads(text) if answer.status == HTTPStatus.OK else None
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as problem:
        raise _unreachable(type(problem).__name__) from problem
    finally:
        connection.close()
    if len(text) > _LARGEST_ANSWER or not isinstance(document, dict):
        raise _unreachable(f"it answered {answer.status} and no JSON object of lawful size")
    return document


def _read(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    """Give the body, or as much of it as shows that it is too long; refuses one that trickles."""
    text = bytearray()
    while len(text) <= _LARGEST_ANSWER and (part := answer.read1(_PART)):
        text += part
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(text)


def _unreachable(why: str) -> AwsError:
    error = AwsError(
        "IDPCommunicationError",
        "Couldn't retrieve verification key from your identity provider, please reference "
        "AssumeRoleWithWebIdentity documentation for requirements",
        reason="oidc.issuer",
    )
    error.details = why
    return error
