"""SX-08: text that is cut in pieces, so that one reader sees the front and another the whole."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-08")

TEXTS = {
    "NameID": "a1b2c3",
    "Issuer": forge.ISSUER,
    "Audience": forge.AUDIENCE,
    "Role": f"{forge.ROLE},{forge.PROVIDER}",
    "RoleSessionName": "ada@example.test",
}
WEDGES = {
    "comment": "<!-- -->",
    "cdata": "<![CDATA[]]>",
    "instruction": "<?x y?>",
    "element": "<saml:NameID>evil</saml:NameID>",
    "foreign-element": '<b xmlns="urn:b">evil</b>',
}


@pytest.mark.parametrize("wedge", WEDGES.values(), ids=WEDGES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_in_pieces_is_refused(text: str, wedge: str, stand: Stand) -> None:
    """A wedge in the middle of a value is refused, neither cut off nor joined, signed over or put in later."""
    honest = forge.Statement().xml()
    middle = len(text) // 2
    cut = text[:middle] + wedge + text[middle:]
    before = forge.signed(honest.replace(f">{text}<", f">{cut}<"), "both")
    signed = forge.signed(honest, "both").decode()
    after = signed.replace(f">{text}<", f">{cut}<")
    for document in (before.decode(), after):
        assert cut in document or wedge.startswith(("<saml", "<b"))
        refusal = stand.refused(document)
        assert refusal.code == "InvalidIdentityToken"
        assert refusal.reason.startswith("saml.structure.")
    stand.accepted(signed)


@pytest.mark.parametrize(
    "place", ["<samlp:Response ", "</samlp:Response>", "</saml:Assertion>", "<saml:Subject>"]
)
@pytest.mark.parametrize("wedge", ["<!---->", "<?x?>", "<![CDATA[ ]]>"])
def test_comments_instructions_and_cdata_are_refused_everywhere(place: str, wedge: str, stand: Stand) -> None:
    """A statement holds elements and text and nothing else, not even around the root."""
    document = forge.signed(forge.Statement(), "both").decode()
    assert stand.refused(document.replace(place, wedge + place, 1)).reason in {
        "saml.structure.markup_declaration",
        "saml.structure.processing_instruction",
    }
    stand.accepted('<?xml version="1.0" encoding="UTF-8"?>' + document)
