"""Encrypts an assertion for one service (XML Encryption 1.1): a fresh key for each, wrapped for the service's own.

The parts are made by `cryptography`; of XML Encryption only the frame is needed, and nothing is ever decrypted here.
"""

import base64
import os
from copy import copy
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from idp.domain.encryption_scheme import AES256_GCM, SHA1, EncryptionScheme
from idp.saml.certificates import public_key
from idp.saml.constants import DS, SAML
from idp.saml.errors import UnlawfulValue
from idp.saml.xml import parse

XENC = "http://www.w3.org/2001/04/xmlenc#"
NONCE_LENGTH = 12  # XML Encryption 1.1, 5.2.4
FRAME = parse(
    f"""<saml:EncryptedAssertion xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element">\
<xenc:EncryptionMethod/><ds:KeyInfo xmlns:ds="{DS}"><xenc:EncryptedKey><xenc:EncryptionMethod/>\
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>\
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>""".encode()
)
NOT_ENCRYPTED = "The statement for this service could not be encrypted. Please tell your administrators."


def encrypted(octets: bytes, certificate: str, scheme: EncryptionScheme) -> etree._Element:
    """An EncryptedAssertion with these octets, which the holder of the certificate's key alone can read.

    Refuses with UnlawfulValue a certificate whose key cannot encrypt.
    """
    public = public_key(certificate)
    if not isinstance(public, RSAPublicKey):
        raise UnlawfulValue("no key that may encrypt", sentence=NOT_ENCRYPTED)
    key, nonce = os.urandom(32 if scheme.cipher == AES256_GCM else 16), os.urandom(NONCE_LENGTH)
    digest: hashes.HashAlgorithm = hashes.SHA1() if scheme.digest == SHA1 else hashes.SHA256()  # noqa: S303 - OAEP
    # MGF1 with SHA-1 whatever the digest is (XML Encryption 1.1, 5.5.2).
    mask = padding.MGF1(hashes.SHA1())  # noqa: S303 - see above
    wrapped = public.encrypt(key, padding.OAEP(mask, digest, label=None))
    assertion = copy(_frame(scheme))
    of_key, of_content = assertion.iter(f"{{{XENC}}}CipherValue")
    of_key.text = base64.b64encode(wrapped).decode("ascii")
    of_content.text = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, octets, None)).decode("ascii")
    return assertion


@lru_cache(maxsize=len(EncryptionScheme))
def _frame(scheme: EncryptionScheme) -> etree._Element:
    """The parts that every assertion of one scheme shares; copied, never changed."""
    frame = copy(FRAME)
    of_content, of_key = frame.iter(f"{{{XENC}}}EncryptionMethod")
    of_content.set("Algorithm", scheme.cipher)
    of_key.set("Algorithm", scheme.transport)
    # SHA-1 is what its absence means, and some readers know no other way to say it.
    if scheme.digest != SHA1:
        etree.SubElement(of_key, f"{{{DS}}}DigestMethod", nsmap={"ds": DS}, Algorithm=scheme.digest)
    return frame
