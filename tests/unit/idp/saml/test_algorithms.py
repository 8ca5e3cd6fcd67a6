"""Every algorithm of the one list: made by the right key, and found good by a library that is not ours."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree
from xmlsec import constants as C  # noqa: N812 - the library's names are long

from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.errors import KeyFault, KeyUnusable
from idp.saml.key_making import make_key
from idp.saml.keys import KeyRing, KeyStore
from idp.saml.responses import build_and_sign
from tests.statements import a_plan

NOW = datetime.now(UTC)


def ring_with(folder: Path, *curves: int) -> KeyRing:
    """An RSA key, and one on each of these curves, the last of them next."""
    make_key(folder, bits=2048, days=30, name="test", now=NOW, record=lambda _: None)
    for bits in curves:
        make_key(folder / "ec", bits=bits, days=30, name="test", now=NOW, record=lambda _: None)
    return KeyStore(folder).ring()


def verify(document: bytes, certificate: str, algorithm: SignatureAlgorithm) -> None:
    """Both signatures of the response are good, by this algorithm, by libxmlsec1."""
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    root = etree.fromstring(document)
    for signed in (root, root[3]):
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(pem, C.KeyDataFormatPem)
        context.register_id(signed, "ID")
        assert signed[1][0][1].get("Algorithm") == algorithm
        context.verify(signed[1])


@pytest.mark.spec("SAML Core", "5.4", "the signature profile")
def test_every_algorithm_of_the_list_verifies(tmp_path: Path) -> None:
    """RSA by three hashes from one key, ECDSA by the curve that is there."""
    for bits, curve in ((256, SignatureAlgorithm.ECDSA_SHA256), (384, SignatureAlgorithm.ECDSA_SHA384)):
        ring = ring_with(tmp_path / str(bits), bits)
        for algorithm in [*(name for name in SignatureAlgorithm if name.is_rsa), curve]:
            signer = ring.signer_for(algorithm)
            assert ring.signer_for(algorithm) is signer, "made once"
            response = build_and_sign(a_plan(now=NOW), signer)
            verify(response.document, signer.certificate, algorithm)
            assert signer.certificate in ring.published_certificates


def test_an_algorithm_without_its_key_is_refused(tmp_path: Path) -> None:
    """Nobody gets another algorithm than the one that was agreed."""
    ring = ring_with(tmp_path / "keys")
    assert ring.signer_for(SignatureAlgorithm.RSA_SHA512).algorithm is SignatureAlgorithm.RSA_SHA512
    for algorithm in (SignatureAlgorithm.ECDSA_SHA256, SignatureAlgorithm.ECDSA_SHA384):
        with pytest.raises(KeyUnusable) as refusal:
            ring.signer_for(algorithm)
        assert refusal.value.fault is KeyFault.MISMATCH


@pytest.mark.fault(19)
def test_a_broken_key_on_a_curve_stops_nobody_else(tmp_path: Path) -> None:
    """RSA goes on, and the ring says what is wrong; one that others can read stops everything."""
    folder = tmp_path / "keys"
    ring_with(folder, 256)
    key = folder / "ec" / "current.key.pem"
    key.write_text("nonsense")
    ring = KeyStore(folder).ring()
    assert ring.signer_for(SignatureAlgorithm.RSA_SHA256)
    assert "nothing is signed on a curve" in ring.remarks[0]
    key.chmod(0o644)
    with pytest.raises(KeyUnusable) as refusal:
        KeyStore(folder).ring()
    assert refusal.value.fault is KeyFault.PERMISSIONS


def test_kinds_of_keys_do_not_stand_in_for_each_other(tmp_path: Path) -> None:
    """A key on a curve in the main folder is refused: AWS could not verify it."""
    folder = tmp_path / "keys"
    ring_with(folder, 256)
    for name in ("current.key.pem", "current.cert.pem"):
        (folder / name).write_bytes((folder / "ec" / name).read_bytes())
    with pytest.raises(KeyUnusable) as refusal:
        KeyStore(folder).ring()
    assert refusal.value.fault is KeyFault.WEAK
