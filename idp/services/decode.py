"""What an operator has pasted, readable: a message, what stands in it, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from django.db import DatabaseError

from idp.conf.saml import saml_config
from idp.domain.authn_request import FRESH_FOR
from idp.domain.errors import Malformed
from idp.domain.service_provider import ServiceProvider
from idp.saml.constants import (
    LOGOUT_POST_PATH,
    LOGOUT_REDIRECT_PATH,
    SIGN_ON_POST_PATH,
    SIGN_ON_REDIRECT_PATH,
)
from idp.saml.reading import Readable, readable
from idp.services.service_providers import service_provider_of

# What services send us, and where they may have sent it.
DOORS = {
    "AuthnRequest": (SIGN_ON_REDIRECT_PATH, SIGN_ON_POST_PATH),
    "LogoutRequest": (LOGOUT_REDIRECT_PATH, LOGOUT_POST_PATH),
    "LogoutResponse": (LOGOUT_REDIRECT_PATH, LOGOUT_POST_PATH),
}


def decode(pasted: str, *, now: datetime) -> Readable:
    """The message for human eyes; refuses with NothingToRead what is none. It is not believed, and not kept.

    What it says is held against what is registered here: for that nobody needs to believe it.
    """
    found = readable(pasted)
    # The first of each: what stands further in may be somebody's who hides there.
    facts = dict(reversed(found.facts))
    told = _of_ours(facts, now) if found.kind == "Response" else _of_a_service(found.kind, facts, now)
    return replace(found, problems=(*told, *found.problems))


def _of_a_service(kind: str, facts: Mapping[str, str], now: datetime) -> Iterator[str]:
    if kind not in DOORS:
        return
    ours = [f"{saml_config().base_url}{path}" for path in DOORS[kind]]
    if "Destination" in facts and facts["Destination"] not in ours:
        yield f"Destination: none of our addresses, which are {' and '.join(ours)}"
    issued_at = moment(facts.get("IssueInstant", ""))
    if issued_at is None:
        yield "IssueInstant: no moment with its zone"
    elif abs(now - issued_at) > FRESH_FOR:
        yield f"IssueInstant: taken only within {FRESH_FOR} of our clock, which says {now:%Y-%m-%dT%H:%M:%SZ}"
    try:
        provider = service_provider_of(facts.get("Issuer", ""), now=now)
    except Malformed as refusal:
        yield f"Issuer: {refusal.told} ({refusal.cause})"
        return
    except DatabaseError:
        yield "the database does not answer: what is registered here was not looked at"
        return
    if kind == "AuthnRequest":
        yield from _of_its_address(facts, provider)
        if provider.want_signed_requests:
            yield f"{provider.name} must sign its requests: without a good signature this is refused"


def _of_its_address(facts: Mapping[str, str], provider: ServiceProvider) -> Iterator[str]:
    address, index = facts.get("AssertionConsumerServiceURL"), facts.get("AssertionConsumerServiceIndex")
    if address is not None and address not in {one.location for one in provider.acs}:
        yield f"AssertionConsumerServiceURL: not registered for {provider.name}, letter by letter"
    if index is not None and index not in {str(one.index) for one in provider.acs}:
        yield f"AssertionConsumerServiceIndex: not registered for {provider.name}"


def _of_ours(facts: Mapping[str, str], now: datetime) -> Iterator[str]:
    config = saml_config()
    if facts.get("Issuer") != config.entity_id:
        yield f"Issuer: not ours, which is {config.entity_id}"
    begins, ends = (moment(facts.get(f"Conditions {name}", "")) for name in ("NotBefore", "NotOnOrAfter"))
    if begins is not None and now < begins:
        yield "Conditions NotBefore: still to come by our clock"
    if ends is not None and ends <= now:
        yield "Conditions NotOnOrAfter: over by our clock"


def moment(text: str) -> datetime | None:
    """The moment that this text tells; None where it tells none, or no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None
