"""SX-11: weak and unknown algorithms and keys."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-11")

ELLIPTIC = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/elliptic"

WEAK = {
    "rsa-sha1": forge.Signing(algorithm=f"{forge.DS}rsa-sha1", hash_name="sha1"),
    "digest-sha1": forge.Signing(digest=f"{forge.DS}sha1", digest_name="sha1"),
    "rsa-md5": forge.Signing(algorithm=f"{forge.MORE}rsa-md5", hash_name="md5"),
    "digest-md5": forge.Signing(digest=f"{forge.MORE}md5", digest_name="md5"),
    "rsa-sha224": forge.Signing(algorithm=f"{forge.MORE}rsa-sha224"),
    "unknown": forge.Signing(algorithm="urn:unknown"),
    "unknown-digest": forge.Signing(digest="urn:unknown"),
    "none": forge.Signing(algorithm="http://www.w3.org/2001/04/xmldsig-more#none"),
    "empty": forge.Signing(algorithm=""),
    "case": forge.Signing(algorithm=forge.RSA_SHA256.upper()),
    "pss": forge.Signing(algorithm="http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
}


@pytest.mark.parametrize("signing", WEAK.values(), ids=WEAK)
def test_a_weak_or_unknown_algorithm_is_refused(signing: forge.Signing, mode: str, stand: Stand) -> None:
    """Only the listed algorithms are taken, though the signature holds under the one named."""
    refusal = stand.refused(forge.signed(forge.Statement(), mode, signing))
    assert refusal.message == "Response signature invalid"
    assert refusal.reason in {"saml.sig.signature_algorithm", "saml.sig.digest_algorithm"}
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_strong_algorithms_are_accepted(mode: str, stand: Stand) -> None:
    """SHA-256, SHA-384 and SHA-512 are taken, with RSA and with the two curves."""
    for name, digest in (
        ("sha256", forge.SHA256),
        ("sha384", f"{forge.MORE}sha384"),
        ("sha512", "http://www.w3.org/2001/04/xmlenc#sha512"),
    ):
        signing = forge.Signing(
            algorithm=f"{forge.MORE}rsa-{name}", hash_name=name, digest=digest, digest_name=name
        )
        stand.accepted(forge.signed(forge.Statement(), mode, signing))
    key = forge.key_pair("elliptic", "ec-256")
    elliptic = forge.Signing(key=key, algorithm=f"{forge.MORE}ecdsa-sha256")
    statement = forge.Statement().for_role(forge.ROLE, ELLIPTIC)
    stand.accepted(forge.signed(statement, mode, elliptic), PrincipalArn=ELLIPTIC)
    mixed = forge.Signing(key=key, algorithm=forge.RSA_SHA256)
    assert (
        stand.refused(forge.signed(statement, mode, mixed), PrincipalArn=ELLIPTIC).reason
        == "saml.sig.invalid"
    )


def test_a_short_rsa_key_is_refused(mode: str, stand: Stand) -> None:
    """A signature that holds under a registered key of 1,024 bits is refused."""
    weak = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/weak"
    statement = forge.Statement().for_role(forge.ROLE, weak)
    signing = forge.Signing(key=forge.key_pair("weak", "rsa-1024"))
    assert (
        stand.refused(forge.signed(statement, mode, signing), PrincipalArn=weak).reason == "saml.sig.no_key"
    )
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_dsa_is_refused(mode: str, stand: Stand) -> None:
    """A signature by a registered DSA key is refused, under either name of the algorithm."""
    dsa = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/dsa"
    for algorithm in (f"{forge.DS}dsa-sha1", "http://www.w3.org/2009/xmldsig11#dsa-sha256"):
        signing = forge.Signing(key=forge.key_pair("dsa", "dsa-2048"), algorithm=algorithm)
        statement = forge.Statement().for_role(forge.ROLE, dsa)
        refusal = stand.refused(forge.signed(statement, mode, signing), PrincipalArn=dsa)
        assert refusal.reason == "saml.sig.signature_algorithm"
    stand.accepted(forge.signed(forge.Statement(), mode))
