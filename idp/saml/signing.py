"""Signs in this process, never by starting a program: XML Signature as the SAML profile narrows it.

SAML Core 5.4: enveloped, exclusive canonicalisation, one reference to the signed element's own ID.
"""

import base64
import hashlib
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from lxml import etree

from idp.saml.constants import DS, ENVELOPED_SIGNATURE, EXCLUSIVE_C14N, SHA256
from idp.saml.xml import parse

# The profile's fixed parts; every value comes in through the tree.
SIGNATURE = f"""<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE_C14N}"/><ds:SignatureMethod/>\
<ds:Reference><ds:Transforms><ds:Transform Algorithm="{ENVELOPED_SIGNATURE}"/>\
<ds:Transform Algorithm="{EXCLUSIVE_C14N}"/></ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"/>\
<ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>\
<ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo></ds:Signature>""".encode()


class Signer(Protocol):
    """Something that signs octets: a key file today, a token or a service behind the same face."""

    @property
    def algorithm(self) -> str:
        """The URI of the signature algorithm."""

    @property
    def certificate(self) -> str:
        """The certificate that verifies, as KeyInfo holds it."""

    def sign(self, octets: bytes) -> bytes:
        """The signature over these octets."""

    def check_in_force(self, at: datetime) -> None:
        """Refuse with SigningUnavailable to sign at this moment, if the certificate does not hold."""


@dataclass(frozen=True, slots=True)
class SignedResponse:
    """The finished document and where it must be posted; it opens a session, so it shows itself to nobody."""

    document: bytes
    acs: str
    base64_text: str

    def __repr__(self) -> str:
        return f"SignedResponse({len(self.document)} octets for {self.acs})"


def canonical(element: etree._Element) -> bytes:
    """The octets of this element that a signature covers (Exclusive XML Canonicalization 1.0, no comments)."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def sign_enveloped(element: etree._Element, octets: bytes, signer: Signer, *, place: int = 1) -> None:
    """The element carries a signature over itself where the schema wants it: in messages right after their Issuer.

    `octets` is the canonical form that the element has now.
    """
    # lxml's copy takes everything below along.
    signature = copy(_signature_of(signer.algorithm, signer.certificate))
    signed_info, signature_value, _ = signature
    reference = signed_info[2]
    reference.set("URI", f"#{element.get('ID')}")
    reference[2].text = base64.b64encode(hashlib.sha256(octets).digest()).decode("ascii")
    signature_value.text = base64.b64encode(signer.sign(canonical(signed_info))).decode("ascii")
    element.insert(place, signature)


@lru_cache(maxsize=32)
def _signature_of(algorithm: str, certificate: str) -> etree._Element:
    """The parts that every signature of one key shares; copied, never changed."""
    signature = parse(SIGNATURE)
    signature[0][1].set("Algorithm", algorithm)
    signature[2][0][0].text = certificate
    return signature
