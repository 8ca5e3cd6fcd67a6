"""Every document we produce, judged by others: the xmlsec1 program, pysaml2, the SAML schemas, a local AWS."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from uuid import uuid4

import pytest
from saml2 import BINDING_HTTP_POST
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.response import AuthnResponse
from saml2.sigver import SignatureError
from saml2.xml.schema import XMLSchemaError, _create_xml_schema_validator, validate

from idp.domain.assertion import NewIds
from idp.domain.aws.attributes import SamlAttribute
from idp.saml.metadata import build_metadata
from idp.saml.responses import build_and_sign
from idp.saml.signing import SignedResponse
from tests.attacks import forge
from tests.attacks.stand import Stand
from tests.attacks.test_rq_11_response_construction import ESCAPED
from tests.servers.local_aws import LocalAws
from tests.statements import ATTRIBUTES, DESCRIPTION, ISSUER, RECIPIENT, a_plan, signing_key, xmlsec1_accepts

BITS = [2048, 3072]


def fresh_ids() -> NewIds:
    """Identifiers that no other statement has."""
    return NewIds(*(f"_{uuid4().hex}" for _ in range(3)))


def statement(bits: int = 2048, **changes: object) -> SignedResponse:
    """A statement of this moment."""
    return build_and_sign(a_plan(now=datetime.now(UTC), ids=fresh_ids(), **changes), signing_key(bits))


def tampered(response: SignedResponse, old: bytes, new: bytes) -> str:
    """The statement with one value changed, as it would be posted."""
    assert response.document.count(old) >= 1
    return base64.b64encode(response.document.replace(old, new)).decode()


def our_metadata(*bits: int) -> bytes:
    """Our metadata with the certificates of these keys."""
    certificates = tuple(signing_key(size).certificate for size in bits)
    return build_metadata(
        entity_id=ISSUER,
        base_url="https://idp.example.test",
        certificates=certificates,
        description=DESCRIPTION,
    )


@pytest.mark.parametrize("bits", BITS)
def test_xmlsec1_verifies_both_signatures(bits: int, now: datetime) -> None:
    """Each of the two signatures is good by itself; one changed letter or another key and neither is."""
    plan, key = a_plan(now=now), signing_key(bits)
    document = build_and_sign(plan, key).document
    changed = document.replace(b"role/ReadOnly", b"role/ReadOnlx")
    assert changed != document
    for node in (plan.ids.response, plan.ids.assertion):
        assert xmlsec1_accepts(document, key.certificate, node=node)
        assert not xmlsec1_accepts(changed, key.certificate, node=node)
        assert not xmlsec1_accepts(document, signing_key(bits, 1).certificate, node=node)
    outside = document.replace(b"status:Success", b"status:Sucess!")
    assert xmlsec1_accepts(outside, key.certificate, node=plan.ids.assertion)
    assert not xmlsec1_accepts(outside, key.certificate, node=plan.ids.response)


@cache
def service_provider(*bits: int) -> Saml2Client:
    """A service provider built on pysaml2 that knows our metadata and insists on both signatures."""
    config = SPConfig()
    config.load(
        {
            "entityid": "urn:amazon:webservices",
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "metadata": {"inline": [our_metadata(*bits).decode()]},
            "allow_unknown_attributes": True,
            "service": {
                "sp": {
                    "endpoints": {"assertion_consumer_service": [(RECIPIENT, BINDING_HTTP_POST)]},
                    "allow_unsolicited": True,
                    "want_response_signed": True,
                    "want_assertions_signed": True,
                }
            },
        }
    )
    return Saml2Client(config=config)


@pytest.mark.parametrize("bits", BITS)
def test_a_service_provider_on_pysaml2_takes_the_statement(bits: int) -> None:
    """With our metadata, current and next certificate, it reads the person and every attribute; tampered, nothing."""
    provider, response = service_provider(*BITS), statement(bits)
    read = provider.parse_authn_request_response(response.base64_text, BINDING_HTTP_POST)
    assert isinstance(read, AuthnResponse)
    assert read.name_id.text == "5f0c1d6e3b8a4f0f9c5d2e7a1b4c8d90"
    assert read.ava == {attribute.name: list(attribute.values) for attribute in ATTRIBUTES}
    with pytest.raises(SignatureError):
        provider.parse_authn_request_response(
            tampered(response, b"jane@example.test", b"joan@example.test"), BINDING_HTTP_POST
        )


def test_a_service_provider_that_knows_another_key_takes_nothing() -> None:
    """Our statement is worth nothing to one that was given another certificate."""
    response = statement(3072)
    assert service_provider(*BITS).parse_authn_request_response(response.base64_text, BINDING_HTTP_POST)
    with pytest.raises(SignatureError):
        service_provider(2048).parse_authn_request_response(response.base64_text, BINDING_HTTP_POST)


def test_the_statement_is_valid_by_the_schemas() -> None:
    """SAML's protocol and assertion schemas and XML Signature's accept it; with one attribute missing they do not."""
    document = statement().document.decode()
    validate(document)
    with pytest.raises(XMLSchemaError):
        validate(document.replace(' Version="2.0"', "", 1))


def test_the_metadata_is_valid_by_the_schema() -> None:
    """SAML's metadata schema accepts ours; without its certificate's place it does not."""
    schema = files("saml2.data.schemas").joinpath("saml-schema-metadata-2.0.xsd")
    validator = _create_xml_schema_validator(source=str(schema))
    document = our_metadata(*BITS).decode()
    validate(document, validator)
    with pytest.raises(XMLSchemaError):
        validate(document.replace(' use="signing"', ' use="nothing"', 1), validator)


@pytest.fixture(scope="module")
def local_aws() -> Iterator[Stand]:
    """A local AWS with our metadata registered, as `write_metadata` would give it."""
    provider = {"arn": forge.PROVIDER, "metadata": our_metadata(*BITS).decode()}
    roles = [forge.role(forge.ROLE)]
    with Stand(LocalAws(forge.world(saml_providers=[provider], roles=roles))) as stand:
        yield stand


@pytest.mark.parametrize("bits", BITS)
def test_a_local_aws_takes_the_statement(bits: int, local_aws: Stand) -> None:
    """Current or next key, it gives credentials to the person named; tampered, it refuses."""
    response = statement(bits, recipient=forge.RECIPIENT)
    result = local_aws.accepted(response.document)
    assert result["AssumedRoleUser.Arn"].endswith("ReadOnly/jane@example.test")
    assert result["Subject"] == "5f0c1d6e3b8a4f0f9c5d2e7a1b4c8d90"
    assert result["SourceIdentity"] == "jane@example.test"
    changed = response.document.replace(b"jane@example.test", b"joan@example.test")
    assert local_aws.refused(changed).reason == "saml.sig.invalid"


@pytest.mark.attack("RQ-11")
@pytest.mark.parametrize("hostile", [text for text in ESCAPED.values() if text == text.strip()])
def test_a_local_aws_reads_hostile_values_as_values(hostile: str, local_aws: Stand) -> None:
    """Escaped markup in the name and in a foreign attribute gives no other role, name or session."""
    foreign = SamlAttribute("https://example.test/anything", (hostile,))
    response = statement(recipient=forge.RECIPIENT, name_id=hostile, attributes=(*ATTRIBUTES, foreign))
    result = local_aws.accepted(response.document)
    assert result["Subject"] == hostile
    assert result["AssumedRoleUser.Arn"].endswith("ReadOnly/jane@example.test")


def test_a_statement_lives_five_minutes_and_no_longer(local_aws: Stand) -> None:
    """With a minute of tolerance at the reader's: in the sixth minute it is taken, in the seventh it is not."""
    for age, taken in ((340, True), (361, False)):
        moment = datetime.now(UTC) - timedelta(seconds=age)
        plan = a_plan(now=moment, ids=fresh_ids(), recipient=forge.RECIPIENT)
        document = build_and_sign(plan, signing_key()).document
        if taken:
            local_aws.accepted(document)
        else:
            assert local_aws.refused(document).code == "ExpiredTokenException"
