"""`ServiceProvider`: a service that believes our statements, and everything agreed with it; checked when made.

What is agreed stands here and nowhere in a request: addresses, formats and attributes are compared with what
was registered, never taken from what was sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.domain.aws.attributes import SamlAttribute
from idp.domain.aws.identity_center import check_access_control_names, check_access_control_values
from idp.domain.encryption_scheme import USUAL_SCHEME, EncryptionScheme
from idp.domain.errors import Malformed, Refused
from idp.domain.identity import DirectoryIdentity
from idp.domain.provider_address import check_location
from idp.domain.provider_kind import ProviderKind
from idp.domain.released_attribute import (
    NOTHING_MADE,
    Made,
    ReleasedAttribute,
    Source,
    SourceKind,
    attributes_due,
    check_attributes,
    released_attributes,
)
from idp.domain.saml_names import Binding, NameIdFormat, SignatureAlgorithm
from idp.domain.service_wishes import ServiceWishes

LONGEST_ENTITY_ID = 1_024  # SAML Core 8.3.6
LONGEST_NAME = 100
LARGEST_INDEX = 65_535  # xs:unsignedShort
MOST_ENDPOINTS = 50
MOST_CERTIFICATES = 10
MOST_GROUPS = 200
NO_WISHES = ServiceWishes()
SHORTEST_SESSION = timedelta(minutes=5)
LONGEST_SESSION = timedelta(days=1)

absolute_uri = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+", re.ASCII)
certificate_grammar = re.compile(r"[A-Za-z0-9+/]{200,16384}={0,2}", re.ASCII)


class MalformedProvider(Malformed):
    """A service provider that could not be served as it is described; `field` names what is wrong."""

    code = "malformed-service-provider"
    sentence = "This service provider cannot be served as it is described."

    def __init__(self, cause: str = "", *, sentence: str | None = None, field: str = "") -> None:
        """Keep which field is wrong."""
        super().__init__(cause or sentence or "", sentence=sentence)
        self.field = field


class UnknownProvider(Malformed):
    """No service of this name is registered, or it is switched off, or what it published has expired."""

    code = "unknown-service-provider"
    sentence = "The service that sent you here is not known to us, so nothing was sent to it."


class ProviderNotForPerson(Refused):
    """None of the groups that may use the service has this person."""

    code = "service-not-granted"
    sentence = "You may not use this service. Ask your administrators if you should be able to."


@dataclass(frozen=True, slots=True)
class AcsEndpoint:
    """One place that takes our responses; its address is also the Recipient (SAML Metadata 2.4.4)."""

    location: str
    index: int = 0
    is_default: bool = False
    binding: Binding = Binding.HTTP_POST


@dataclass(frozen=True, slots=True)
class LogoutEndpoint:
    """One place that takes our logout messages; answers go to `response_location` where that is another one."""

    location: str
    binding: Binding
    response_location: str = ""


@dataclass(frozen=True, slots=True)
class GroupOfProvider:
    """One group whose members may use the service; the identifier decides, the DN is for people."""

    group_id: str
    dn: str = ""


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """One service and what was agreed with it; refuses with MalformedProvider what could not be served.

    Certificates are base64 of their DER form, as KeyInfo holds them. `believed_until` is the `validUntil` of
    its metadata. `session_for` bounds the session at the service (SessionNotOnOrAfter); None says nothing of it.
    """

    entity_id: str
    name: str
    acs: tuple[AcsEndpoint, ...]
    kind: ProviderKind = ProviderKind.GENERIC
    logout: tuple[LogoutEndpoint, ...] = ()
    name_id_format: NameIdFormat = NameIdFormat.PERSISTENT
    name_id_source: Source | None = None
    omit_name_id: bool = False
    attributes: tuple[ReleasedAttribute, ...] = ()
    wishes: ServiceWishes = NO_WISHES
    for_everyone: bool = False
    groups: tuple[GroupOfProvider, ...] = ()
    want_signed_requests: bool = False
    signing_certificates: tuple[str, ...] = ()
    encrypt_assertions: bool = False
    encryption_certificate: str = ""
    encryption_scheme: EncryptionScheme = USUAL_SCHEME
    signature_algorithm: SignatureAlgorithm = SignatureAlgorithm.RSA_SHA256
    sign_response: bool = True
    sign_assertion: bool = True
    session_for: timedelta | None = None
    default_relay_state: str = ""
    believed_until: datetime | None = None
    enabled: bool = True

    def __post_init__(self) -> None:
        """Refuse what could not be served."""
        check_entity_id(self.entity_id)
        if not 1 <= len(self.name.strip()) <= LONGEST_NAME or not self.name.isprintable():
            raise MalformedProvider(sentence=f"A name has 1 to {LONGEST_NAME} characters.", field="name")
        _check_acs(self.acs)
        for endpoint in self.logout:
            check_location(endpoint.location)
            if endpoint.response_location:
                check_location(endpoint.response_location)
        _check_name_id(self)
        check_attributes(self.attributes)
        _check_keys(self)
        _check_kind(self)
        if len(self.groups) > MOST_GROUPS:
            raise _mistake("groups", f"At most {MOST_GROUPS} groups.")
        if self.session_for is not None and not SHORTEST_SESSION <= self.session_for <= LONGEST_SESSION:
            raise _mistake("session_seconds", "A session lasts 5 minutes to 24 hours.")

    @property
    def default_acs(self) -> AcsEndpoint:
        """Where a response goes when nothing else was asked (SAML Metadata 2.2.3)."""
        return next((endpoint for endpoint in self.acs if endpoint.is_default), self.acs[0])

    def acs_of_index(self, index: int) -> AcsEndpoint | None:
        """The registered endpoint of this index."""
        return next((endpoint for endpoint in self.acs if endpoint.index == index), None)

    def acs_of_location(self, location: str) -> AcsEndpoint | None:
        """The registered endpoint of exactly this address, character by character (RQ-01)."""
        return next((endpoint for endpoint in self.acs if endpoint.location == location), None)

    def logout_for(self, binding: Binding) -> LogoutEndpoint | None:
        """The endpoint for logout messages of this binding."""
        return next((endpoint for endpoint in self.logout if endpoint.binding is binding), None)

    def check_may_use(self, identity: DirectoryIdentity) -> None:
        """Refuse whoever may not sign in, or is in none of the groups that may use the service."""
        wanted = {group.group_id for group in self.groups}
        is_member = any(group.group_id in wanted for group in identity.groups)
        if not identity.may_sign_in or not (self.for_everyone or is_member):
            raise ProviderNotForPerson(f"{identity.account_key} may not use {self.entity_id}")

    @property
    def needs_group_names(self) -> bool:
        """Whether it receives what a person's groups are called."""
        return any(attribute.source.needs_group_names for attribute in self.attributes)

    @property
    def made(self) -> frozenset[Made]:
        """The identifiers of our making that it receives."""
        sources = (attribute.source for attribute in self.attributes)
        return frozenset(Made(source.value) for source in sources if source.kind is SourceKind.MADE)

    def attributes_for(
        self,
        identity: DirectoryIdentity,
        made: Mapping[Made, str] = NOTHING_MADE,
        *,
        index: int | None = None,
    ) -> tuple[SamlAttribute, ...]:
        """What the service learns of this person; refuses values that would make it refuse the whole sign-in.

        `index` says which of its requests for attributes it means.
        """
        released = released_attributes(identity, attributes_due(self.attributes, self.wishes, index), made)
        if self.kind is ProviderKind.IDENTITY_CENTER:
            check_access_control_values(released)
        return released


def check_entity_id(entity_id: str) -> str:
    """The same name; refuses what is no absolute URI of at most 1,024 characters (SAML Core 8.3.6)."""
    if len(entity_id) > LONGEST_ENTITY_ID or not absolute_uri.fullmatch(entity_id):
        raise MalformedProvider(
            f"entity ID {entity_id[:200]!r}",
            sentence=f"An entity ID is an absolute URI of at most {LONGEST_ENTITY_ID} characters.",
            field="entity_id",
        )
    return entity_id


def _check_acs(endpoints: tuple[AcsEndpoint, ...]) -> None:
    def refuse(sentence: str) -> MalformedProvider:
        return MalformedProvider(sentence=sentence, field="acs")

    if not 1 <= len(endpoints) <= MOST_ENDPOINTS:
        raise refuse(f"A service provider has 1 to {MOST_ENDPOINTS} assertion consumer services.")
    for endpoint in endpoints:
        check_location(endpoint.location)
        if endpoint.binding is not Binding.HTTP_POST:
            raise refuse("Responses are sent by HTTP-POST only.")
        if not 0 <= endpoint.index <= LARGEST_INDEX:
            raise refuse(f"An index is a number from 0 to {LARGEST_INDEX}.")
    if len({endpoint.index for endpoint in endpoints}) != len(endpoints):
        raise refuse("Two assertion consumer services have one index.")
    if len({endpoint.location for endpoint in endpoints}) != len(endpoints):
        raise refuse("An address stands twice among the assertion consumer services.")
    if sum(endpoint.is_default for endpoint in endpoints) > 1:
        raise refuse("Only one assertion consumer service can be the default.")


def _check_name_id(provider: ServiceProvider) -> None:
    needs_source = provider.name_id_format in {NameIdFormat.EMAIL, NameIdFormat.UNSPECIFIED}
    if needs_source and (provider.name_id_source is None or not provider.name_id_source.is_of_entry):
        raise MalformedProvider(
            sentence="This format of name identifiers needs a value of the person's directory entry.",
            field="name_id_source",
        )
    if not needs_source and provider.name_id_source is not None:
        raise MalformedProvider(
            sentence="Persistent and transient identifiers are made by us: they take no value of the entry.",
            field="name_id_source",
        )


def _check_keys(provider: ServiceProvider) -> None:
    certificates = provider.signing_certificates
    if len(certificates) > MOST_CERTIFICATES or len(set(certificates)) != len(certificates):
        raise _mistake(
            "signing_certificates", f"At most {MOST_CERTIFICATES} signing certificates, each once."
        )
    for certificate in (*certificates, *filter(None, [provider.encryption_certificate])):
        if not certificate_grammar.fullmatch(certificate):
            raise _mistake("signing_certificates", "A certificate is not in base64 form.")
    if provider.want_signed_requests and not certificates:
        raise _mistake(
            "want_signed_requests",
            "Signed requests can only be demanded of a service whose signing certificate is known.",
        )
    if provider.encrypt_assertions and not provider.encryption_certificate:
        raise _mistake(
            "encrypt_assertions",
            "Assertions can only be encrypted for a service whose encryption certificate is known.",
        )
    if not (provider.sign_response or provider.sign_assertion):
        raise _mistake("sign_assertion", "Sign the assertion, the response, or both.")


def _check_kind(provider: ServiceProvider) -> None:
    """IAM Identity Center takes one kind of name, no encryption, and RSA; AWS IAM learns roles and nothing else."""
    is_closed = provider.groups or not provider.for_everyone
    if provider.kind is ProviderKind.AWS and (provider.attributes or is_closed):
        raise _mistake(
            "attributes" if provider.attributes else "for_everyone",
            "What AWS IAM learns of a person, and who may go there, say accounts, roles and rules.",
        )
    if provider.kind is not ProviderKind.GENERIC and provider.omit_name_id:
        raise _mistake("omit_name_id", "AWS knows nobody without a name identifier.")
    if provider.kind is not ProviderKind.IDENTITY_CENTER:
        return
    check_access_control_names(attribute.name for attribute in provider.attributes)
    if provider.name_id_format is not NameIdFormat.EMAIL:
        raise _mistake("name_id_format", "IAM Identity Center knows people by the format emailAddress only.")
    if provider.encrypt_assertions:
        raise _mistake("encrypt_assertions", "IAM Identity Center takes no encrypted assertions.")
    if provider.want_signed_requests:
        raise _mistake("want_signed_requests", "IAM Identity Center signs no requests.")
    if not provider.sign_assertion:
        raise _mistake("sign_assertion", "IAM Identity Center wants the assertion signed.")
    if not provider.signature_algorithm.is_rsa:
        raise _mistake("signature_algorithm", "IAM Identity Center wants signatures by an RSA key.")


def _mistake(field: str, sentence: str) -> MalformedProvider:
    return MalformedProvider(sentence=sentence, field=field)
