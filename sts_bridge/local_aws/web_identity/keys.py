"""The keys that an issuer publishes, found by its discovery document and kept for a few minutes.

OpenID Connect Discovery 1.0, sections 3 and 4; RFC 7517.
"""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    secured = trusted if parts.scheme == "https" else None
    try:
        with _connected(parts.hostname or "", parts.port, secured) as connection:
            connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
            with connection.getresponse() as answer:
                text = answer.read(_LARGEST_ANSWER + 1)
            # One that was cut off in the middle is no whole document, and is refused as such.
            document = json.loads(text) if answer.status == HTTPStatus.OK else None
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as problem:
        raise _unreachable(type(problem).__name__) from problem
    if len(text) > _LARGEST_ANSWER or not isinstance(document, dict):
        raise _unreachable(f"it answered {answer.status} and no JSON object of lawful size")
    return document


@contextmanager
def _connected(
    host: str, port: int | None, secured: ssl.SSLContext | None
) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut off when its time is up: a time limit for each packet lets an issuer trickle."""
    connection = (
        http.client.HTTPSConnection(host, port, context=secured)
        if secured
        else http.client.HTTPConnection(host, port)
    )
    place = connection.host, connection.port
    with socket.create_connection(place, _SECONDS_TO_ANSWER) as plain, plain.dup() as handle:
        timer = threading.Timer(_SECONDS_TO_ANSWER, _cut_off, [handle])
        timer.start()
        try:
            connection.sock = secured.wrap_socket(plain, server_hostname=host) if secured else plain
            yield connection
        finally:
            timer.cancel()
            timer.join()
            connection.close()


def _cut_off(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _unreachable(why: str) -> AwsError:
    error = AwsError(
        "IDPCommunicationError",
        "Couldn't retrieve verification key from your identity provider, please reference "
        "AssumeRoleWithWebIdentity documentation for requirements",
        reason="oidc.issuer",
    )
    error.details = why
    return error
