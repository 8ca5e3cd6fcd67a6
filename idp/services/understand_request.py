"""A service provider's request as it came → one that may be answered, now or when somebody has signed in.

The way of a request: `understand` (gate, signature, address), then an answer (`answer_request`) for whoever is signed
in, or `park` until somebody is, and `take_up` then. What cannot be trusted is refused with a page.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from idp.conf.saml import saml_config
from idp.domain.authn_request import (
    AuthnRequest,
    RequestNotTrusted,
    answer_endpoint,
    check_destination,
    check_moment,
    fingerprint,
)
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.saml_names import Binding
from idp.domain.service_provider import AcsEndpoint, ServiceProvider, UnknownProvider
from idp.saml.constants import SIGN_ON_POST_PATH, SIGN_ON_REDIRECT_PATH
from idp.saml.errors import UntrustedMessage
from idp.saml.requests import authn_request
from idp.saml.shapes import MessageKind
from idp.services.audit import write_event
from idp.services.counters import count_waiting
from idp.services.incoming import RawMessage, count_refusal, receive
from idp.services.parked_requests import (
    Parked,
    RequestGone,
    Waiting,
    find_parked,
    new_secret,
    number_in,
    parked_row,
)
from idp.services.replay import Replayed, claim_with
from idp.services.sealed_requests import seal, unseal
from idp.services.service_providers import service_provider_of

logger = logging.getLogger("drawbridge.saml")

PATHS = {Binding.HTTP_REDIRECT: SIGN_ON_REDIRECT_PATH, Binding.HTTP_POST: SIGN_ON_POST_PATH}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered: who asks, and the registered address that the answer goes to."""

    request: AuthnRequest
    provider: ServiceProvider
    endpoint: AcsEndpoint


def understand(raw: RawMessage, *, origin: Origin, now: datetime) -> Asked:
    """The request as a registered service has made it just now.

    Refuses with UntrustedMessage, UnknownProvider or RequestNotTrusted: then nothing is sent anywhere.
    """
    found = receive(raw, expected=frozenset({MessageKind.AUTHN_REQUEST}), origin=origin, now=now)
    provider = found.provider
    try:
        request = authn_request(
            found.incoming,
            certificates=provider.signing_certificates,
            signature_needed=provider.want_signed_requests,
        )
    except UntrustedMessage as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise
    return _asked(request, provider, received_at=now, origin=origin, now=now)


def take_up(waiting: Waiting, *, origin: Origin, now: datetime) -> Asked:
    """The request that has waited, held against what is registered for its service now.

    Refuses as it would have been refused if it came now; RequestGone if it is not the one that was checked.
    """
    request, received_at = unseal(waiting, now=now)
    try:
        provider = service_provider_of(request.issuer, now=now)
        _check_signer(request, provider)
    except (UntrustedMessage, UnknownProvider) as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise
    return _asked(request, provider, received_at=received_at, origin=origin, now=now)


def _asked(
    request: AuthnRequest, provider: ServiceProvider, *, received_at: datetime, origin: Origin, now: datetime
) -> Asked:
    try:
        check_moment(request.issued_at, now=received_at)
        ours = f"{saml_config().base_url}{PATHS[request.binding]}"
        check_destination(request.destination, ours=ours, is_signed=request.is_signed)
        return Asked(request, provider, answer_endpoint(request, provider))
    except RequestNotTrusted as refusal:
        record_refusal(request, provider, refusal, origin=origin, now=now)
        raise


def _check_signer(request: AuthnRequest, provider: ServiceProvider) -> None:
    """Refuse with UntrustedMessage what was signed by a key that is registered no longer, or must be signed now."""
    if not request.is_signed:
        if provider.want_signed_requests:
            raise UntrustedMessage("saml.signature.missing")
    elif request.signed_by not in map(fingerprint, provider.signing_certificates):
        raise UntrustedMessage("saml.signature.invalid", "its certificate is registered no longer")


def record_refusal(
    request: AuthnRequest,
    provider: ServiceProvider,
    refusal: RequestNotTrusted,
    *,
    origin: Origin,
    now: datetime,
) -> None:
    """A row in the trail where a key of the service has signed it; a count where anybody may have sent it."""
    if not request.is_signed:
        count_refusal(refusal, origin=origin, now=now)
        return
    write_event(
        AuditEvent.REQUEST_REFUSED,
        at=now,
        origin=origin,
        reason=refusal.reason,
        details={"service": provider.entity_id, "request": request.id, "cause": refusal.cause},
    )


def park(asked: Asked, *, secret: str | None, origin: Origin, now: datetime) -> Parked:
    """The request waits for a sign-in in the browser that has this secret, or the new one; it is claimed."""
    request = asked.request
    held = secret or new_secret()
    parked = Parked(number=number_in(held, request.issuer, request.id), secret=held)
    text = seal(request, parked.number, received_at=now)
    row = parked_row(text, parked, binding=request.binding, origin=origin, now=now)
    claim_with(request.issuer, request.id, row, now=now)
    count_waiting()
    # Nobody knows yet whose it is: the log tells of it now, and the trail when it is answered.
    facts = {"service": request.issuer, "request": request.id, "reference": origin.reference}
    logger.info("saml.request.waits", extra={"facts": facts})
    return parked


def seen_before(
    asked: Asked, refusal: Replayed, *, secret: str | None, origin: Origin, now: datetime
) -> Parked:
    """The request as it waits in this browser already, whose page was opened anew; anywhere else it is refused.

    That is recorded.
    """
    number = number_in(secret, asked.request.issuer, asked.request.id) if secret else ""
    try:
        find_parked(number, browser_secrets=[secret or ""], now=now)
    except RequestGone:
        record_refusal(asked.request, asked.provider, refusal, origin=origin, now=now)
        raise refusal from None
    return Parked(number=number, secret=secret or "")
