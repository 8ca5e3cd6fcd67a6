"""SX-15: encrypted parts, beside or instead of what is signed; nothing is ever decrypted."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-15")

XENC = "http://www.w3.org/2001/04/xmlenc#"
DATA = (
    f'<xenc:EncryptedData xmlns:xenc="{XENC}"><xenc:CipherData><xenc:CipherValue>AAAA</xenc:CipherValue>'
    "</xenc:CipherData></xenc:EncryptedData>"
)
ASSERTION = f"<saml:EncryptedAssertion>{DATA}</saml:EncryptedAssertion>"
NAME = f"<saml:EncryptedID>{DATA}</saml:EncryptedID>"
ATTRIBUTE = f"<saml:EncryptedAttribute>{DATA}</saml:EncryptedAttribute>"


def test_an_encrypted_assertion_is_refused(mode: str, stand: Stand) -> None:
    """An encrypted assertion is refused beside a signed one and in place of it."""
    text = forge.Statement().xml()
    beside = text.replace("</samlp:Response>", ASSERTION + "</samlp:Response>")
    before = text.replace("<saml:Assertion", ASSERTION + "<saml:Assertion", 1)
    start, end = text.index("<saml:Assertion"), text.index("</samlp:Response>")
    instead = text[:start] + ASSERTION + text[end:]
    assert stand.refused(forge.signed(beside, mode)).reason == "saml.structure.content.Response"
    assert stand.refused(forge.signed(before, mode)).reason == "saml.structure.content.Response"
    alone = stand.refused(forge.signed(instead, "response"))
    assert alone.reason == "saml.structure.assertion_count"
    assert "The local AWS does not decrypt" in alone.message
    stand.accepted(forge.signed(text, mode))


def test_an_encrypted_name_or_attribute_is_refused(mode: str, stand: Stand) -> None:
    """Neither the name nor an attribute may come encrypted."""
    text = forge.Statement().xml()
    named = text.replace("<saml:SubjectConfirmation ", NAME + "<saml:SubjectConfirmation ", 1)
    told = text.replace("</saml:AttributeStatement>", ATTRIBUTE + "</saml:AttributeStatement>")
    for document in (named, told):
        assert stand.refused(forge.signed(document, mode)).reason.startswith("saml.structure.content.")
    stand.accepted(forge.signed(text, mode))


def test_refusals_of_different_ciphertexts_look_alike(stand: Stand) -> None:
    """What was encrypted makes no difference to the answer, so that nothing can be learnt from it."""
    text = forge.Statement().xml()
    answers = set()
    for cipher in ("AAAA", "////", "MDEyMzQ1Njc4OUFCQ0RFRg==", "", "not base64"):
        part = ASSERTION.replace("AAAA", cipher)
        answers.add(stand.refused(text.replace("</samlp:Response>", part + "</samlp:Response>")))
    assert len(answers) == 1
    stand.accepted(forge.signed(text, "both"))
