"""The sign-in page: takes a posted statement, lets choose among several roles, and opens the console."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sts_bridge.local_aws import journal
from sts_bridge.local_aws.arns import Arn
from sts_bridge.local_aws.callers import Caller
from sts_bridge.local_aws.errors import AwsError, invalid_statement
from sts_bridge.local_aws.policies.patterns import Context
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.role_session import DEFAULT_SECONDS, AcceptedStatement, accept_statement, take_role
from sts_bridge.local_aws.statements.attributes import ROLE, SessionWish
from sts_bridge.local_aws.statements.checks import ISSUER_MISMATCH
from sts_bridge.local_aws.statements.gate import GatedStatement, admit
from sts_bridge.local_aws.world.model import SamlProvider, World

_CONSOLE_HOSTS: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
_LONGEST_RELAY = 2_048
SAFE_ADDRESS: Final = re.compile(
    r"https?://[!-;=?-Z_a-z~\[\]]+", re.ASCII
)  # no blank, quote-breaking sign or backslash
_SUBDOMAINS = re.compile(r"(?:[a-z0-9-]{1,63}\.){0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """Several roles of one statement, none chosen yet."""

    pairs: tuple[tuple[Arn, Arn], ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who may open the console, and the address that was asked for."""

    caller: Caller
    destination: str | None
    # Where people are sent once the session is over; a broker names its own page.
    issuer: str | None = None


def sign_in(
    *,
    posted: str,
    relay: str,
    chosen: str | None,
    request_id: str,
    realm: Realm,
    surroundings: Context,
    now: datetime,
) -> RoleChoice | SignedIn:
    """Give the console session of the one role named or chosen, or the roles to choose from.

    Refuses what AWS's sign-in refuses. The five minutes are counted again when the role is chosen.
    """
    statement = admit(posted)
    provider = _named_provider(statement, chosen, realm)
    try:
        accepted = accept_statement(statement, provider=provider, realm=realm, now=now)
    except AwsError as refusal:
        raise _as_sign_in_says(refusal) from refusal
    pairs = accepted.wish.pairs()
    if chosen is None and len(pairs) > 1:
        return RoleChoice(pairs)
    session = take_role(
        accepted,
        role_arn=chosen or pairs[0][0].text,
        seconds=accepted.wish.session_seconds or DEFAULT_SECONDS,
        realm=realm,
        surroundings=surroundings,
        now=now,
    )
    _report(accepted, session, request_id)
    return SignedIn(caller=session, destination=lawful_destination(relay, session.partition, realm.world))


def lawful_destination(relay: str, partition: str, world: World) -> str | None:
    """Give the address if it is a page of our console or of the partition's AWS console.

    It is shown and never followed, so any other is left out and the sign-in goes on.
    """
    if not relay or len(relay) > _LONGEST_RELAY or not SAFE_ADDRESS.fullmatch(relay):
        return None
    try:
        parts = urlsplit(relay)
        host = parts.hostname or ""
    except ValueError:
        return None
    ours = {urlsplit(url)[:2] for url in (*world.sign_in_urls, world.console_url or "")}
    if parts[:2] in ours and parts.path.startswith("/console/") and ".." not in parts.path:
        return relay
    subdomains = host.removesuffix(_CONSOLE_HOSTS[partition])
    is_aws = host.endswith(_CONSOLE_HOSTS[partition]) and _SUBDOMAINS.fullmatch(subdomains)
    return relay if is_aws and parts.scheme == "https" and parts.netloc == host else None


def _named_provider(statement: GatedStatement, chosen: str | None, realm: Realm) -> SamlProvider:
    """Find whose keys to try; nothing is believed yet, the signed roles are compared with it later."""
    values = tuple(value for name, value in statement.unverified_attributes if name == ROLE)
    unverified = SessionWish(values, "", None, None, {}, ()).pairs()
    named = [provider for role, provider in unverified if chosen in {None, role.text}]
    provider = realm.saml.find(named[0].text) if named else None
    if provider is None:
        raise invalid_statement("saml.provider.unknown", "Specified provider doesn't exist.")
    return provider


def _as_sign_in_says(refusal: AwsError) -> AwsError:
    if refusal.message != ISSUER_MISMATCH:
        return refusal
    return AwsError(
        "AuthSamlInvalidSamlResponseException",
        f"Failed to assume role: {ISSUER_MISMATCH}",
        status=refusal.status,
        reason=refusal.reason,
    )


def _report(accepted: AcceptedStatement, session: Caller, request_id: str) -> None:
    journal.write_line(
        "accepted",
        operation="SignIn",
        request_id=request_id,
        role=session.principal_arn,
        session=session.name,
        assertion_id=accepted.claims.assertion_id,
    )
