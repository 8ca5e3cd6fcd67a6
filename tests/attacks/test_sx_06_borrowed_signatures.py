"""SX-06: a signature that holds, over something that is not this response or assertion."""

import pytest
from lxml import etree

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-06")


def borrowed(kind: str) -> etree._Element:
    """A genuine signature of our key over another kind of document."""
    texts = {
        "Status": f'<samlp:Status xmlns:samlp="{forge.SAMLP}" ID="_x"/>',
        "Issuer": f'<saml:Issuer xmlns:saml="{forge.SAML}" ID="_x">{forge.ISSUER}</saml:Issuer>',
        "metadata": '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_x"/>',
        "ArtifactResponse": f'<samlp:ArtifactResponse xmlns:samlp="{forge.SAMLP}" ID="_x" Version="2.0"/>',
        "LogoutResponse": f'<samlp:LogoutResponse xmlns:samlp="{forge.SAMLP}" ID="_x" Version="2.0"/>',
    }
    return forge.make_signature(etree.fromstring(texts[kind]))


@pytest.mark.parametrize("kind", ["Status", "Issuer", "metadata", "ArtifactResponse", "LogoutResponse"])
@pytest.mark.parametrize("identifier", ["_x", "_assertion1"], ids=["its-own-id", "same-id"])
def test_a_signature_over_something_else_is_refused(kind: str, identifier: str, stand: Stand) -> None:
    """A genuine signature pasted in from another document does not cover this one, whatever the identifiers."""
    document = forge.signed(forge.Statement(assertion_id=identifier), "assertion")
    root = etree.fromstring(document)
    (assertion,) = root.findall(f"{{{forge.SAML}}}Assertion")
    assertion[1] = borrowed(kind)
    refusal = stand.refused(etree.tostring(root))
    assert refusal.code == "InvalidIdentityToken"
    assert refusal.reason in {"saml.sig.reference_uri", "saml.sig.invalid"}
    stand.accepted(document)


def test_a_signature_of_an_older_statement_is_refused(mode: str, stand: Stand) -> None:
    """The signature of one statement does not serve for the next one with the same identifiers."""
    first = etree.fromstring(forge.signed(forge.Statement(name_id="first"), mode))
    second = etree.fromstring(forge.signed(forge.Statement(name_id="second"), mode))
    mixed = etree.fromstring(etree.tostring(second))
    for old, new in zip(
        list(mixed.iter(f"{{{forge.DS}}}Signature")),
        list(first.iter(f"{{{forge.DS}}}Signature")),
        strict=True,
    ):
        parent = old.getparent()
        assert parent is not None
        parent.replace(old, new)
    refusal = stand.refused(etree.tostring(mixed))
    assert (refusal.message, refusal.reason) == ("Response signature invalid", "saml.sig.invalid")
    stand.accepted(etree.tostring(second))
