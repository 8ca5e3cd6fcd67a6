"""Single logout by the browser: here first, then at one service after another (SAML Profiles 4.4).

The session here is over before anybody else is told, so that a service that does not answer keeps nothing open.
What AWS has given stays valid until it ends; no message of ours changes that, and the pages say so.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction

from idp.conf.saml import saml_config
from idp.domain.authn_request import RequestNotTrusted, Status, check_destination, check_moment
from idp.domain.errors import Malformed
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.saml_names import Binding
from idp.domain.service_provider import ServiceProvider
from idp.domain.single_logout import (
    KnownSession,
    LogoutRequest,
    NobodyMeant,
    StepState,
    check_not_over,
    sessions_meant,
)
from idp.models import ServiceSession
from idp.models.session import SessionStore
from idp.saml.answers import STATUS_REQUESTER, STATUS_RESPONDER
from idp.saml.constants import LOGOUT_POST_PATH, LOGOUT_REDIRECT_PATH
from idp.saml.errors import UntrustedMessage
from idp.saml.requests import logout_request, logout_response
from idp.saml.shapes import MessageKind
from idp.services.audit import write_event
from idp.services.incoming import RawMessage, count_refusal, receive
from idp.services.logout_runs import (
    Initiator,
    RunGone,
    find_run,
    new_run,
    participants,
    place_of,
    step_sent_to,
)
from idp.services.logout_sending import Next, Told, answer_initiator, tell_service
from idp.services.parked_requests import Parked, Waiting, new_secret, parked_row, take_parked
from idp.services.replay import Replayed, claim_with
from idp.services.service_providers import service_provider_of
from idp.services.sign_in import sign_out

PARTIAL_LOGOUT = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
PATHS = {Binding.HTTP_REDIRECT: LOGOUT_REDIRECT_PATH, Binding.HTTP_POST: LOGOUT_POST_PATH}


@dataclass(frozen=True, slots=True)
class Asked:
    """A service's wish to end a session, signed by it."""

    request: LogoutRequest
    provider: ServiceProvider


def leave(
    *, session: SessionStore, secret: str | None, origin: Origin, now: datetime
) -> tuple[str, str] | None:
    """The session is over here; where services know it, gives the logout's number and a browser's secret."""
    if session.user is None:
        sign_out(session=session, origin=origin, now=now)
        return None
    return _end_here(session, secret, None, origin, now, but=None)


def understand(raw: RawMessage, *, received_at: datetime, origin: Origin, now: datetime) -> Asked:
    """The wish as a registered service has signed it, for the moment at which it came; refuses every other."""
    found = receive(raw, expected=frozenset({MessageKind.LOGOUT_REQUEST}), origin=origin, now=now)
    try:
        request = logout_request(found.incoming, certificates=found.provider.signing_certificates)
        check_moment(request.issued_at, now=received_at)
        _check_destination(request.destination, request.binding)
        check_not_over(request, now=received_at)
    except (UntrustedMessage, RequestNotTrusted) as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise
    return Asked(request, found.provider)


def park(asked: Asked, raw: RawMessage, *, origin: Origin, now: datetime) -> Parked:
    """The wish waits for our own page, to which the browser brings its cookies; it is claimed."""
    parked = Parked(number=new_secret(), secret=new_secret())
    _claim(
        asked.request,
        parked_row(raw.text, parked, binding=raw.binding, origin=origin, now=now),
        origin=origin,
        now=now,
    )
    return parked


def take_up(
    asked: Asked,
    *,
    session: SessionStore,
    secret: str | None,
    waiting: Waiting | None,
    origin: Origin,
    now: datetime,
) -> tuple[str, str] | Next:
    """The session that the service means is over here, and a logout is under way that tells the others.

    Only the session of this browser can be meant. Where the name or the index is of another one, nothing ends
    and the service is told so; every such answer is the same (LO-01). A service that wants no answer gets none:
    the person reads here what became of it.
    """
    request, provider = asked.request, asked.provider
    if waiting is None:
        _claim(request, origin=origin, now=now)
    else:
        take_parked(waiting)
    person = session.user
    known = _known_sessions(session.row.key_hash, provider.entity_id) if session.row is not None else []
    if person is None or not sessions_meant(request, known):
        write_event(
            AuditEvent.LOGOUT_REFUSED,
            at=now,
            origin=origin,
            reason="no-such-session",
            details={"service": provider.entity_id, "request": request.id},
        )
        if request.wants_no_answer:
            raise NobodyMeant(f"no such session, says {provider.entity_id}")
        return answer_initiator(
            provider,
            Initiator(provider.entity_id, request.id, request.relay_state),
            (STATUS_REQUESTER, Status.UNKNOWN_PRINCIPAL.value),
            (),
            now,
        )
    write_event(
        AuditEvent.LOGOUT_ASKED,
        at=now,
        origin=origin,
        account_key=person.account_key,
        person=person.username,
        details={"service": provider.entity_id, "request": request.id},
    )
    initiator = Initiator(provider.entity_id, request.id, request.relay_state)
    run = _end_here(
        session,
        secret,
        None if request.wants_no_answer else initiator,
        origin,
        now,
        but=provider.entity_id,
    )
    return run or Next(None, (), "", ())


def go_on(number: str, *, browser_secrets: list[str], origin: Origin, now: datetime) -> Next:
    """The next message of this logout; each service is told once, whoever asks again.

    What could not be signed has not been said: whoever opens the page again has it then.
    """
    with transaction.atomic():
        run = find_run(number, browser_secrets=browser_secrets, now=now)
        for place, step in enumerate(run.steps):
            if step["state"] != StepState.WAITING:
                continue
            sent = tell_service(run, number, place, origin, now)
            if sent is not None:
                return sent
        told = tuple(Told(step["name"], StepState(step["state"])) for step in run.steps)
        if run.answer is None:
            return Next(None, (), "", told)
        initiator = Initiator(*run.answer)
        run.answer = None
        run.save()
        complete = all(step.state is StepState.CONFIRMED for step in told)
        codes = None if complete else (STATUS_RESPONDER, PARTIAL_LOGOUT)
        try:
            provider = service_provider_of(initiator.entity_id, now=now)
        except Malformed:
            return Next(None, (), "", told)
        return answer_initiator(provider, initiator, codes, told, now)


def take_answer(raw: RawMessage, *, origin: Origin, now: datetime) -> str:
    """What a service has answered is noted; gives the number of the logout that goes on (LO-03).

    Refuses answers to what we have not asked, unsigned ones, and those of another service.
    """
    found = receive(raw, expected=frozenset({MessageKind.LOGOUT_RESPONSE}), origin=origin, now=now)
    try:
        response = logout_response(found.incoming, certificates=found.provider.signing_certificates)
        check_moment(response.issued_at, now=now)
        _check_destination(response.destination, response.binding)
        number, place = place_of(response.in_response_to or "")
        with transaction.atomic():
            run = find_run(number, browser_secrets=None, now=now)
            step = step_sent_to(response.issuer, run, place)
            step["state"] = (StepState.CONFIRMED if response.is_success else StepState.REFUSED).value
            run.save()
            write_event(
                AuditEvent.LOGOUT_CONFIRMED,
                at=now,
                origin=origin,
                account_key=run.account_key,
                reason="" if response.is_success else "not-ended-there",
                details={"service": response.issuer, "request": response.in_response_to},
            )
    except RunGone as gone:
        refusal = RequestNotTrusted("saml.logout.unasked", gone.cause)
        count_refusal(refusal, origin=origin, now=now)
        raise refusal from None
    except (UntrustedMessage, RequestNotTrusted) as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise
    return number


def _claim(request: LogoutRequest, *rows: models.Model, origin: Origin, now: datetime) -> None:
    try:
        claim_with(request.issuer, request.id, *rows, now=now)
    except Replayed as refusal:
        count_refusal(refusal, origin=origin, now=now)
        raise


def _check_destination(destination: str | None, binding: Binding) -> None:
    ours = f"{saml_config().base_url}{PATHS[binding]}"
    check_destination(destination, ours=ours, is_signed=True)


def _known_sessions(session_hash: str, entity_id: str) -> list[KnownSession]:
    rows = ServiceSession.objects.filter(session_hash=session_hash, entity_id=entity_id)
    return [
        KnownSession(
            row.name_id, row.name_id_format, row.name_qualifier, row.sp_name_qualifier, row.session_index
        )
        for row in rows
    ]


def _end_here(
    session: SessionStore,
    secret: str | None,
    initiator: Initiator | None,
    origin: Origin,
    now: datetime,
    *,
    but: str | None,
) -> tuple[str, str] | None:
    """Session, what services call it, and audit row change together; nobody is told before that is committed."""
    person = session.user  # the session is read when it is first asked for
    row = session.row
    if row is None or person is None:
        return None
    held = secret or new_secret()
    with transaction.atomic():
        steps = participants(row.key_hash, but=but, now=now)
        ServiceSession.objects.filter(session_hash=row.key_hash).delete()
        sign_out(session=session, origin=origin, now=now)
        if not steps and initiator is None:
            return None
        number = new_run(steps, account_key=person.account_key, initiator=initiator, secret=held, now=now)
    return number, held
