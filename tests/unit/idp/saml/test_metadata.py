"""What our metadata says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree
from saml2.extension import algsupport, mdui, shibmd
from saml2.md import entity_descriptor_from_string
from saml2.xml.schema import XMLSchemaError, _create_xml_schema_validator, validate

from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.constants import DS
from idp.saml.errors import MetadataRefused
from idp.saml.metadata import build_metadata, sign_metadata
from idp.saml.metadata_signature import check_signature
from tests.statements import DESCRIPTION, ISSUER, signing_key
from tests.unit.idp.saml.test_responses import compact

GOLDEN = Path(__file__).parents[3] / "golden" / "metadata.xml"
SHORTEST_FOR_IAM = 1_000


def metadata(*certificates: str) -> bytes:
    """Our metadata with these certificates."""
    return build_metadata(
        entity_id=ISSUER,
        base_url="https://idp.example.test",
        certificates=certificates,
        description=DESCRIPTION,
    )


def test_the_document_is_exactly_the_golden_one() -> None:
    """But for the certificates it is octet for octet what tests/golden/metadata.xml says."""
    ours = etree.tostring(etree.fromstring(metadata("CURRENT", "NEXT")), method="c14n", exclusive=True)
    assert ours == compact(GOLDEN.read_bytes())


@pytest.mark.spec("SAML Metadata", "2.4.3", "IDPSSODescriptor")
@pytest.mark.parametrize("bits", [2048, 3072])
def test_pysaml2_reads_it_back_and_finds_it_valid(bits: int) -> None:
    """With one certificate it is long enough for IAM (1,000 characters), and valid by pysaml2's classes."""
    certificate = signing_key(bits).certificate
    document = metadata(certificate)
    assert len(document.decode()) >= SHORTEST_FOR_IAM
    entity = entity_descriptor_from_string(document)
    assert entity.verify()
    assert entity.entity_id == ISSUER
    [descriptor] = entity.idpsso_descriptor
    [key] = descriptor.key_descriptor
    assert (key.use, key.key_info.x509_data[0].x509_certificate.text) == ("signing", certificate)


def test_hostile_addresses_are_escaped() -> None:
    """A value that looks like XML stays a value."""
    document = build_metadata(
        entity_id='https://x/"><evil/>',
        base_url="https://x/&amp;<",
        certificates=("A",),
        description=replace(DESCRIPTION, display_name="<evil/>"),
    )
    root = etree.fromstring(document)
    assert root.get("entityID") == 'https://x/"><evil/>'
    assert root.findall(".//evil") == []


SCHEMAS = {
    mdui.NAMESPACE: "sstc-saml-metadata-ui-v1.0.xsd",
    algsupport.NAMESPACE: "sstc-saml-metadata-algsupport-v1.0.xsd",
    shibmd.NAMESPACE: "saml-subject-id-attr-v1.0.xsd",
}


def by_its_schema(element: etree._Element) -> None:
    """The extension is valid by the schema of its own namespace."""
    schema = files("saml2.data.schemas").joinpath(SCHEMAS[etree.QName(element).namespace or ""])
    validate(etree.tostring(element).decode(), _create_xml_schema_validator(source=str(schema)))


@pytest.mark.spec("saml2int", "SDP-IDP33", "what an identity provider's metadata holds")
def test_it_says_what_federations_ask_for() -> None:
    """Name, logo, scope, algorithms, an errorURL, and whom to write to; valid by the schemas of these extensions."""
    document = metadata(signing_key().certificate).decode()
    validate(document)
    role, contact = etree.fromstring(document.encode())
    assert [etree.QName(one).localname for one in role[0]][-2:] == ["Scope", "UIInfo"]
    for one in role[0]:
        by_its_schema(one)
        broken = etree.fromstring(etree.tostring(one).replace(b"lang=", b"long=").replace(b"Algo", b"Also"))
        broken.set("regexp", "perhaps")
        with pytest.raises(XMLSchemaError):
            by_its_schema(broken)
    assert role.get("errorURL") == "https://idp.example.test/saml/help"
    texts = {etree.QName(one).localname: (one.text or "").strip() for one in role[0].iter(etree.Element)}
    assert (texts["DisplayName"], texts["Scope"]) == ("Example", "example.test")
    assert texts["Logo"] == "https://idp.example.test/static/portal/mark.svg"
    told = {one.get("Algorithm") for one in role[0].iter(f"{{{algsupport.NAMESPACE}}}SigningMethod")}
    assert told == {str(name) for name in SignatureAlgorithm}
    assert (contact.get("contactType"), contact[0].text) == ("technical", "mailto:saml@example.test")


def test_without_a_contact_nobody_is_named() -> None:
    """The element is left out, and the document is as valid."""
    document = build_metadata(
        entity_id=ISSUER,
        base_url="https://idp.example.test",
        certificates=(signing_key().certificate,),
        description=replace(DESCRIPTION, contact=""),
    ).decode()
    validate(document)
    assert "ContactPerson" not in document


@pytest.mark.spec("SAML Metadata", "3", "signatures over metadata")
def test_what_is_fetched_is_signed_and_has_an_end() -> None:
    """libxmlsec1 finds the signature over the whole document good; our own reader of metadata would believe it."""
    key = signing_key()
    until = datetime(2026, 3, 17, tzinfo=UTC)
    document = sign_metadata(
        metadata(key.certificate), signer=key, valid_until=until, refresh_after=timedelta(hours=6)
    )
    root = etree.fromstring(document)
    assert (root.get("validUntil"), root.get("cacheDuration")) == ("2026-03-17T00:00:00Z", "PT21600S")
    assert root[0].tag == f"{{{DS}}}Signature"
    assert entity_descriptor_from_string(document).verify()
    validate(document.decode())
    check_signature(root, key.certificate)
    root[1][0].set("use", "encryption")
    with pytest.raises(MetadataRefused):
        check_signature(root, key.certificate)
    with pytest.raises(MetadataRefused):
        check_signature(etree.fromstring(document), signing_key(3072).certificate)
