"""One statement for one service: who the person is there, what it learns of them, signed as was agreed."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

from django.db import models

from idp.conf.access import access_config
from idp.conf.saml import saml_config
from idp.domain.assertion import BACKDATED_FOR, VALID_FOR, NewIds, StatementPlan
from idp.domain.authn_request import (
    HELD_CLASSES,
    AuthnRequest,
    RequestUnmet,
    Status,
    check_is_subject,
    context_class,
)
from idp.domain.aws.attributes import PREFIX
from idp.domain.errors import DirectoryUnavailable, Refused, SignInNeeded
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.name_id import NameId
from idp.domain.origin import Origin
from idp.domain.provider_address import MalformedLocation, check_location
from idp.domain.provider_kind import ProviderKind
from idp.domain.released_attribute import Made
from idp.domain.saml_names import NameIdFormat
from idp.domain.service_provider import AcsEndpoint, ServiceProvider
from idp.models import ServiceSession, User
from idp.models.session import SessionStore
from idp.saml.answers import Protection, sign_statement
from idp.saml.keys import signing_keys
from idp.saml.signing import SignedResponse
from idp.services.audit import event_row, write_event
from idp.services.identity import current_identity
from idp.services.name_ids import known_persistent_name, name_id_for
from idp.services.subject_identifiers import subject_identifiers

# Only our own rules give roles in AWS: of AWS's attributes a list may hold none but those of IAM Identity Center.
LAWFUL_OF_AWS = f"{PREFIX}AccessControl:"


class RolesNotReleased(Refused):
    """A service whose list of attributes would give roles in AWS past every rule."""

    code = "service-misconfigured"
    sentence = "This service is set up wrongly, so nothing was sent. Please tell your administrators."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in in this browser, since when, and the session's hashed key; and how the service knows them.

    `known_name` is the person's persistent name there as far as it was read already.
    """

    person: User
    session_hash: str
    signed_in_at: datetime
    known_name: str | None = None

    @classmethod
    def of(cls, session: SessionStore, *, service: str) -> "SignedIn":
        """Whoever is signed in here and goes to this service; refuses with SignInNeeded if nobody is."""
        known = session.name_at(service)
        if session.user is None or session.row is None or session.signed_in_at is None:
            raise SignInNeeded("nobody is signed in")
        return cls(session.user, session.row.key_hash, session.signed_in_at, known)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks of the statement itself; nothing where nobody asked."""

    request: AuthnRequest | None = None

    @property
    def in_response_to(self) -> str:
        """The request's ID."""
        return self.request.id if self.request else ""

    @property
    def authn_context(self) -> str:
        """The class that the statement names."""
        return context_class(self.request) if self.request else HELD_CLASSES[0]

    @property
    def may_create(self) -> bool:
        """Whether a name may be given to somebody who has none there yet; only an express no forbids it."""
        policy = self.request.name_id_policy if self.request else None
        return policy is None or policy.allow_create is not False

    @property
    def attribute_index(self) -> int | None:
        """Which of its wishes for attributes the service means."""
        return self.request.attribute_index if self.request else None

    def check_subject(self, name_id: NameId) -> None:
        """Refuse with RequestUnmet a request for somebody else."""
        if self.request is not None:
            check_is_subject(self.request, name_id=name_id.value, name_id_format=name_id.format.value)


@dataclass(frozen=True, slots=True)
class Statement:
    """A signed statement, and the rows that must be written before it leaves."""

    response: SignedResponse
    rows: tuple[models.Model, ...]


def issue_statement(
    *,
    provider: ServiceProvider,
    endpoint: AcsEndpoint,
    wish: Wish,
    signed_in: SignedIn,
    origin: Origin,
    now: datetime,
    ids: NewIds,
) -> Statement:
    """The statement that this person is who they are, for this service at this address; not recorded yet.

    Refuses with ProviderNotForPerson, NoNameId, RequestUnmet; is Unavailable if directory or key are.
    """
    check_release(provider)
    person = signed_in.person
    identity = current_identity(person, now=now, names=provider.needs_group_names)
    provider.check_may_use(identity)
    if provider.needs_group_names and not identity.groups_named:
        raise DirectoryUnavailable("the service learns names of groups, which the last answer does not tell")
    name_id = _name_id(signed_in, provider, identity, wish, now)
    wish.check_subject(name_id)
    made = subject_identifiers(person.account_key, provider, now=now)
    plan = plan_statement(
        provider=provider,
        endpoint=endpoint,
        identity=identity,
        name_id=name_id,
        made=made,
        wish=wish,
        signed_in_at=signed_in.signed_in_at,
        now=now,
        ids=ids,
    )
    response = sign_statement(
        plan, protection_of(provider), signing_keys().signer_for(provider.signature_algorithm)
    )
    return Statement(
        response, (_session_row(signed_in, provider, plan, now), _event(person, provider, plan, origin, now))
    )


def plan_statement(
    *,
    provider: ServiceProvider,
    endpoint: AcsEndpoint,
    identity: DirectoryIdentity,
    name_id: NameId,
    made: Mapping[Made, str],
    wish: Wish,
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> StatementPlan:
    """Everything that the statement says; moments in whole seconds, which every reader understands."""
    issued_at = now.replace(microsecond=0)
    return StatementPlan(
        ids=ids,
        issuer=saml_config().entity_id,
        audience=provider.entity_id,
        recipient=endpoint.location,
        name_id=name_id.value,
        name_id_format="" if provider.omit_name_id else name_id.format.value,
        name_qualifier=name_id.name_qualifier,
        sp_name_qualifier=name_id.sp_name_qualifier,
        in_response_to=wish.in_response_to,
        issued_at=issued_at,
        not_before=issued_at - BACKDATED_FOR,
        not_on_or_after=issued_at + VALID_FOR,
        # Another server's clock may be ahead of ours: no service believes a sign-in that is still to come.
        signed_in_at=min(signed_in_at.replace(microsecond=0), issued_at),
        authn_context=wish.authn_context,
        attributes=provider.attributes_for(identity, made, index=wish.attribute_index),
        session_ends_at=issued_at + provider.session_for if provider.session_for else None,
    )


def protection_of(provider: ServiceProvider) -> Protection:
    """What is signed and encrypted for this service."""
    return Protection(
        sign_assertion=provider.sign_assertion,
        sign_response=provider.sign_response,
        encryption_certificate=provider.encryption_certificate if provider.encrypt_assertions else "",
        encryption_scheme=provider.encryption_scheme,
        longest_assertion=provider.kind.longest_assertion,
        longest_response=provider.kind.longest_response,
    )


def form_action_of(provider: ServiceProvider) -> tuple[str, ...]:
    """The origins that the posting page may lead to: the service's own.

    Chromium applies the policy to redirects too, and a service may go on from its endpoint to another of its hosts.
    Entity IDs and relay states are texts of others: what is no ordinary origin would be read as more of the policy.
    """
    addresses = [endpoint.location for endpoint in provider.acs]
    addresses += [endpoint.location for endpoint in provider.logout]
    addresses += [provider.default_relay_state, provider.entity_id]
    origins = []
    for address in addresses:
        with suppress(MalformedLocation, ValueError):
            parts = urlsplit(address)
            origins.append(check_location(f"{parts.scheme}://{parts.netloc.lower()}"))
    return tuple(dict.fromkeys(origins))


def check_release(provider: ServiceProvider) -> None:
    """Refuse a service that would be told of roles in AWS past the rules, whoever has written that down."""
    names = [attribute.name for attribute in provider.attributes]
    of_aws = [name for name in names if name.casefold().startswith(PREFIX.casefold())]
    if provider.kind is ProviderKind.AWS or not all(name.startswith(LAWFUL_OF_AWS) for name in of_aws):
        raise RolesNotReleased(f"{provider.entity_id} would be given roles in AWS without a rule")


def _name_id(
    signed_in: SignedIn, provider: ServiceProvider, identity: DirectoryIdentity, wish: Wish, now: datetime
) -> NameId:
    person, known = signed_in.person, signed_in.known_name
    if provider.omit_name_id:
        return NameId("", provider.name_id_format)
    is_given = provider.name_id_format is NameIdFormat.PERSISTENT
    if (
        is_given
        and not wish.may_create
        and known is None
        and known_persistent_name(person.account_key, provider.entity_id) is None
    ):
        raise RequestUnmet(Status.INVALID_NAME_ID_POLICY, "AllowCreate is false, and there is no name yet")
    return name_id_for(person=person, provider=provider, identity=identity, known=known, now=now)


def _session_row(
    signed_in: SignedIn, provider: ServiceProvider, plan: StatementPlan, now: datetime
) -> ServiceSession:
    return ServiceSession(
        session_hash=signed_in.session_hash,
        user=signed_in.person,
        entity_id=provider.entity_id,
        name_id=plan.name_id,
        name_id_format=plan.name_id_format,
        name_qualifier=plan.name_qualifier,
        sp_name_qualifier=plan.sp_name_qualifier,
        session_index=plan.ids.session_index,
        issued_at=now,
        expires_at=signed_in.signed_in_at + access_config().absolute_for,
    )


def record_refused(
    provider: ServiceProvider, person: User, refusal: Refused, *, origin: Origin, now: datetime
) -> None:
    """The trail tells that this person got nothing for this service, and why."""
    write_event(
        AuditEvent.SERVICE_REFUSED,
        at=now,
        origin=origin,
        account_key=person.account_key,
        person=person.username,
        reason=refusal.code,
        details={"service": provider.entity_id, "cause": refusal.cause[:300]},
    )


def _event(
    person: User, provider: ServiceProvider, plan: StatementPlan, origin: Origin, now: datetime
) -> models.Model:
    return event_row(
        AuditEvent.SERVICE_ANSWERED,
        at=now,
        origin=origin,
        account_key=person.account_key,
        person=person.username,
        details={
            "service": provider.entity_id,
            "recipient": plan.recipient,
            "assertion": plan.ids.assertion,
            "request": plan.in_response_to,
            "name_id_format": plan.name_id_format,
            # What the service calls the person joins its log with ours, and says nothing to anybody else.
            "name_id_sha256": sha256(plan.name_id.encode()).hexdigest()[:16] if plan.name_id else "",
        },
    )
