"""A service's metadata as a value of the domain (SAML Metadata 2.3 to 2.4.4); only what we use is read."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree

from idp.domain.authn_request import FRESH_FOR
from idp.domain.errors import Malformed
from idp.domain.provider_address import check_location
from idp.domain.provider_metadata import (
    ProviderMetadata,
    cache_duration,
    refresh_interval,
)
from idp.domain.saml_names import Binding
from idp.domain.service_provider import AcsEndpoint, LogoutEndpoint, check_entity_id
from idp.saml.constants import MD, SAMLP
from idp.saml.errors import MalformedXml
from idp.saml.metadata_signature import check_signature
from idp.saml.metadata_texts import NAMES, refusal, texts
from idp.saml.provider_keys import encryption_keys, signing_certificates, understood_algorithms
from idp.saml.provider_wishes import wanted_identifier, wishes_of
from idp.saml.xml import LARGEST_DOCUMENT, parse

ENTITY: Final = f"{{{MD}}}EntityDescriptor"
ENTITIES: Final = f"{{{MD}}}EntitiesDescriptor"
MOST_ELEMENTS: Final = 20_000

instant = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
unsigned_short = re.compile(r"[0-9]{1,5}", re.ASCII)


def read_metadata(
    document: bytes,
    *,
    now: datetime,
    certificate: str = "",
    entity_id: str = "",
    longest_validity: timedelta | None = None,
) -> ProviderMetadata:
    """The service that this document describes; of several, the one of this entity ID.

    With `certificate` only what its key has signed, as a whole, is read; with `longest_validity` only what has an
    end, and no later than that. Refuses what has expired, what would be
    kept for ever, what names no place for responses, and addresses that no response may be sent to.
    """
    root = _tree(document)
    if certificate:
        check_signature(root, certificate)
    if longest_validity is not None:
        _check_has_end(root, now + longest_validity)
    entity = _entity(root, entity_id)
    # What ends for a group ends for everybody in it (SAML Metadata 2.3.1).
    around = [entity, *entity.iterancestors()]
    for element in around:
        _check_times(element, now)
    role = _only_role(entity)
    keys = encryption_keys(role)
    wishes = wishes_of(entity, role)
    return ProviderMetadata(
        entity_id=check_entity_id(entity.get("entityID", "")),
        display_name=_display_name(entity, role),
        acs=tuple(_acs(role)),
        logout=tuple(_logout(role)),
        name_id_formats=tuple(text for text in texts(role, "md:NameIDFormat") if text),
        signs_requests=_is_true(role.get("AuthnRequestsSigned", "false")),
        signing_certificates=signing_certificates(role),
        encryption_certificates=tuple(key.certificate for key in keys),
        encryption_scheme=keys[0].scheme if keys else None,
        signature_algorithms=understood_algorithms(entity, role),
        valid_until=min(filter(None, (_valid_until(element) for element in around)), default=None),
        refresh_after=refresh_interval(cache_duration(entity.get("cacheDuration", "") or "PT12H")),
        sha256=hashlib.sha256(document).hexdigest(),
        subject_id=wanted_identifier(wishes),
        wishes=wishes,
    )


def _tree(document: bytes) -> etree._Element:
    if len(document) > LARGEST_DOCUMENT:
        raise refusal("too-large", f"The metadata is larger than {LARGEST_DOCUMENT} octets.")
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise refusal("document-type", "The metadata has a document type; it is not read.")
    if document.count(b"<") > 2 * MOST_ELEMENTS:
        raise refusal("too-large", "The metadata has too many parts.")
    try:
        return parse(document.removeprefix(b"\xef\xbb\xbf"), may_hold_comments=True)
    except MalformedXml as problem:
        raise refusal("not-xml", "This is no XML that is accepted here.", problem.cause) from problem


def _entity(root: etree._Element, entity_id: str) -> etree._Element:
    entities = [root] if root.tag == ENTITY else list(root.iter(ENTITY)) if root.tag == ENTITIES else []
    if not entities or (root.tag == ENTITY and len(list(root.iter(ENTITY))) > 1):
        raise refusal("root", "This is no SAML metadata: its root is no EntityDescriptor.")
    identifiers = [entity.get("ID") for entity in entities if entity.get("ID")]
    names = [entity.get("entityID") for entity in entities]
    if len(set(identifiers)) != len(identifiers) or len(set(names)) != len(names):
        raise refusal("doubled", "Two services in the metadata have one name or one ID.")
    wanted = [entity for entity in entities if entity_id in {"", entity.get("entityID")}]
    if not wanted:
        raise refusal("entity-id", f"The metadata does not describe {entity_id[:200]}.")
    if len(wanted) > 1:
        raise refusal("several", "The metadata describes several services: name the entity ID of one.")
    return wanted[0]


def _only_role(entity: etree._Element) -> etree._Element:
    roles = [
        role
        for role in entity.findall("md:SPSSODescriptor", NAMES)
        if SAMLP in role.get("protocolSupportEnumeration", "").split()
    ]
    if len(roles) != 1:
        raise refusal("role", "The metadata describes no service provider of SAML 2.0.")
    return roles[0]


def _check_times(element: etree._Element, now: datetime) -> None:
    until = _valid_until(element)
    if until is not None and until + FRESH_FOR <= now:
        raise refusal("expired", f"The metadata was valid until {until:%Y-%m-%d %H:%M} UTC only.")
    text = element.get("cacheDuration")
    if text is not None and cache_duration(text) is None:
        raise refusal(
            "cache-duration", f"The metadata would be kept for {text[:40]!r}, which is not accepted."
        )


def _check_has_end(root: etree._Element, latest: datetime) -> None:
    until = _valid_until(root)
    if until is None:
        raise refusal("endless", "The metadata has no end (validUntil), which the settings demand.")
    if until > latest:
        raise refusal(
            "too-long", f"The metadata would be valid until {until:%Y-%m-%d}, longer than the settings allow."
        )


def _valid_until(element: etree._Element) -> datetime | None:
    text = element.get("validUntil")
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if instant.fullmatch(text) else _no_moment(text)
    except (ValueError, OverflowError):
        return _no_moment(text)


def _no_moment(text: str) -> datetime:
    raise refusal("valid-until", f"{text[:40]!r} is no moment in UTC.")


def _acs(role: etree._Element) -> Iterator[AcsEndpoint]:
    """Endpoints of other bindings are left out; one of ours at an unlawful address refuses the whole document."""
    listed = [
        place
        for place in role.findall("md:AssertionConsumerService", NAMES)
        if place.get("Binding") == Binding.HTTP_POST
    ]
    if not listed:
        raise refusal("acs", "The metadata names no place that takes responses by HTTP-POST.")
    has_default = any(_is_true(place.get("isDefault", "false")) for place in listed)
    seen: set[str] = set()
    for number, place in enumerate(listed):
        location = _location(place, "Location")
        index = place.get("index", "")
        if not unsigned_short.fullmatch(index):
            raise refusal("acs", f"{index[:40]!r} is no index.")
        if location not in seen:
            is_default = _is_true(place.get("isDefault", "false"))
            # SAML Metadata 2.2.3: without a default, the first that does not say no.
            first = not has_default and number == 0
            yield AcsEndpoint(location, int(index), is_default=is_default or first)
        seen.add(location)


def _logout(role: etree._Element) -> Iterator[LogoutEndpoint]:
    seen: set[str] = set()
    for place in role.findall("md:SingleLogoutService", NAMES):
        binding = place.get("Binding", "")
        if binding in set(Binding) and binding not in seen:
            seen.add(binding)
            answers = _location(place, "ResponseLocation") if place.get("ResponseLocation") else ""
            yield LogoutEndpoint(_location(place, "Location"), Binding(binding), answers)


def _location(place: etree._Element, name: str) -> str:
    try:
        return check_location(place.get(name, ""))
    except Malformed as problem:
        raise refusal("location", problem.told, problem.cause) from problem


def _display_name(entity: etree._Element, role: etree._Element) -> str:
    names = [
        *texts(role, "md:Extensions/mdui:UIInfo/mdui:DisplayName"),
        *texts(entity, "md:Organization/md:OrganizationDisplayName"),
    ]
    return next((" ".join(name.split())[:100] for name in names if name.strip() and name.isprintable()), "")


def _is_true(text: str) -> bool:
    return text in {"true", "1"}
