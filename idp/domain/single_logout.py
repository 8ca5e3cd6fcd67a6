"""Single logout: what a service asked or answered, and what ends with it (SAML Core 3.7, SAML Profiles 4.4)."""

from dataclasses import dataclass
from datetime import datetime

from idp.domain.saml_names import Binding


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A service's wish to end somebody's session, signed by a key that is registered for it."""

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
