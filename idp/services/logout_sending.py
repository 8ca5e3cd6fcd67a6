"""Our messages in a logout: the request to each service in turn, and the answer to the one that has asked."""

from dataclasses import dataclass
from datetime import datetime

from idp.conf.saml import saml_config
from idp.domain.errors import Malformed
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.saml_names import Binding
from idp.domain.service_provider import ServiceProvider
from idp.domain.single_logout import StepState, logout_endpoint
from idp.models import LogoutRun
from idp.saml.keys import signing_keys
from idp.saml.logout_messages import Envelope, Outgoing, ask_to_end, tell_the_end
from idp.services.audit import write_event
from idp.services.logout_runs import Initiator, new_message_id, request_id_of, sessions_of
from idp.services.provider_statement import form_action_of
from idp.services.service_providers import service_provider_of


@dataclass(frozen=True, slots=True)
class Told:
    """One service on the page at the end of a logout."""

    name: str
    state: StepState


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next in a logout: a message to somebody, or nothing more, and then what became of everybody."""

    message: Outgoing | None
    form_action: tuple[str, ...]
    service: str
    told: tuple[Told, ...]


def tell_service(run: LogoutRun, number: str, place: int, origin: Origin, now: datetime) -> Next | None:
    """The request to the service at this place; None where it cannot be told any more."""
    step = run.steps[place]
    try:
        provider = service_provider_of(step["entity_id"], now=now)
        endpoint = logout_endpoint(provider)
    except Malformed:
        endpoint = None
    if endpoint is None:
        step["state"] = StepState.UNTOLD.value
        run.save()
        return None
    message = ask_to_end(
        _envelope(request_id_of(number, place), endpoint.location, endpoint.binding, None, now),
        sessions_of(step),
        signing_keys().signer_for(provider.signature_algorithm),
    )
    step["state"] = StepState.SENT.value
    run.save()
    write_event(
        AuditEvent.LOGOUT_TOLD,
        at=now,
        origin=origin,
        account_key=run.account_key,
        details={"service": provider.entity_id, "request": request_id_of(number, place)},
    )
    return Next(message, form_action_of(provider), provider.name, ())


def answer_initiator(
    provider: ServiceProvider,
    initiator: Initiator,
    codes: tuple[str, str] | None,
    told: tuple[Told, ...],
    now: datetime,
) -> Next:
    """The answer to the service that asked, at its registered address; a page only, where it has none."""
    endpoint = logout_endpoint(provider)
    if endpoint is None:
        return Next(None, (), "", told)
    code, second_code = codes or (None, None)
    message = tell_the_end(
        _envelope(
            new_message_id(),
            endpoint.response_location or endpoint.location,
            endpoint.binding,
            initiator.relay_state,
            now,
        ),
        in_response_to=initiator.request_id,
        code=code,
        second_code=second_code,
        signer=signing_keys().signer_for(provider.signature_algorithm),
    )
    return Next(message, form_action_of(provider), provider.name, told)


def _envelope(
    message_id: str, address: str, binding: Binding, relay_state: str | None, now: datetime
) -> Envelope:
    return Envelope(
        id=message_id,
        issuer=saml_config().entity_id,
        address=address,
        binding=binding,
        issued_at=now.replace(microsecond=0),
        relay_state=relay_state,
    )
