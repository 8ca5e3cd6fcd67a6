"""The federation endpoint: temporary keys become a sign-in token, and the token a console session.

IAM User Guide, "Enable custom identity broker access to the AWS console".
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.errors import access_denied, validation_error
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sign_in import SAFE_ADDRESS, SignedIn, lawful_destination

TOKEN_LIVES_FOR: Final = timedelta(minutes=15)

_PURPOSE = "sign-in token"
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
_ALLOWED_SECONDS = range(900, 43_200 + 1)
_LONGEST_ISSUER = 2_048
_MAY_SIGN_IN = {Kind.ROLE, Kind.FEDERATED}


def signin_token(parameters: Mapping[str, str], *, request_id: str, realm: Realm, now: datetime) -> str:
    """Give a token that opens the console for fifteen minutes.

    Refuses keys that are not ours, have ended, or are of a kind that may not open a console, and a length where
    the keys allow none of their own.
    """
    caller = _holder(parameters.get("Session", ""), realm)
    if caller.kind not in _MAY_SIGN_IN:
        raise access_denied("federation.kind", "These credentials cannot be used for console federation.")
    if caller.has_ended(now):
        raise validation_error("The session credentials have expired.", "federation.expired")
    seconds = _session_seconds(parameters, caller, realm)
    claims = caller.claims() | {"expires": (now + TOKEN_LIVES_FOR).timestamp(), "seconds": seconds}
    journal.write_line(
        "accepted",
        operation="GetSigninToken",
        request_id=request_id,
        role=caller.principal_arn,
        session=caller.name,
    )
    return realm.vault.seal(_PURPOSE, claims)


def log_in(parameters: Mapping[str, str], *, request_id: str, realm: Realm, now: datetime) -> SignedIn:
    """Give the console session that a sign-in token opens.

    Refuses a token that is not ours or older than its fifteen minutes, keys that have ended meanwhile, and
    addresses that lead elsewhere than to a console, or home to no address at all.
    """
    opened = realm.vault.open_caller(_PURPOSE, parameters.get("SigninToken", ""))
    if opened is None or now.timestamp() >= opened[1]["expires"]:
        raise validation_error("The sign-in token is invalid or has expired.", "federation.token")
    caller, claims = opened
    if claims["seconds"] is not None:
        ends_at = now + timedelta(seconds=claims["seconds"])
        caller = replace(caller, ends_at=ends_at.replace(microsecond=0))
    elif caller.has_ended(now):
        raise validation_error("The session credentials have expired.", "federation.expired")
    destination = lawful_destination(parameters.get("Destination", ""), caller.partition, realm.world)
    if destination is None:
        raise validation_error("Destination must be the address of a console page.", "federation.destination")
    journal.write_line(
        "accepted",
        operation="FederationLogin",
        request_id=request_id,
        role=caller.principal_arn,
        session=caller.name,
    )
    return SignedIn(caller=caller, destination=destination, issuer=_issuer(parameters.get("Issuer")))


def _holder(text: str, realm: Realm) -> Caller:
    try:
        keys = json.loads(text)
    except (RecursionError, ValueError):
        keys = None
    names = ("sessionId", "sessionKey", "sessionToken")
    if not isinstance(keys, dict) or not all(_is_plain(keys.get(name)) for name in names):
        raise validation_error(
            "Session must be JSON with sessionId, sessionKey and sessionToken.", "federation.session"
        )
    caller = realm.vault.open_credentials(keys["sessionId"], keys["sessionToken"])
    secret = realm.vault.secret_access_key(keys["sessionId"])
    if caller is None or not hmac.compare_digest(secret.encode(), keys["sessionKey"].encode()):
        raise validation_error("The session credentials are invalid.", "federation.keys")
    return caller


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and value.isascii()


def _session_seconds(parameters: Mapping[str, str], caller: Caller, realm: Realm) -> int | None:
    text = parameters.get("SessionDuration")
    if text is None:
        return None
    if not _SECONDS.fullmatch(text) or int(text) not in _ALLOWED_SECONDS:
        raise validation_error(
            "SessionDuration must be from 900 to 43200 seconds.", "federation.duration.range"
        )
    if caller.kind is not Kind.ROLE or caller.chained:
        raise validation_error(
            "SessionDuration can be used only with credentials of a role that a user or a statement has taken.",
            "federation.duration.kind",
        )
    role = realm.world.roles.get(caller.principal_arn)
    # Below the maximum, not equal to it.
    if role is None or int(text) >= role.longest_session:
        raise validation_error(
            "SessionDuration must be less than the maximum session duration of the role.",
            "federation.duration.role",
        )
    return int(text)


def _issuer(text: str | None) -> str | None:
    if not text:
        return None
    if len(text) > _LONGEST_ISSUER or not SAFE_ADDRESS.fullmatch(text):
        raise validation_error("Issuer must be an http or https address.", "federation.issuer")
    return text
