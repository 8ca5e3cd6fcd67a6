"""A statement that nobody asked for but the person: started here, recorded before it leaves."""

from datetime import datetime

from idp.domain.assertion import NewIds
from idp.domain.errors import Refused
from idp.domain.origin import Origin
from idp.domain.service_provider import ServiceProvider
from idp.models.compiled import insert_together
from idp.services.answer_request import Answer
from idp.services.provider_statement import (
    SignedIn,
    Wish,
    form_action_of,
    issue_statement,
    record_refused,
)


def start(
    provider: ServiceProvider,
    signed_in: SignedIn,
    *,
    relay_state: str | None,
    origin: Origin,
    now: datetime,
    ids: NewIds,
) -> Answer:
    """A statement that nobody asked for but the person, recorded before it leaves.

    Refuses with ProviderNotForPerson, audited, whoever may not use the service.
    """
    try:
        statement = issue_statement(
            provider=provider,
            endpoint=provider.default_acs,
            wish=Wish(),
            signed_in=signed_in,
            origin=origin,
            now=now,
            ids=ids,
        )
    except Refused as refusal:
        record_refused(provider, signed_in.person, refusal, origin=origin, now=now)
        raise
    insert_together(*statement.rows)
    return Answer(
        saml_response=statement.response.base64_text,
        acs=provider.default_acs.location,
        relay_state=relay_state if relay_state is not None else provider.default_relay_state or None,
        form_action=form_action_of(provider),
        provider_name=provider.name,
    )
