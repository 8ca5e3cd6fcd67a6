"""A service provider's request → signed statement or status document.

The way of a request: `understand` (gate, signature, address), then `answer` for whoever is signed in, or `park`
until somebody is, and `take_up` then. What cannot be trusted is refused with a page; what cannot be met is answered
with a status.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import models

from idp.conf import saml_config
from idp.domain.assertion import NewIds
from idp.domain.authn_request import (
    AuthnRequest,
    RequestNotTrusted,
    RequestUnmet,
    Status,
    answer_endpoint,
    check_can_be_met,
    check_destination,
    check_moment,
    fingerprint,
)
from idp.domain.errors import Refused, SignInNeeded
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.provider_kind import ProviderKind
from idp.domain.saml_names import Binding
from idp.domain.service_provider import (
    AcsEndpoint,
    ProviderNotForPerson,
    ServiceProvider,
    UnknownProvider,
)
from idp.models import User
from idp.saml.answers import STATUS_REQUESTER, STATUS_RESPONDER, StatusPlan, sign_refusal
from idp.saml.constants import SIGN_ON_POST_PATH, SIGN_ON_REDIRECT_PATH
from idp.saml.errors import UntrustedMessage
from idp.saml.keys import signing_keys
from idp.saml.requests import authn_request
from idp.saml.shapes import MessageKind
from idp.services.audit import event_row, write_event
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
    take_parked,
)
from idp.services.provider_statement import (
    SignedIn,
    Wish,
    form_action_of,
    issue_statement,
    record_refused,
)
from idp.services.replay import Replayed, claim_with
from idp.services.sealed_requests import seal, unseal
from idp.services.service_providers import service_provider_of

logger = logging.getLogger("drawbridge.saml")

PATHS = {Binding.HTTP_REDIRECT: SIGN_ON_REDIRECT_PATH, Binding.HTTP_POST: SIGN_ON_POST_PATH}
# SAML Core 3.2.2.2: whose fault it is.
FAULT_OF_REQUESTER = frozenset(
    {Status.INVALID_NAME_ID_POLICY, Status.REQUEST_UNSUPPORTED, Status.NO_SUPPORTED_IDP}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered: who asks, and the registered address that the answer goes to."""

    request: AuthnRequest
    provider: ServiceProvider
    endpoint: AcsEndpoint


@dataclass(frozen=True, slots=True)
class Answer:
    """A signed document and where a browser must post it; it may open a session, so it shows itself to nobody.

    `refusal` is None for a statement, and what the person is told where there is none.
    """

    saml_response: str
    acs: str
    relay_state: str | None
    form_action: tuple[str, ...]
    provider_name: str
    refusal: Refused | None = None

    def __repr__(self) -> str:
        return f"Answer(for {self.acs})"


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


def check_answerable(asked: Asked) -> None:
    """Refuse with RequestUnmet what we never do, whoever the person is."""
    if asked.provider.kind is ProviderKind.AWS:
        raise RequestUnmet(Status.REQUEST_UNSUPPORTED, "roles in AWS are chosen at our own pages")
    check_can_be_met(asked.request, asked.provider, entity_id=saml_config().entity_id)


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


def answer(
    asked: Asked, signed_in: SignedIn, *, waiting: Waiting | None, origin: Origin, now: datetime, ids: NewIds
) -> Answer:
    """The statement for whoever is signed in, or the status that tells why there is none; recorded before it leaves.

    Refuses with SignInEnded somebody who has left; is Unavailable if the directory or a key is.
    """
    request, provider = asked.request, asked.provider
    try:
        check_answerable(asked)
        statement = issue_statement(
            provider=provider,
            endpoint=asked.endpoint,
            wish=Wish(request),
            signed_in=signed_in,
            origin=origin,
            now=now,
            ids=ids,
        )
    except RequestUnmet as unmet:
        return refuse(asked, unmet, waiting=waiting, person=signed_in.person, origin=origin, now=now, ids=ids)
    except ProviderNotForPerson as refusal:
        denied = RequestUnmet(Status.REQUEST_DENIED, refusal.cause)
        told = refuse(
            asked, denied, waiting=waiting, person=signed_in.person, origin=origin, now=now, ids=ids
        )
        return Answer(
            told.saml_response, told.acs, told.relay_state, told.form_action, provider.name, refusal
        )
    except SignInNeeded:
        raise
    except Refused as refusal:
        record_refused(provider, signed_in.person, refusal, origin=origin, now=now)
        raise
    _record(asked, waiting, *statement.rows, now=now)
    return Answer(
        saml_response=statement.response.base64_text,
        acs=asked.endpoint.location,
        relay_state=request.relay_state,
        form_action=form_action_of(provider),
        provider_name=provider.name,
    )


def refuse(
    asked: Asked,
    unmet: RequestUnmet,
    *,
    waiting: Waiting | None,
    person: User | None,
    origin: Origin,
    now: datetime,
    ids: NewIds,
) -> Answer:
    """The signed status document for a request that is not met, recorded before it leaves."""
    request, provider = asked.request, asked.provider
    code = STATUS_REQUESTER if unmet.status in FAULT_OF_REQUESTER else STATUS_RESPONDER
    response = sign_refusal(
        StatusPlan(
            id=ids.response,
            issuer=saml_config().entity_id,
            recipient=asked.endpoint.location,
            in_response_to=request.id,
            issued_at=now.replace(microsecond=0),
            code=code,
            second_code=unmet.status.value,
            message=f"Reference {origin.reference}",
        ),
        signing_keys().signer_for(provider.signature_algorithm),
    )
    if person is None and not request.is_signed:
        # Anybody may have sent it, as often as they like: the trail is not theirs to fill.
        _record(asked, waiting, now=now)
        count_refusal(unmet, origin=origin, now=now)
    else:
        _record(asked, waiting, _unmet_row(asked, unmet, person, origin=origin, now=now), now=now)
    return Answer(
        saml_response=response.base64_text,
        acs=asked.endpoint.location,
        relay_state=request.relay_state,
        form_action=form_action_of(provider),
        provider_name=provider.name,
        refusal=unmet,
    )


def _unmet_row(
    asked: Asked, unmet: RequestUnmet, person: User | None, *, origin: Origin, now: datetime
) -> models.Model:
    denied = unmet.status is Status.REQUEST_DENIED
    return event_row(
        AuditEvent.SERVICE_REFUSED if denied else AuditEvent.REQUEST_UNMET,
        at=now,
        origin=origin,
        account_key=person.account_key if person else "",
        person=person.username if person else "",
        reason=unmet.told_as,
        details={
            "service": asked.provider.entity_id,
            "request": asked.request.id,
            "cause": unmet.cause[:300],
        },
    )


def _record(asked: Asked, waiting: Waiting | None, *rows: models.Model, now: datetime) -> None:
    """What came of the request is recorded, and the request is answered for good: once, whoever asks again."""
    if waiting is None:
        claim_with(asked.request.issuer, asked.request.id, *rows, now=now)
    else:
        take_parked(waiting, *rows)
