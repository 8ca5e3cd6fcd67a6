"""Who signed a message: over the raw query octets (Redirect), or enveloped and behind the gate (POST).

The key comes from what is registered for the service and never from the message. What leaves this file is only
what a signature covers: the octets that were digested, parsed again.
"""

import base64
import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import xmlsec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree
from xmlsec import constants

from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.certificates import PublicKey, public_key, public_key_pem
from idp.saml.errors import UntrustedMessage
from idp.saml.gate import GatedMessage, parse_once
from idp.saml.shapes import SIGNATURE

HASHES: Final = {
    SignatureAlgorithm.RSA_SHA256: hashes.SHA256(),
    SignatureAlgorithm.RSA_SHA384: hashes.SHA384(),
    SignatureAlgorithm.RSA_SHA512: hashes.SHA512(),
    SignatureAlgorithm.ECDSA_SHA256: hashes.SHA256(),
    SignatureAlgorithm.ECDSA_SHA384: hashes.SHA384(),
}
TRANSFORMS: Final = {
    SignatureAlgorithm.RSA_SHA256: constants.TransformRsaSha256,
    SignatureAlgorithm.RSA_SHA384: constants.TransformRsaSha384,
    SignatureAlgorithm.RSA_SHA512: constants.TransformRsaSha512,
    SignatureAlgorithm.ECDSA_SHA256: constants.TransformEcdsaSha256,
    SignatureAlgorithm.ECDSA_SHA384: constants.TransformEcdsaSha384,
}
DIGEST_TRANSFORMS: Final = {
    "sha256": constants.TransformSha256,
    "sha384": constants.TransformSha384,
    "sha512": constants.TransformSha512,
}


def signer_of_query(
    octets: bytes, *, signature: bytes, algorithm: SignatureAlgorithm, certificates: Iterable[str]
) -> str:
    """The one of these certificates whose key made the signature over exactly these octets; refuses if none did."""
    for certificate in certificates:
        key = public_key(certificate)
        if key is not None and holds(key, octets, signature, algorithm):
            return certificate
    raise UntrustedMessage("saml.signature.invalid")


def signed_element(message: GatedMessage, certificates: Iterable[str]) -> tuple[etree._Element, str]:
    """The message as it was signed, without its signature, and the certificate whose key signed it.

    Refuses with UntrustedMessage a signature that no registered key made, and where there is none at all.
    """
    facts, signature = message.signature, message.root.find(SIGNATURE)
    if facts is None or signature is None:
        raise UntrustedMessage("saml.signature.missing")
    xmlsec.tree.add_ids(message.root, ["ID"])
    for certificate in certificates:
        key = public_key(certificate)
        if key is None or not _fits(key, facts.algorithm):
            continue
        context = xmlsec.SignatureContext()
        # With a key of our own set, what KeyInfo says is not looked at.
        context.key = _xmlsec_key(certificate)
        for transform in (constants.TransformExclC14N, TRANSFORMS[facts.algorithm]):
            context.enable_signature_transform(transform)
        for transform in (
            constants.TransformEnveloped,
            constants.TransformExclC14N,
            DIGEST_TRANSFORMS[facts.digest],
        ):
            context.enable_reference_transform(transform)
        try:
            context.verify(signature)
        except xmlsec.Error:
            continue
        return _covered(message), certificate
    raise UntrustedMessage("saml.signature.invalid")


def _covered(message: GatedMessage) -> etree._Element:
    """The octets that the digest is of, as a tree of their own; the digest is worked out a second time here."""
    facts = message.signature
    signature = message.root.find(SIGNATURE)
    if facts is None or signature is None:
        raise UntrustedMessage("saml.signature.missing")
    before = signature.getprevious()
    if before is not None:  # lxml removes the text behind an element with it, which the signature covers
        before.tail = (before.tail or "") + (signature.tail or "")
    message.root.remove(signature)
    octets = etree.tostring(
        message.root,
        method="c14n",
        exclusive=True,
        with_comments=False,
        inclusive_ns_prefixes=["" if prefix == "#default" else prefix for prefix in facts.prefixes] or None,
    )
    if hashlib.new(facts.digest, octets).digest() != base64.b64decode(facts.digest_value):
        raise UntrustedMessage("saml.signature.coverage")
    return parse_once(octets)


def holds(key: PublicKey, octets: bytes, signature: bytes, algorithm: SignatureAlgorithm) -> bool:
    """Whether this key made this signature by this algorithm."""
    if not _fits(key, algorithm):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, octets, padding.PKCS1v15(), HASHES[algorithm])
        else:
            key.verify(_der_signature(key, signature), octets, ec.ECDSA(HASHES[algorithm]))
    except (InvalidSignature, ValueError):
        return False
    return True


def _der_signature(key: ec.EllipticCurvePublicKey, signature: bytes) -> bytes:
    """RFC 4050, 3.3: XML Signature writes r and s one after the other; `cryptography` reads DER."""
    half = (key.key_size + 7) // 8
    if len(signature) != 2 * half:
        raise ValueError("an ECDSA signature of another length")
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )


def _fits(key: PublicKey, algorithm: SignatureAlgorithm) -> bool:
    return isinstance(key, rsa.RSAPublicKey) is algorithm.is_rsa


@lru_cache(maxsize=4_096)
def _xmlsec_key(certificate: str) -> xmlsec.Key:
    return xmlsec.Key.from_memory(public_key_pem(certificate), constants.KeyDataFormatPem)
