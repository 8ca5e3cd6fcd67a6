"""SX-04: identifiers that two readers may resolve to two different elements."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-04")


def test_a_duplicate_identifier_is_refused(mode: str, stand: Stand) -> None:
    """Response and assertion with the same identifier are refused, though both signatures hold."""
    twins = forge.Statement(response_id="_same", assertion_id="_same")
    assert stand.refused(forge.signed(twins, mode)).reason == "saml.structure.duplicate_id"
    stand.accepted(forge.signed(forge.Statement(response_id="_one", assertion_id="_other"), mode))


@pytest.mark.parametrize(
    "attribute",
    ['Id="_x"', 'id="_x"', 'iD="_x"', 'xml:id="_x"', 'xmlns:x="urn:x" x:ID="_x"', 'Id="_assertion1"'],
)
@pytest.mark.parametrize(
    "place",
    [
        "<saml:Issuer",
        "<samlp:Status",
        "<saml:Subject",
        "<saml:AttributeStatement",
        "<samlp:Response",
        "<saml:Assertion",
    ],
)
def test_a_second_kind_of_identifier_is_refused(attribute: str, place: str, stand: Stand) -> None:
    """No attribute looks like an identifier except the ID of response and assertion, signed over or not."""
    text = forge.Statement().xml()
    polluted = text.replace(place, f"{place} {attribute}", 1)
    assert stand.refused(forge.signed(polluted, "both")).reason == "saml.structure.id_attribute"
    stand.accepted(forge.signed(text, "both"))


@pytest.mark.parametrize("attribute", ['ID="_x"', 'Id="_x"', 'xml:id="_x"'])
def test_an_identifier_in_the_signature_is_refused(attribute: str, mode: str, stand: Stand) -> None:
    """The signature itself bears no identifier, on its first or its last element."""
    document = forge.signed(forge.Statement(), mode).decode()
    for place in ("<ds:Signature ", "<ds:X509Certificate"):
        polluted = document.replace(place, f"{place} {attribute} ", 1)
        assert stand.refused(polluted).reason == "saml.structure.id_attribute"
    stand.accepted(document)


@pytest.mark.parametrize("name", ["1abc", "a b", "", "_é", "a:b", "#x", "_" * 300])
def test_an_identifier_that_is_no_name_is_refused(name: str, stand: Stand) -> None:
    """An identifier is a plain name, so that a reference to it can mean nothing else."""
    wrong = forge.Statement(assertion_id=name)
    assert stand.refused(forge.signed(wrong, "both")).reason == "saml.structure.id_attribute"
    stand.accepted(forge.signed(forge.Statement(assertion_id="_a.b-c"), "both"))
