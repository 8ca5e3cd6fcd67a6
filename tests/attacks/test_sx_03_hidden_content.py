"""SX-03: something hidden in a signature: in an Object, in KeyInfo, in a decoy with the genuine value."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-03")

EVIL = forge.Statement(assertion_id="_evil").for_role(forge.ADMIN).assertion()
OBJECT = f"<ds:Object>{EVIL}</ds:Object>"


def test_an_object_in_a_signature_is_refused(mode: str, stand: Stand) -> None:
    """A signature holds no Object, empty or full."""
    document = forge.signed(forge.Statement(), mode).decode()
    for hidden in (OBJECT, "<ds:Object/>"):
        refusal = stand.refused(document.replace("</ds:Signature>", hidden + "</ds:Signature>", 1))
        assert refusal.reason in {"saml.structure.assertion_count", "saml.sig.content.Signature"}
    stand.accepted(document)


def test_an_assertion_in_key_info_is_refused(mode: str, stand: Stand) -> None:
    """KeyInfo holds one certificate and nothing else."""
    document = forge.signed(forge.Statement(), mode).decode()
    for hidden in (EVIL, f"<ds:X509Data>{EVIL}</ds:X509Data>"):
        refusal = stand.refused(document.replace("</ds:KeyInfo>", hidden + "</ds:KeyInfo>", 1))
        assert refusal.code == "InvalidIdentityToken"
    stand.accepted(document)


@pytest.mark.parametrize("first", [True, False], ids=["decoy-first", "decoy-last"])
def test_a_decoy_signature_with_the_genuine_value_is_refused(stand: Stand, *, first: bool) -> None:
    """A second signature beside the genuine one is refused, also when it repeats the genuine value."""
    document = forge.signed(forge.Statement(), "assertion").decode()
    start, end = document.index("<ds:Signature "), document.index("</ds:Signature>") + len("</ds:Signature>")
    genuine = document[start:end]
    decoy = genuine.replace("#_assertion1", "#_evil")
    pair = decoy + genuine if first else genuine + decoy
    assert (
        stand.refused(document[:start] + pair + document[end:]).reason == "saml.structure.content.Assertion"
    )
    stand.accepted(document)


def test_a_decoy_signature_on_the_response_is_refused(stand: Stand) -> None:
    """A signature that is copied from the assertion to the response does not make the response signed."""
    document = forge.signed(forge.Statement(), "assertion").decode()
    start, end = document.index("<ds:Signature "), document.index("</ds:Signature>") + len("</ds:Signature>")
    issuer = "</saml:Issuer>"
    decoy = document.replace(issuer, issuer + document[start:end], 1)
    assert stand.refused(decoy).reason == "saml.sig.reference_uri"
    stand.accepted(document)
