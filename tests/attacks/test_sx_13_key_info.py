"""SX-13: KeyInfo tells which key to believe; nobody listens."""

import socket

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-13")


def test_the_attackers_certificate_is_not_believed(mode: str, stand: Stand) -> None:
    """A signature of another key is refused, though its certificate has our subject and serial number."""
    namesake = forge.key_pair("drawbridge", "rsa-3072")
    assert namesake.certificate.subject == forge.key_pair().certificate.subject
    refusal = stand.refused(forge.signed(forge.Statement(), mode, forge.Signing(key=namesake)))
    assert (refusal.message, refusal.reason) == ("Response signature invalid", "saml.sig.invalid")
    text = forge.key_pair().certificate_text
    ours = f"<ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data>"
    lying = forge.Signing(key=namesake, key_info=ours)
    assert stand.refused(forge.signed(forge.Statement(), mode, lying)).reason == "saml.sig.invalid"
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_key_info_is_not_looked_at(mode: str, stand: Stand) -> None:
    """A genuine signature is taken with the certificate of somebody else beside it, with nonsense, or without."""
    stranger = forge.key_pair("stranger").certificate_text
    for text in (stranger, "bm9uc2Vuc2U="):
        info = f"<ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data>"
        stand.accepted(forge.signed(forge.Statement(), mode, forge.Signing(key_info=info)))
    stand.accepted(forge.signed(forge.Statement(), mode, forge.Signing(key_info="")))


@pytest.mark.parametrize(
    "kind",
    ["retrieval", "key-name", "chain", "two-data", "key-value", "url", "issuer-serial", "agreement", "empty"],
)
def test_other_ways_to_name_a_key_are_refused_and_none_is_fetched(kind: str, mode: str, stand: Stand) -> None:
    """Names, chains, values and addresses of keys are refused, and nothing connects to the address."""
    certificate = f"<ds:X509Certificate>{forge.key_pair().certificate_text}</ds:X509Certificate>"
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        address = f"http://127.0.0.1:{canary.getsockname()[1]}/key"
        info = {
            "retrieval": f'<ds:RetrievalMethod URI="{address}" Type="{forge.DS}X509Data"/>',
            "key-name": "<ds:KeyName>drawbridge</ds:KeyName>",
            "chain": f"<ds:X509Data>{certificate}{certificate}</ds:X509Data>",
            "two-data": f"<ds:X509Data>{certificate}</ds:X509Data>" * 2,
            "key-value": "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus>"
            "<ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>",
            "url": f'<ds:X509Data><ds:X509Certificate URI="{address}"/></ds:X509Data>',
            "issuer-serial": "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName></ds:X509Data>",
            "agreement": "<ds:MgmtData>x</ds:MgmtData>",
            "empty": "<ds:X509Data/>",
        }[kind]
        refusal = stand.refused(forge.signed(forge.Statement(), mode, forge.Signing(key_info=info)))
        assert refusal.reason.startswith(("saml.sig.content.", "saml.structure."))
        with pytest.raises(TimeoutError):
            canary.accept()
    stand.accepted(forge.signed(forge.Statement(), mode))
