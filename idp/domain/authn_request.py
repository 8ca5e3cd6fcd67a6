"""`AuthnRequest`: what a known service asked, after its signature was checked; and whether we may answer.

Two kinds of no. A request that we cannot trust gets a page and nothing else: no address in it is believed. One
that we trust and cannot satisfy gets a status response at an address that is registered for the service.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from idp.domain.errors import Malformed, Refused
from idp.domain.saml_names import Binding, NameIdFormat
from idp.domain.service_provider import AcsEndpoint, ServiceProvider

# Kantara IIP-G01 wants three to five minutes of tolerance; nobody needs more.
FRESH_FOR: Final = timedelta(minutes=5)
CLASSES: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
# What a password over TLS may truthfully be called, the strongest first (SAML Authentication Context, 3.4).
HELD_CLASSES: Final = (f"{CLASSES}PasswordProtectedTransport", f"{CLASSES}Password", f"{CLASSES}unspecified")
STRENGTH: Final = {name: len(HELD_CLASSES) - place for place, name in enumerate(HELD_CLASSES)}


class Comparison(StrEnum):
    """How the contexts of a request are to be compared with ours (SAML Core 3.3.2.2.1)."""

    EXACT = "exact"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    BETTER = "better"


class Status(StrEnum):
    """Why a request is not satisfied: the second code of a status (SAML Core 3.2.2.2)."""

    AUTHN_FAILED = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
    INVALID_NAME_ID_POLICY = "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"
    NO_AUTHN_CONTEXT = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
    NO_PASSIVE = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
    NO_SUPPORTED_IDP = "urn:oasis:names:tc:SAML:2.0:status:NoSupportedIDP"
    REQUEST_DENIED = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
    REQUEST_UNSUPPORTED = "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported"
    UNKNOWN_PRINCIPAL = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"


class RequestNotTrusted(Malformed):
    """A request to which no answer is sent; `reason` is a machine's word."""

    code = "request-not-trusted"
    sentence = (
        "What the service sent with you could not be trusted, so nothing was sent back to it. "
        "Please start again at the service; if it stays so, tell its administrators."
    )

    def __init__(self, reason: str, remark: str = "") -> None:
        """Keep the reason for the audit."""
        super().__init__(f"{reason}: {remark[:200]}" if remark else reason)
        self.reason = reason


class RequestUnmet(Refused):
    """A request that is answered by a status and no assertion."""

    code = "request-unmet"
    sentence = "The service asked for something that cannot be given, and has been told so."

    def __init__(self, status: Status, cause: str) -> None:
        """Keep what the service is told."""
        super().__init__(cause)
        self.status = status
        self.reason = f"saml.unmet.{self.told_as}"

    @property
    def told_as(self) -> str:
        """The status as a machine's word."""
        return self.status.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class NameIdPolicy:
    """Which name identifier is wanted (SAML Core 3.4.1.1)."""

    format: str | None = None
    sp_name_qualifier: str | None = None
    allow_create: bool | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The person whom a request names itself."""

    value: str
    format: str | None = None


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What a service asked for; `signed_by` tells which registered certificate's key signed all of this, if any."""

    id: str
    issuer: str
    issued_at: datetime
    binding: Binding
    signed_by: str
    destination: str | None = None
    relay_state: str | None = None
    acs_url: str | None = None
    acs_index: int | None = None
    protocol_binding: str | None = None
    force_authn: bool = False
    is_passive: bool = False
    name_id_policy: NameIdPolicy | None = None
    subject: Subject | None = None
    has_conditions: bool = False
    contexts: tuple[str, ...] = ()
    comparison: Comparison = Comparison.EXACT
    named_providers: tuple[str, ...] | None = None
    has_further_providers: bool = False
    attribute_index: int | None = None

    @property
    def is_signed(self) -> bool:
        """Whether a key registered for the service has signed it."""
        return bool(self.signed_by)


def fingerprint(certificate: str) -> str:
    """By what a request tells its signer."""
    return hashlib.sha256(certificate.encode()).hexdigest()


def check_moment(issued_at: datetime, *, now: datetime) -> None:
    """Refuse what was not made just now: clocks may differ, and not by more than five minutes (RQ-06)."""
    if abs(now - issued_at) > FRESH_FOR:
        raise RequestNotTrusted("saml.request.issue_instant", issued_at.isoformat())


def check_destination(destination: str | None, *, ours: str, is_signed: bool) -> None:
    """Refuse a message for another address; a signed one must name ours (SAML Bindings 3.4.5.2, 3.5.5.2)."""
    if destination != ours and (is_signed or destination is not None):
        raise RequestNotTrusted("saml.request.destination", str(destination))


def answer_endpoint(request: AuthnRequest, provider: ServiceProvider) -> AcsEndpoint:
    """Where the answer goes: a registered address, compared character by character; refuses every other (RQ-01)."""
    if request.protocol_binding not in {None, Binding.HTTP_POST.value}:
        raise RequestNotTrusted("saml.request.protocol_binding", str(request.protocol_binding))
    if request.acs_index is not None:
        if request.acs_url is not None or request.protocol_binding is not None:
            raise RequestNotTrusted("saml.request.acs", "an index beside an address or a binding")
        found = provider.acs_of_index(request.acs_index)
    elif request.acs_url is not None:
        found = provider.acs_of_location(request.acs_url)
    else:
        found = provider.default_acs
    if found is None:
        raise RequestNotTrusted("saml.request.acs", request.acs_url or f"index {request.acs_index}")
    return found


def check_can_be_met(request: AuthnRequest, provider: ServiceProvider, *, entity_id: str) -> None:
    """Refuse with RequestUnmet what we never do, whoever the person is."""
    if request.has_conditions:
        raise RequestUnmet(Status.REQUEST_UNSUPPORTED, "conditions in the request")
    if request.has_further_providers:
        # A list at an address that the request names: nothing is fetched for a request.
        raise RequestUnmet(Status.REQUEST_UNSUPPORTED, "scoping refers to a further list")
    if request.named_providers is not None and entity_id not in request.named_providers:
        raise RequestUnmet(Status.NO_SUPPORTED_IDP, "scoping names other identity providers only")
    policy = request.name_id_policy
    if policy is not None:
        wanted = {None, NameIdFormat.UNSPECIFIED.value}
        if not provider.omit_name_id:
            wanted.add(provider.name_id_format.value)
        if policy.format not in wanted:
            raise RequestUnmet(Status.INVALID_NAME_ID_POLICY, f"format {policy.format}")
        if policy.sp_name_qualifier not in {None, "", provider.entity_id}:
            raise RequestUnmet(Status.INVALID_NAME_ID_POLICY, f"qualifier {policy.sp_name_qualifier}")
    context_class(request)


def context_class(request: AuthnRequest) -> str:
    """The class that the statement will name; refuses with RequestUnmet where none of ours is wanted.

    Classes that we do not know cannot be compared with ours, so only `exact` may name them, beside one of ours.
    """
    strongest = HELD_CLASSES[0]
    if not request.contexts:
        return strongest
    known = [STRENGTH[name] for name in request.contexts if name in STRENGTH]
    ours = STRENGTH[strongest]
    if request.comparison is Comparison.EXACT:
        found = next((name for name in request.contexts if name in STRENGTH), None)
    elif request.comparison is Comparison.MINIMUM:
        found = strongest if any(ours >= wanted for wanted in known) else None
    elif request.comparison is Comparison.MAXIMUM:
        found = strongest if any(ours <= wanted for wanted in known) else None
    else:
        all_known = len(known) == len(request.contexts)
        found = strongest if all_known and all(ours > wanted for wanted in known) else None
    if found is None:
        wanted_classes = " ".join(request.contexts)[:200]
        raise RequestUnmet(Status.NO_AUTHN_CONTEXT, f"{request.comparison} {wanted_classes}")
    return found


def check_is_subject(request: AuthnRequest, *, name_id: str, name_id_format: str) -> None:
    """Refuse with RequestUnmet a request for somebody else than this name identifier (RQ-06)."""
    subject = request.subject
    if subject is None:
        return
    same_format = subject.format in {None, NameIdFormat.UNSPECIFIED.value, name_id_format}
    if not same_format or subject.value != name_id:
        raise RequestUnmet(Status.UNKNOWN_PRINCIPAL, "the request names another person")
