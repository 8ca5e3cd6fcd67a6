"""A service provider's request → signed statement or status document.

What can be trusted (`understand_request`) is answered for whoever is signed in; what cannot be met, with a status.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import models

from idp.conf.saml import saml_config
from idp.domain.assertion import NewIds
from idp.domain.authn_request import RequestUnmet, Status, check_can_be_met
from idp.domain.errors import Refused, SignInNeeded
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.provider_kind import ProviderKind
from idp.domain.service_provider import ProviderNotForPerson
from idp.models import User
from idp.saml.answers import STATUS_REQUESTER, STATUS_RESPONDER, StatusPlan, sign_refusal
from idp.saml.keys import signing_keys
from idp.services.audit import event_row
from idp.services.incoming import count_refusal
from idp.services.parked_requests import Waiting, take_parked
from idp.services.provider_statement import (
    SignedIn,
    Wish,
    form_action_of,
    issue_statement,
    record_refused,
)
from idp.services.replay import claim_with
from idp.services.understand_request import Asked

# SAML Core 3.2.2.2: whose fault it is.
FAULT_OF_REQUESTER = frozenset(
    {Status.INVALID_NAME_ID_POLICY, Status.REQUEST_UNSUPPORTED, Status.NO_SUPPORTED_IDP}
)


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


def check_answerable(asked: Asked) -> None:
    """Refuse with RequestUnmet what we never do, whoever the person is."""
    if asked.provider.kind is ProviderKind.AWS:
        raise RequestUnmet(Status.REQUEST_UNSUPPORTED, "roles in AWS are chosen at our own pages")
    check_can_be_met(asked.request, asked.provider, entity_id=saml_config().entity_id)


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
