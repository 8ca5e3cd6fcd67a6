"""Single logout: what a service asked or answered, and what ends with it (SAML Core 3.7, SAML Profiles 4.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from idp.domain.authn_request import FRESH_FOR, RequestNotTrusted
from idp.domain.errors import Malformed
from idp.domain.saml_names import Binding, NameIdFormat
from idp.domain.service_provider import LogoutEndpoint, ServiceProvider


class StepState(StrEnum):
    """What has become of one service in a logout."""

    WAITING = "waiting"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A service's wish to end somebody's session, signed by a key that is registered for it.

    One that `wants_no_answer` leaves the person here (SAML V2.0 Asynchronous Single Logout Protocol Extension 1.0).
    """

    id: str
    issuer: str
    issued_at: datetime
    binding: Binding
    name_id: str
    name_id_format: str | None
    name_qualifier: str | None
    sp_name_qualifier: str | None
    session_indexes: tuple[str, ...]
    destination: str | None = None
    relay_state: str | None = None
    not_on_or_after: datetime | None = None
    wants_no_answer: bool = False


class NobodyMeant(Malformed):
    """A wish to end a session that is none of this browser's, of a service that wants no answer."""

    code = "logout-of-nobody"
    sentence = (
        "The service asked to sign out somebody who is not signed in in this browser. Nothing has ended here."
    )


@dataclass(frozen=True, slots=True)
class LogoutResponse:
    """A service's answer to our own wish, signed by a key that is registered for it."""

    id: str
    issuer: str
    issued_at: datetime
    binding: Binding
    in_response_to: str | None
    is_success: bool
    destination: str | None = None
    relay_state: str | None = None


@dataclass(frozen=True, slots=True)
class KnownSession:
    """What one service calls one session of one person."""

    name_id: str
    name_id_format: str
    name_qualifier: str
    sp_name_qualifier: str
    session_index: str


def sessions_meant(request: LogoutRequest, known: Iterable[KnownSession]) -> list[KnownSession]:
    """Those of the known sessions that the request means: the name must be right in every part it tells.

    Without a SessionIndex all sessions of this name are meant (SAML Core 3.7.1).
    """
    unsaid = {None, NameIdFormat.UNSPECIFIED.value}
    return [
        session
        for session in known
        if request.name_id == session.name_id
        and (request.name_id_format in unsaid or request.name_id_format == session.name_id_format)
        and (request.name_qualifier or session.name_qualifier) == session.name_qualifier
        and (request.sp_name_qualifier or session.sp_name_qualifier) == session.sp_name_qualifier
        and (not request.session_indexes or session.session_index in request.session_indexes)
    ]


def check_not_over(request: LogoutRequest, *, now: datetime) -> None:
    """Refuse a request whose own end has passed, by more than clocks may differ (LO-01)."""
    if request.not_on_or_after is not None and request.not_on_or_after + FRESH_FOR <= now:
        raise RequestNotTrusted("saml.logout.expired", request.not_on_or_after.isoformat())


def logout_endpoint(provider: ServiceProvider) -> LogoutEndpoint | None:
    """Where the service takes logout messages: by Redirect where it can, for that needs no script."""
    return provider.logout_for(Binding.HTTP_REDIRECT) or provider.logout_for(Binding.HTTP_POST)
