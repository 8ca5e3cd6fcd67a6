"""`ProviderMetadata`: what a service says of itself, and what of that becomes part of the agreement with it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from idp.domain.encryption_scheme import USUAL_SCHEME, EncryptionScheme
from idp.domain.released_attribute import Made, ReleasedAttribute, Source, SourceKind
from idp.domain.saml_names import NameIdFormat, SignatureAlgorithm
from idp.domain.service_provider import NO_WISHES, AcsEndpoint, LogoutEndpoint, ServiceProvider
from idp.domain.service_wishes import ServiceWishes

SHORTEST_CACHE = timedelta(hours=1)
USUAL_CACHE = timedelta(hours=12)
LONGEST_CACHE = timedelta(days=1)
ABSURD_CACHE = timedelta(days=366)

# XML Schema Part 2, 3.2.6; months and years are counted as the longest there are.
duration_grammar = re.compile(
    r"P(?:([0-9]{1,6})Y)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9})D)?"
    r"(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:\.[0-9]{1,9})?S)?)?",
    re.ASCII,
)
UNITS = (
    timedelta(days=366),
    timedelta(days=31),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
)


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """One service's own description, checked in form; certificates are base64 of their DER form.

    `subject_id` is the identifier that it asks for by its entity attributes, if any. `encryption_scheme` and
    `signature_algorithms` are what we have of what it says to understand; without a word of it nothing.
    `refresh_after` is when to ask again. A key without a named use serves both (SAML Metadata 2.4.1.1).
    """

    entity_id: str
    display_name: str
    acs: tuple[AcsEndpoint, ...]
    logout: tuple[LogoutEndpoint, ...]
    name_id_formats: tuple[str, ...]
    signs_requests: bool
    signing_certificates: tuple[str, ...]
    encryption_certificates: tuple[str, ...]
    valid_until: datetime | None
    refresh_after: timedelta
    sha256: str
    subject_id: Made | None = None
    encryption_scheme: EncryptionScheme | None = None
    signature_algorithms: tuple[SignatureAlgorithm, ...] = ()
    wishes: ServiceWishes = NO_WISHES


def provider_of_metadata(metadata: ProviderMetadata, *, name: str = "") -> ServiceProvider:
    """A new provider as its metadata describes it: switched off, for nobody.

    It would learn the subject identifier that it asks for, and nothing else, once somebody agrees.
    """
    name_id_format = first_known_format(metadata.name_id_formats)
    return ServiceProvider(
        entity_id=metadata.entity_id,
        name=(name or metadata.display_name or metadata.entity_id)[:100],
        acs=metadata.acs,
        logout=metadata.logout,
        name_id_format=name_id_format,
        name_id_source=usual_source(name_id_format),
        attributes=() if metadata.subject_id is None else (subject_attribute(metadata.subject_id),),
        want_signed_requests=metadata.signs_requests and bool(metadata.signing_certificates),
        signing_certificates=metadata.signing_certificates,
        encrypt_assertions=bool(metadata.encryption_certificates),
        encryption_certificate=next(iter(metadata.encryption_certificates), ""),
        encryption_scheme=metadata.encryption_scheme or USUAL_SCHEME,
        signature_algorithm=next(iter(metadata.signature_algorithms), SignatureAlgorithm.RSA_SHA256),
        believed_until=metadata.valid_until,
        wishes=metadata.wishes,
        enabled=False,
    )


def refreshed(provider: ServiceProvider, metadata: ProviderMetadata) -> ServiceProvider:
    """The same agreement with the addresses and keys that the service names now; all else stays as it was agreed.

    An algorithm that the service no longer understands gives way to one that it does (Kantara IIP-MD10).
    Refuses what could no longer be served, such as signed requests without a key to check them by.
    """
    understood = metadata.signature_algorithms or (provider.signature_algorithm,)
    return replace(
        provider,
        encryption_scheme=metadata.encryption_scheme or provider.encryption_scheme,
        signature_algorithm=provider.signature_algorithm
        if provider.signature_algorithm in understood
        else understood[0],
        acs=metadata.acs,
        logout=metadata.logout,
        signing_certificates=metadata.signing_certificates,
        encryption_certificate=next(iter(metadata.encryption_certificates), ""),
        believed_until=metadata.valid_until,
        wishes=metadata.wishes,
    )


def first_known_format(formats: Iterable[str]) -> NameIdFormat:
    """The first format that we make; persistent where the service names none of ours."""
    known = {name.value: name for name in NameIdFormat}
    wanted = (
        known[name] for name in formats if name in known and known[name] is not NameIdFormat.UNSPECIFIED
    )
    return next(wanted, NameIdFormat.PERSISTENT)


def subject_attribute(made: Made) -> ReleasedAttribute:
    """The attribute by which a service knows the subject (SAML V2.0 Subject Identifier Attributes Profile 1.0)."""
    return ReleasedAttribute(
        made.attribute_name, Source(SourceKind.MADE, made.value), friendly_name=made.value
    )


def wanted_subject_id(word: str) -> Made | None:
    """What the value of a service's requirement asks for; who takes any is given what tells two services least."""
    wanted = {"subject-id": Made.SUBJECT_ID, "pairwise-id": Made.PAIRWISE_ID, "any": Made.PAIRWISE_ID}
    return wanted.get(word)


def usual_source(name_id_format: NameIdFormat) -> Source | None:
    """Where a name identifier of this format usually comes from."""
    sources = {NameIdFormat.EMAIL: "person:mail", NameIdFormat.UNSPECIFIED: "person:username"}
    text = sources.get(name_id_format)
    return Source.parse(text) if text else None


def cache_duration(text: str) -> timedelta | None:
    """How long the metadata may be kept; None for what is no duration, is negative, or is absurdly long."""
    found = duration_grammar.fullmatch(text)
    if not found or text.endswith(("P", "T")):
        return None
    length = timedelta()
    for number, unit in zip(found.groups(), UNITS, strict=True):
        # Each part by itself: their product must not overflow.
        if number and int(number) > ABSURD_CACHE / unit:
            return None
        length += int(number or 0) * unit
    return length if length <= ABSURD_CACHE else None


def refresh_interval(cache: timedelta | None) -> timedelta:
    """When to ask again: as the service wishes, but at least every day and at most every hour."""
    return min(max(cache or USUAL_CACHE, SHORTEST_CACHE), LONGEST_CACHE)
