"""What a service's metadata says of attributes: those it asks for, and those it has itself.

SAML Metadata 2.4.4.1; Metadata Extension for Entity Attributes 1.0; Subject Identifier Attributes Profile 1.0.
"""

import re
from typing import Final

from lxml import etree

from idp.domain.provider_metadata import wanted_subject_id
from idp.domain.released_attribute import Made
from idp.domain.service_wishes import MOST_WISHES, AttributeRequest, ServiceWishes
from idp.saml.metadata_texts import NAMES, refusal

ENTITY_ATTRIBUTES: Final = "md:Extensions/mdattr:EntityAttributes/saml:Attribute"
SUBJECT_ID_REQUIREMENT: Final = "urn:oasis:names:tc:SAML:profiles:subject-id:req"
LONGEST_TEXT: Final = 1_024
TRUE: Final = frozenset({"true", "1"})

unsigned_short = re.compile(r"[0-9]{1,5}", re.ASCII)


def wishes_of(entity: etree._Element, role: etree._Element) -> ServiceWishes:
    """What the service says; refuses more of it than anybody reads, and indexes that are none."""
    requests = tuple(_request(one) for one in role.findall("md:AttributeConsumingService", NAMES))
    attributes = frozenset(
        (attribute.get("Name", ""), value)
        for attribute in entity.findall(ENTITY_ATTRIBUTES, NAMES)
        for value in _values(attribute)
    )
    named = [name for one in requests for name in one.names]
    if len(named) + len(attributes) > MOST_WISHES or len({one.index for one in requests}) != len(requests):
        raise refusal("wishes", "The metadata asks for too many attributes, or twice under one index.")
    if any(len(text) > LONGEST_TEXT for text in (*named, *(text for pair in attributes for text in pair))):
        raise refusal("wishes", "The metadata asks for attributes with names that nobody reads.")
    return ServiceWishes(requests, attributes)


def wanted_identifier(wishes: ServiceWishes) -> Made | None:
    """The subject identifier that the service asks for by its one value (profile, 3.5); several are none."""
    words = [value for name, value in wishes.entity_attributes if name == SUBJECT_ID_REQUIREMENT]
    return wanted_subject_id(words[0]) if len(words) == 1 else None


def _values(attribute: etree._Element) -> list[str]:
    """The values that are plain text; others are an extension's own affair."""
    found = attribute.findall("saml:AttributeValue", NAMES)
    return [value.text.strip() for value in found if not len(value) and value.text and value.text.strip()]


def _request(service: etree._Element) -> AttributeRequest:
    index = service.get("index", "")
    if not unsigned_short.fullmatch(index):
        raise refusal("wishes", f"{index[:40]!r} is no index.")
    return AttributeRequest(
        index=int(index),
        is_default=service.get("isDefault") in TRUE,
        names={
            one.get("Name", ""): one.get("isRequired") in TRUE
            for one in service.findall("md:RequestedAttribute", NAMES)
        },
    )
