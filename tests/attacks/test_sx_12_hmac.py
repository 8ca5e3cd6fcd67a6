"""SX-12: an HMAC whose secret is the public key, which everybody knows."""

import pytest
from cryptography.hazmat.primitives import serialization

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-12")

_CERTIFICATE = forge.key_pair().certificate
_PUBLIC = _CERTIFICATE.public_key()
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
SECRETS = {
    "pem": _PUBLIC.public_bytes(serialization.Encoding.PEM, _SPKI),
    "der": _PUBLIC.public_bytes(serialization.Encoding.DER, _SPKI),
    "certificate-pem": _CERTIFICATE.public_bytes(serialization.Encoding.PEM),
    "certificate-der": _CERTIFICATE.public_bytes(serialization.Encoding.DER),
    "certificate-base64": forge.key_pair().certificate_text.encode(),
    "empty": b"",
}
ALGORITHMS = {
    f"{forge.DS}hmac-sha1": "sha1",
    f"{forge.MORE}hmac-sha256": "sha256",
    f"{forge.MORE}hmac-sha512": "sha512",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=ALGORITHMS.values())
def test_an_hmac_is_refused(algorithm: str, secret: bytes, mode: str, stand: Stand) -> None:
    """A shared secret never stands for a signature, least of all a public one."""
    signing = forge.Signing(algorithm=algorithm, hash_name=ALGORITHMS[algorithm], secret=secret)
    refusal = stand.refused(forge.signed(forge.Statement(), mode, signing))
    assert (refusal.message, refusal.reason) == (
        "Response signature invalid",
        "saml.sig.signature_algorithm",
    )


def test_the_twin_with_a_signature_is_accepted(mode: str, stand: Stand) -> None:
    """The same statement, signed with the private key, is taken."""
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_a_shortened_hmac_is_refused(stand: Stand) -> None:
    """HMACOutputLength has no place in a statement."""
    signed = forge.signed(forge.Statement(), "assertion").decode()
    method = f'<ds:SignatureMethod Algorithm="{forge.RSA_SHA256}"/>'
    short = method.replace("/>", "><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>")
    assert method in signed
    assert stand.refused(signed.replace(method, short)).reason == "saml.sig.content.SignatureMethod"
    stand.accepted(signed)
