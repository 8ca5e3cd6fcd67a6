"""What a service provider sends, from raw characters to a message of a registered sender; the rest is counted.

Nobody knows who sent a message that is refused here, so no audit row is written for each: anybody could fill the
trail. Reason, address and minute have one row with a number, and the log has every one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

from idp.domain.errors import Refused
from idp.domain.origin import Origin
from idp.domain.saml_names import Binding
from idp.domain.service_provider import ServiceProvider, UnknownProvider
from idp.saml.bindings import KNOWN, checked_relay_state, read_form, read_query
from idp.saml.errors import UntrustedMessage
from idp.saml.requests import Incoming, gated
from idp.saml.shapes import MessageKind
from idp.services.audit import storable
from idp.services.counters import count_refused_message
from idp.services.refusal_counts import LONGEST_REASON, count_by_minute
from idp.services.service_providers import service_provider_of

logger = logging.getLogger("drawbridge.saml")


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as the door received it: a raw query, or the body of a form that was put together again."""

    binding: Binding
    text: str

    @classmethod
    def of_query(cls, query: str) -> "RawMessage":
        """The query, every octet as it came."""
        return cls(Binding.HTTP_REDIRECT, query)

    @classmethod
    def of_form(cls, fields: Mapping[str, Sequence[str]]) -> "RawMessage":
        """The fields of the form that concern us."""
        known = [(name, value) for name in sorted(KNOWN & fields.keys()) for value in fields[name]]
        return cls(Binding.HTTP_POST, "&".join(f"{name}={_quoted(value)}" for name, value in known))


def _quoted(value: str) -> str:
    """The value as `parse_qs` reads it again, and as a table holds it; quoting all else took as long as a signature.

    It is read by nobody but us.
    """
    for sign in "%&+\0":
        value = value.replace(sign, f"%{ord(sign):02X}")
    return value


@dataclass(frozen=True, slots=True)
class FromProvider:
    """A message that says to be from a registered provider; whether it is, its signature tells."""

    incoming: Incoming
    provider: ServiceProvider


def receive(
    raw: RawMessage, *, expected: frozenset[MessageKind], origin: Origin, now: datetime
) -> FromProvider:
    """The message behind the gate with the provider whose name it bears; refusals are counted.

    Refuses with UntrustedMessage what is not of the form, and with UnknownProvider a name that is not registered.
    """
    try:
        if raw.binding is Binding.HTTP_REDIRECT:
            arrived = read_query(raw.text)
        else:
            arrived = read_form(parse_qs(raw.text, keep_blank_values=True))
        incoming = gated(arrived, expected=expected)
        provider = service_provider_of(incoming.unverified_issuer, now=now)
    except (UntrustedMessage, UnknownProvider) as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise
    return FromProvider(incoming, provider)


def check_relay_state(value: str | None) -> str | None:
    """The same value; refuses what is too long, or could not be given back as it came (RQ-08)."""
    return checked_relay_state(value)


def count_refusal(refusal: Refused, *, origin: Origin, now: datetime) -> None:
    """The refusal is counted under its reason, and the log has it; counting must not stand in its way."""
    reason = storable(str(getattr(refusal, "reason", refusal.code)), LONGEST_REASON)
    count_refused_message(reason)
    logger.info(
        "saml.message.refused",
        extra={"facts": {"reason": reason, "cause": refusal.cause, "reference": origin.reference}},
    )
    count_by_minute(reason, address=origin.address, now=now)
