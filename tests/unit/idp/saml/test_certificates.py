"""Certificates of others: what may be registered is exactly what may verify and be encrypted for."""

import pytest

from idp.saml.certificates import CertificateRefused, public_key, public_key_pem, read_certificate_text
from tests.providers import certificate_text_of


@pytest.mark.attack("SX-07")
@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
def test_a_strong_key_may_be_registered_and_verify(kind: str) -> None:
    """One decision for both: the key is told, and given out."""
    text = certificate_text_of("strong", kind)
    assert read_certificate_text(text).text == text
    assert public_key(text) is not None
    assert public_key_pem(text).startswith(b"-----BEGIN PUBLIC KEY-----")


@pytest.mark.attack("SX-07")
@pytest.mark.parametrize("kind", ["rsa1024", "p224", "nonsense"])
def test_a_weak_key_may_neither(kind: str) -> None:
    """Neither a form nor a row that got round it makes a weak key count."""
    text = "nonsense" if kind == "nonsense" else certificate_text_of("weak", kind)
    for refused in (read_certificate_text, public_key_pem):
        with pytest.raises(CertificateRefused):
            refused(text)
    assert public_key(text) is None
