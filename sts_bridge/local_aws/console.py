"""The console: one page that shows who one is there, from a sealed cookie and nothing else.

Where the console has an origin of its own, the sign-in cannot set that cookie. Then a sealed ticket of one
minute travels in the address once, and the console exchanges it for the cookie.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from sts_bridge.local_aws.sign_in import SignedIn
from sts_bridge.local_aws.tokens import Session, Vault
from sts_bridge.local_aws.world import World

COOKIE: Final = "local-aws-console"

_TICKET_LIVES_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """Where the browser goes after the sign-in, and the cookie it takes along if it stays with us."""

    address: str
    cookie: str | None


def open_console(signed_in: SignedIn, *, world: World, vault: Vault, now: datetime) -> Opening:
    """Give the way into the console: with a cookie on our own origin, with a ticket on another."""
    if world.console_url is None or _origin(world.console_url) in {
        _origin(url) for url in world.sign_in_urls
    }:
        path = urlsplit(world.console_url).path if world.console_url else "/console/"
        return Opening(address=path, cookie=seal_session(signed_in, vault=vault))
    until = (now + _TICKET_LIVES_FOR).timestamp()
    ticket = vault.seal("console ticket", _claims(signed_in) | {"until": until})
    joint = "&" if urlsplit(world.console_url).query else "?"
    return Opening(address=f"{world.console_url}{joint}{urlencode({'ticket': ticket})}", cookie=None)


def redeem_ticket(ticket: str, *, vault: Vault, now: datetime) -> SignedIn | None:
    """Give what a ticket stands for, or nothing if it is not ours or older than its minute."""
    opened = vault.open_session("console ticket", ticket)
    if opened is None or now.timestamp() >= opened[1]["until"]:
        return None
    return _living(*opened, now=now)


def seal_session(signed_in: SignedIn, *, vault: Vault) -> str:
    """Give the value of the cookie."""
    return vault.seal("console session", _claims(signed_in))


def read_session(cookie: str | None, *, vault: Vault, now: datetime) -> SignedIn | None:
    """Give who a cookie says one is, or nothing if it is not ours or the session has ended."""
    opened = vault.open_session("console session", cookie) if cookie else None
    return None if opened is None else _living(*opened, now=now)


def _living(session: Session, claims: dict[str, object], *, now: datetime) -> SignedIn | None:
    destination = claims["destination"]
    if session.ends_at <= now:
        return None
    return SignedIn(session=session, destination=None if destination is None else str(destination))


def _claims(signed_in: SignedIn) -> dict[str, object]:
    # A cookie has little room, and the page shows no tags.
    session = replace(signed_in.session, tags={}, transitive_tag_keys=())
    return session.claims() | {"destination": signed_in.destination}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
