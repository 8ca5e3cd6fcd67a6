"""What service providers are sent: protected as agreed, valid by the OASIS schemas, readable by who should."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import xmlsec
from lxml import etree
from saml2.xml.schema import validate
from xmlsec import constants

from idp.domain.authn_request import Status
from idp.domain.encryption_scheme import SHA256, USUAL_SCHEME, EncryptionScheme
from idp.domain.saml_names import Binding
from idp.domain.single_logout import KnownSession
from idp.saml.answers import (
    STATUS_REQUESTER,
    Protection,
    StatusPlan,
    sign_refusal,
    sign_statement,
)
from idp.saml.bindings import inflated
from idp.saml.errors import StatementTooLarge, UnlawfulValue
from idp.saml.logout_messages import Envelope, Outgoing, ask_to_end, tell_the_end
from idp.saml.metadata import build_metadata
from tests.service_provider import NAMES, key
from tests.statements import DESCRIPTION, a_plan, signing_key, xmlsec1_accepts

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OPEN = Protection(
    sign_assertion=True,
    sign_response=True,
    encryption_certificate="",
    encryption_scheme=USUAL_SCHEME,
    longest_assertion=100_000,
    longest_response=200_000,
)


def protected(**changes: object) -> Protection:
    """The usual protection but for this."""
    return replace(OPEN, **changes)  # type: ignore[arg-type] # each test names what it changes


@pytest.mark.parametrize(("assertion", "response"), [(True, True), (True, False), (False, True)])
def test_what_is_signed_is_what_was_agreed(assertion: bool, response: bool) -> None:  # noqa: FBT001 - pytest gives parameters by name
    """The assertion, the response, or both; each signature holds for the xmlsec1 program."""
    plan = a_plan(now=NOW)
    signer = signing_key()
    made = sign_statement(plan, protected(sign_assertion=assertion, sign_response=response), signer)
    root = etree.fromstring(made.document)
    for node, wanted in ((root, response), (root.find("saml:Assertion", NAMES), assertion)):
        assert node is not None
        assert (node.find("ds:Signature", NAMES) is not None) is wanted
        if wanted:
            assert xmlsec1_accepts(made.document, signer.certificate, node=str(node.get("ID")))


@pytest.mark.spec("XML Encryption 1.1", "5.5.2", "RSA-OAEP")
@pytest.mark.parametrize("scheme", EncryptionScheme)
def test_every_scheme_is_read_by_other_software(scheme: EncryptionScheme) -> None:
    """libxmlsec1 decrypts each with the service's key; what is written down is what was agreed."""
    wanted = protected(encryption_certificate=key().certificate, encryption_scheme=scheme)
    root = etree.fromstring(sign_statement(a_plan(now=NOW), wanted, signing_key()).document)
    [data] = root.iter("{http://www.w3.org/2001/04/xmlenc#}EncryptedData")
    told = [one.get("Algorithm") for one in data.iter("{*}EncryptionMethod", "{*}DigestMethod")]
    assert told == [scheme.cipher, scheme.transport, *([scheme.digest] if scheme.digest == SHA256 else [])]
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(key().pem, constants.KeyDataFormatPem))
    decrypted = xmlsec.EncryptionContext(manager).decrypt(etree.fromstring(etree.tostring(data)))
    assert b"jane@example.test" in etree.tostring(decrypted)


@pytest.mark.spec("SAML Core", "2.3.4", "EncryptedAssertion")
def test_only_the_holder_of_the_key_reads_an_encrypted_assertion() -> None:
    """Nothing of the person is in the clear; decrypted it stands on its own, and its own signature holds."""
    signer = signing_key()
    made = sign_statement(a_plan(now=NOW), protected(encryption_certificate=key().certificate), signer)
    assert b"jane" not in made.document
    root = etree.fromstring(made.document)
    assert root.find("saml:Assertion", NAMES) is None
    assert xmlsec1_accepts(made.document, signer.certificate, node=str(root.get("ID")))
    [data] = root.iter("{http://www.w3.org/2001/04/xmlenc#}EncryptedData")
    methods = [one.get("Algorithm") for one in data.iter("{*}EncryptionMethod")]
    assert methods == [
        "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    ]
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(key().pem, constants.KeyDataFormatPem))
    # Alone in a document: whatever decrypts it has no namespaces around it to lend.
    alone = etree.fromstring(etree.tostring(data))
    decrypted = xmlsec.EncryptionContext(manager).decrypt(alone)
    octets = etree.tostring(decrypted)
    assert b"jane@example.test" in octets
    assert xmlsec1_accepts(octets, signer.certificate, node=str(decrypted.get("ID")))
    with pytest.raises(UnlawfulValue):
        sign_statement(a_plan(now=NOW), protected(encryption_certificate="AAAA"), signer)


def test_what_a_service_does_not_take_is_not_sent() -> None:
    """An assertion or a response that is too long is refused here and not there."""
    for changes in ({"longest_assertion": 1_000}, {"longest_response": 1_000}):
        with pytest.raises(StatementTooLarge):
            sign_statement(a_plan(now=NOW), protected(**changes), signing_key())
    sign_statement(a_plan(now=NOW), OPEN, signing_key())


def outgoing(binding: Binding) -> list[Outgoing]:
    """Both messages of a logout."""
    envelope = Envelope(
        "_1", "https://idp.example.test/m", "https://sp.example.test/slo", binding, NOW, relay_state="s"
    )
    sessions = [KnownSession("_n", "urn:x:y", "https://idp.example.test/m", "https://sp.example.test", "_i")]
    return [
        ask_to_end(envelope, sessions, signing_key()),
        tell_the_end(
            envelope,
            in_response_to="_2",
            code=STATUS_REQUESTER,
            second_code=Status.UNKNOWN_PRINCIPAL,
            signer=signing_key(),
        ),
    ]


def documents() -> dict[str, bytes]:
    """One of everything that leaves us."""
    plan = a_plan(now=NOW)
    asked = replace(
        plan,
        in_response_to="_q",
        name_qualifier="https://idp.example.test/m",
        sp_name_qualifier="https://sp.example.test",
        session_ends_at=NOW + timedelta(hours=8),
    )
    refusal = StatusPlan(
        "_1",
        "https://i.test",
        "https://r.test",
        "_q",
        NOW,
        STATUS_REQUESTER,
        Status.NO_PASSIVE,
        "Reference X",
    )
    made = {
        "statement": sign_statement(plan, OPEN, signing_key()).document,
        "answer": sign_statement(asked, OPEN, signing_key()).document,
        "without-attributes": sign_statement(replace(plan, attributes=()), OPEN, signing_key()).document,
        "encrypted": sign_statement(
            plan, protected(encryption_certificate=key().certificate), signing_key()
        ).document,
        "without-name": sign_statement(
            replace(plan, name_id="", name_id_format=""), OPEN, signing_key()
        ).document,
        "encrypted-otherwise": sign_statement(
            plan,
            protected(
                encryption_certificate=key().certificate,
                encryption_scheme=EncryptionScheme.AES128_GCM_OAEP_SHA256,
            ),
            signing_key(),
        ).document,
        "refusal": sign_refusal(refusal, signing_key()).document,
        "metadata": build_metadata(
            entity_id="https://idp.example.test/m",
            base_url="https://idp.example.test",
            certificates=(signing_key().certificate,),
            description=DESCRIPTION,
        ),
    }
    for number, message in enumerate(outgoing(Binding.HTTP_POST)):
        made[f"logout-post-{number}"] = base64.b64decode(message.message)
    for number, message in enumerate(outgoing(Binding.HTTP_REDIRECT)):
        values = parse_qs(urlsplit(message.address).query)
        [packed] = values.get("SAMLRequest") or values["SAMLResponse"]
        made[f"logout-redirect-{number}"] = inflated(base64.b64decode(packed))
    return made


@pytest.mark.spec("SAML", "schemas", "protocol, assertion and metadata")
@pytest.mark.parametrize("document", documents().values(), ids=documents())
def test_everything_that_leaves_us_is_valid(document: bytes) -> None:
    """By the schemas of OASIS; one attribute less, and it is not."""
    validate(document.decode())
    root = etree.fromstring(document)
    for name in ("IssueInstant", "entityID"):
        if name in root.attrib:
            del root.attrib[name]
    with pytest.raises(Exception, match=r"attribute|required"):
        validate(etree.tostring(root).decode())
