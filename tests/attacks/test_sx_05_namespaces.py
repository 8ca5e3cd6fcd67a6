"""SX-05: decoys of other namespaces, and namespaces that are not what they seem."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-05")

OLD = "urn:oasis:names:tc:SAML:1.0:assertion"


@pytest.mark.parametrize(
    "decoy",
    [
        '<x:Assertion xmlns:x="urn:foreign"/>',
        f'<x:Assertion xmlns:x="{OLD}" AssertionID="_old"/>',
        '<Assertion xmlns="urn:foreign"/>',
        '<x:Other xmlns:x="urn:foreign"/>',
    ],
)
@pytest.mark.parametrize(
    "place", ["<samlp:Status>", "</samlp:Response>", "</saml:Assertion>", "</samlp:Status>"]
)
def test_a_decoy_of_another_namespace_is_refused(decoy: str, place: str, stand: Stand) -> None:
    """An element of another namespace is refused anywhere, also under a signature that holds."""
    text = forge.Statement().xml()
    document = forge.signed(text.replace(place, decoy + place, 1), "both")
    counted = "assertion_count" if "Assertion" in decoy else "content."
    assert stand.refused(document).reason.startswith(f"saml.structure.{counted}")
    stand.accepted(forge.signed(text, "both"))


@pytest.mark.parametrize(
    ("declaration", "reasons"),
    [
        ('xmlns:xml="urn:other"', "reserved_prefix"),
        ('xmlns:xml="http://www.w3.org/XML/1998/namespace"', "reserved_prefix"),
        ('xmlns:xmlns="urn:other"', "reserved_prefix"),
        ('xmlns:x="relative/name"', "namespace not_xml"),
        ('xmlns:x="name"', "namespace not_xml"),
        ('xmlns:x="urn:with blank"', "namespace not_xml"),
    ],
)
def test_a_namespace_that_is_not_absolute_or_is_reserved_is_refused(
    declaration: str, reasons: str, stand: Stand
) -> None:
    """Reserved prefixes are not declared anew, and a namespace has an absolute name."""
    document = forge.signed(forge.Statement(), "assertion").decode()
    odd = document.replace("<samlp:Response ", f"<samlp:Response {declaration} ", 1)
    assert stand.refused(odd).reason.removeprefix("saml.structure.") in reasons.split()
    stand.accepted(document.replace("<samlp:Response ", '<samlp:Response xmlns:x="urn:lawful" ', 1))
