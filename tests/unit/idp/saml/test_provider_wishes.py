"""What a service's metadata says of attributes."""

from datetime import UTC, datetime

import pytest

from idp.domain.provider_metadata import provider_of_metadata, refreshed
from idp.domain.service_wishes import AttributeRequest, ServiceWishes
from idp.saml.errors import MetadataRefused
from idp.saml.provider_metadata import read_metadata
from tests.metadata_documents import acs_service, metadata

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def requesting(index: str, *attributes: str, more: str = "") -> str:
    """One AttributeConsumingService."""
    asked = "".join(f"<md:RequestedAttribute {one}/>" for one in attributes)
    return (
        f'<md:AttributeConsumingService index="{index}"{more}>'
        f'<md:ServiceName xml:lang="en">x</md:ServiceName>{asked}</md:AttributeConsumingService>'
    )


def with_requests(*requests: str) -> bytes:
    """Metadata with these."""
    return metadata(services=acs_service() + "".join(requests))


def entity_attribute(name: str, value: str) -> bytes:
    """Metadata with this entity attribute."""
    extensions = (
        '<md:Extensions><mdattr:EntityAttributes xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute"'
        f' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><saml:Attribute Name="{name}">'
        f"<saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes></md:Extensions>"
    ).encode()
    return metadata().replace(b"<md:SPSSODescriptor", extensions + b"<md:SPSSODescriptor", 1)


def test_requests_are_read_with_index_default_and_need() -> None:
    """And kept with the agreement, at the import as later."""
    document = with_requests(
        requesting("1", 'Name="mail" isRequired="true"', 'Name="name"'),
        requesting("2", 'Name="phone" isRequired="false"', more=' isDefault="1"'),
    )
    found = read_metadata(document, now=NOW)
    assert found.wishes.requests == (
        AttributeRequest(1, is_default=False, names={"mail": True, "name": False}),
        AttributeRequest(2, is_default=True, names={"phone": False}),
    )
    provider = provider_of_metadata(found)
    assert provider.wishes == found.wishes
    assert provider.attributes == (), "a wish gives nothing"
    assert refreshed(provider, read_metadata(metadata(), now=NOW)).wishes == ServiceWishes()


def test_entity_attributes_are_read_as_text() -> None:
    """A value of elements is an extension's own affair, and does no harm."""
    found = read_metadata(entity_attribute("category", " research "), now=NOW)
    assert found.wishes.entity_attributes == {("category", "research")}
    nested = read_metadata(entity_attribute("category", "<saml:NameID>x</saml:NameID>"), now=NOW)
    assert not nested.wishes.entity_attributes


@pytest.mark.parametrize(
    "document",
    [
        with_requests(requesting("x", 'Name="mail"')),
        with_requests(requesting("1", 'Name="mail"'), requesting("1", 'Name="name"')),
        with_requests(requesting("1", *(f'Name="a{number}"' for number in range(501)))),
        with_requests(requesting("1", f'Name="{"a" * 1_025}"')),
    ],
    ids=["index", "index-twice", "many", "long"],
)
def test_wishes_that_nobody_reads_are_refused(document: bytes) -> None:
    """The twin is read above."""
    with pytest.raises(MetadataRefused) as refusal:
        read_metadata(document, now=NOW)
    assert refusal.value.reason == "metadata.wishes"
