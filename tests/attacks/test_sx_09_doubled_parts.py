"""SX-09: a signature with a part doubled, misplaced or split."""

import re

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-09")

PARTS = (
    "SignedInfo", "SignatureValue", "DigestValue", "CanonicalizationMethod", "SignatureMethod", "DigestMethod",
    "Transforms", "KeyInfo",
)  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_a_doubled_part_is_refused(part: str, mode: str, stand: Stand) -> None:
    """Each part of a signature is there once."""
    document = forge.signed(forge.Statement(), mode).decode()
    found = re.search(rf"<ds:{part}\b[^>]*/>|<ds:{part}\b.*?</ds:{part}>", document, re.DOTALL)
    assert found
    doubled = document.replace(found.group(), found.group() * 2, 1)
    refusal = stand.refused(doubled)
    assert refusal.message == "Response signature invalid"
    assert refusal.reason.startswith("saml.sig.content.")
    stand.accepted(document)


def test_signed_info_outside_its_signature_is_refused(mode: str, stand: Stand) -> None:
    """SignedInfo stands in its signature and nowhere else."""
    document = forge.signed(forge.Statement(), mode).decode()
    found = re.search(r"<ds:SignedInfo.*?</ds:SignedInfo>", document, re.DOTALL)
    assert found
    declared = found.group().replace("<ds:SignedInfo", f'<ds:SignedInfo xmlns:ds="{forge.DS}"', 1)
    for place in ("<samlp:Status>", "</samlp:Response>"):
        moved = document.replace(place, declared + place, 1)
        assert stand.refused(moved).reason == "saml.structure.content.Response"
    stand.accepted(document)


@pytest.mark.parametrize("wedge", ["<!-- x -->", "<![CDATA[]]>", "<ds:x/>"])
@pytest.mark.parametrize("part", ["DigestValue", "SignatureValue"])
def test_a_split_value_is_refused(part: str, wedge: str, mode: str, stand: Stand) -> None:
    """Digest and signature value are text in one piece."""
    document = forge.signed(forge.Statement(), mode).decode()
    split = re.sub(rf"(<ds:{part}>.{{8}})", rf"\1{wedge}", document, count=1)
    assert split != document
    assert stand.refused(split).reason in {
        "saml.structure.markup_declaration",
        "saml.structure.nested_element",
    }
    stand.accepted(document)


def test_a_value_in_lines_is_accepted_and_one_with_other_signs_refused(mode: str, stand: Stand) -> None:
    """Line breaks in a value are lawful base64; signs that a lenient decoder would skip are refused."""
    document = forge.signed(forge.Statement(), mode).decode()
    refusal = stand.refused(re.sub(r"(<ds:SignatureValue>.{8})", r"\1*!", document, count=1))
    assert refusal.reason == "saml.sig.value"
    stand.accepted(re.sub(r"(<ds:SignatureValue>.{8})", "\\1\n", document, count=1))
