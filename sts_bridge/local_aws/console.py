"""The console: one page that shows who one is there, from a sealed cookie and nothing else.

Where the console has an origin of its own, the sign-in cannot set that cookie. Then a sealed ticket of one
minute travels in the address once, and the console exchanges it for the cookie.
"""

import base64
import json
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from sts_bridge.local_aws.authorization import Attempt, is_denied
from sts_bridge.local_aws.callers import Caller
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sign_in import SAFE_ADDRESS, SignedIn
from sts_bridge.local_aws.tokens import Vault
from sts_bridge.local_aws.world.model import World

COOKIE: Final = "local-aws-console"

_TICKET_LIVES_FOR = timedelta(minutes=1)
# Browsers take 4,096 octets, with the name and what else is said of a cookie.
_LARGEST_COOKIE = 3_900


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
    ticket = vault.seal("console ticket", _claims(signed_in) | {"expires": until})
    joint = "&" if urlsplit(world.console_url).query else "?"
    return Opening(address=f"{world.console_url}{joint}{urlencode({'ticket': ticket})}", cookie=None)


def redeem_ticket(ticket: str, *, vault: Vault, now: datetime) -> SignedIn | None:
    """Give what a ticket stands for, or nothing if it is not ours or older than its minute."""
    opened = vault.open_caller("console ticket", ticket)
    if opened is None or now.timestamp() >= opened[1]["expires"]:
        return None
    return _read(*opened)


def seal_session(signed_in: SignedIn, *, vault: Vault) -> str:
    """Give the value of the cookie; where it would be too long for one, the destination is not shown."""
    sealed = vault.seal("console session", _claims(signed_in))
    if len(sealed) <= _LARGEST_COOKIE:
        return sealed
    return vault.seal("console session", _claims(replace(signed_in, destination=None)))


def read_session(cookie: str | None, *, vault: Vault) -> SignedIn | None:
    """Give who a cookie says one is or was, or nothing if it is not ours; whether the session lives is not asked."""
    opened = vault.open_caller("console session", cookie) if cookie else None
    return None if opened is None else _read(*opened)


def is_over(
    signed_in: SignedIn, *, surroundings: dict[str, tuple[str, ...]], realm: Realm, now: datetime
) -> bool:
    """Tell whether the session has ended by itself, or was ended by a policy of its role that denies everything."""
    # What narrows a session closes no console: what one does in it is denied.
    caller = replace(signed_in.caller, session_policy=None, session_policy_arns=())
    context = surroundings | caller.context(realm.tags_of(caller), now)
    resource = f"arn:{caller.partition}:console::{caller.account}:home"
    return caller.has_ended(now) or is_denied(Attempt(caller, "console:ViewHome", resource, context), realm)


def is_ours(address: str, world: World) -> bool:
    """Tell whether an address leads to our own sign-in, so that nobody is sent elsewhere in our name."""
    lawful = SAFE_ADDRESS.fullmatch(address) is not None
    return lawful and _origin(address) in {_origin(url) for url in world.sign_in_urls}


def _read(caller: Caller, claims: dict[str, Any]) -> SignedIn:
    policy, arns = json.loads(zlib.decompress(base64.b64decode(claims["narrowed"])))
    caller = replace(caller, session_policy=policy, session_policy_arns=tuple(arns))
    return SignedIn(caller=caller, destination=claims["destination"], issuer=claims["issuer"])


def _claims(signed_in: SignedIn) -> dict[str, object]:
    # A cookie has little room: policies are packed, and tags are left out, which the page does not show.
    caller = replace(
        signed_in.caller, tags={}, transitive_tag_keys=(), session_policy=None, session_policy_arns=()
    )
    narrowed = json.dumps([signed_in.caller.session_policy, signed_in.caller.session_policy_arns])
    return caller.claims() | {
        "narrowed": base64.b64encode(zlib.compress(narrowed.encode())).decode(),
        "destination": signed_in.destination,
        "issuer": signed_in.issuer,
    }


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
