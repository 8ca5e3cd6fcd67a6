"""Requests that wait for a sign-in: kept here, bound to one browser by a cookie, and answered once.

A cookie of ours does not come with a form that another site posts (SameSite=Lax). So such a request is kept, the
answer binds it to the browser that brought it, and our own page goes on with it (WB-02).
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from idp.domain.errors import NotFound, SignInNeeded
from idp.domain.origin import Origin
from idp.domain.saml_names import Binding
from idp.models import ParkedRequest
from idp.models.compiled import CompiledQuery, from_values, insert_if
from idp.models.session import SessionStore
from idp.services.incoming import count_refusal
from idp.services.throttle import host_of, network_of
from idp.services.waiting_room import ROW_OCTETS, TooManyWait, check_room

WAITS_FOR = timedelta(minutes=15)
# Under which name a session tells for which request it was opened.
SIGNED_IN_FOR = "signed-in-for"
NAMES = {"redirect": Binding.HTTP_REDIRECT, "post": Binding.HTTP_POST}


class RequestGone(NotFound):
    """No request of this browser waits here: it is too old, was answered, or came in another browser."""

    code = "request-gone"
    sentence = (
        "What the service asked for is no longer waiting: it is too old, was answered already, "
        "or was begun in another browser. Please start again at the service."
    )


@dataclass(frozen=True, slots=True)
class Parked:
    """A request that waits; `secret` is for this browser's cookie only."""

    number: str
    secret: str

    def __repr__(self) -> str:
        return f"Parked({self.number[:6]}…)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that was found again."""

    key_hash: str
    browser_hash: str
    binding: Binding
    text: str
    received_at: datetime

    def is_bound_to(self, secret: str) -> bool:
        """Whether it waits for whoever has this secret already."""
        return secrets.compare_digest(self.browser_hash, hashed(secret))


def new_secret() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def parked_row(
    text: str, parked: Parked, *, binding: Binding, origin: Origin, now: datetime
) -> ParkedRequest:
    """The row in which the request waits as this text, to be written together with its mark.

    Refuses with TooManyWait where the address has too much waiting already: a stranger cannot fill the table, and
    whoever signs in leaves nothing waiting.
    """
    address, octets = host_of(origin.address)[:45], len(text.encode()) + ROW_OCTETS
    try:
        check_room(address, octets, now=now)
    except TooManyWait as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise
    return ParkedRequest(
        key_hash=hashed(parked.number),
        browser_hash=hashed(parked.secret),
        binding=next(name for name, known in NAMES.items() if known is binding),
        raw=text,
        address=address,
        network=network_of(origin.address)[:45],
        octets=octets,
        received_at=now,
        expires_at=now + WAITS_FOR,
    )


def number_in(secret: str, issuer: str, message_id: str) -> str:
    """The number under which a browser with this secret finds this message again, when its page is opened anew."""
    return hmac.new(secret.encode(), f"{issuer}\0{message_id}".encode(), hashlib.sha256).hexdigest()


def find_parked(number: str, *, browser_secrets: Iterable[str], now: datetime) -> Waiting:
    """The request of this number, if it waits in this browser; RequestGone otherwise, whatever the reason."""
    values = parked_of_number.row(hashed(number))
    row = from_values(ParkedRequest, values) if values is not None else None
    held = [hashed(secret) for secret in browser_secrets if secret]
    if row is None or row.expires_at <= now:
        raise RequestGone("not there")
    if not any(secrets.compare_digest(row.browser_hash, one) for one in held):
        raise RequestGone("another browser")
    return Waiting(row.key_hash, row.browser_hash, NAMES[row.binding], row.raw, row.received_at)


parked_of_number = CompiledQuery(lambda: ParkedRequest.objects.filter(key_hash=""))


def bind_to(waiting: Waiting, secret: str) -> None:
    """From here on the request waits for whoever has this secret, and for nobody else."""
    ParkedRequest.objects.filter(key_hash=waiting.key_hash).update(browser_hash=hashed(secret))


def note_signed_in_for(number: str, session: SessionStore) -> None:
    """This session was opened for the request of this number: its form had asked for the password."""
    session[SIGNED_IN_FOR] = hashed(number)


def check_signed_in_for(waiting: Waiting | None, session: SessionStore) -> None:
    """Refuse with SignInNeeded a session that was not opened for this very request (SAML Core 3.4.1, ForceAuthn).

    No moments are compared: the request may have come to one server and the password to another.
    """
    if waiting is None or session.get(SIGNED_IN_FOR) != waiting.key_hash:
        raise SignInNeeded("a fresh sign-in is demanded")


def take_parked(waiting: Waiting, *rows: models.Model) -> None:
    """The request waits no longer and these rows are written; refuses it, and writes nothing, if somebody was faster.

    Joins a running transaction.
    """
    if not insert_if(ParkedRequest.is_taken(waiting.key_hash), *rows):
        raise RequestGone("answered at the same moment")


def hashed(secret: str) -> str:
    """What the table holds of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
