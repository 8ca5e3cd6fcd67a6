"""What a registered provider is known by: its entity ID and its signing certificates, from its metadata."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.statements.grammar import DS

LARGEST_METADATA: Final = 10_000_000  # what IAM takes

_MD = "urn:oasis:names:tc:SAML:2.0:metadata"
_SHORTEST_RSA_KEY = 2_048
_CURVES = ("secp256r1", "secp384r1")


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One metadata document, read once: who signs, and with which keys."""

    entity_id: str
    certificates: tuple[x509.Certificate, ...]

    def certificates_at(self, now: datetime) -> tuple[x509.Certificate, ...]:
        """Give the certificates in force.

        Real AWS does not look at their dates. Here an expired key is no key: whoever tries a federation
        should hear of it before the security team does.
        """
        return tuple(
            certificate
            for certificate in self.certificates
            if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
        )


def read_metadata(text: str) -> IdentityProvider:
    """Give the provider that a metadata document describes; a document without usable keys gives none.

    Refuses with WorldError what is no metadata of one identity provider.
    """
    if len(text) > LARGEST_METADATA or "<!DOCTYPE" in text or text.startswith("\ufeff"):
        raise WorldError("could not parse metadata: too large, or with a document type or a byte order mark")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as problem:
        raise WorldError(f"could not parse metadata: {problem.msg}") from problem
    entity_id = root.get("entityID")
    role = root.find(f"{{{_MD}}}IDPSSODescriptor")
    if root.tag != f"{{{_MD}}}EntityDescriptor" or not entity_id or role is None:
        raise WorldError("could not parse metadata: it is not one EntityDescriptor of an identity provider")
    return IdentityProvider(entity_id=entity_id, certificates=_signing_certificates(role))


def _signing_certificates(role: etree._Element) -> tuple[x509.Certificate, ...]:
    found = []
    for descriptor in role.findall(f"{{{_MD}}}KeyDescriptor"):
        if descriptor.get("use", "signing") != "signing":
            continue
        for element in descriptor.iterfind(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"):
            certificate = _read_certificate(element.text or "")
            if _is_strong(certificate):
                found.append(certificate)
    return tuple(found)


def _read_certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError) as problem:
        raise WorldError("could not parse metadata: a signing certificate cannot be read") from problem


def _is_strong(certificate: x509.Certificate) -> bool:
    """Keep only keys that may verify: a key too weak for a signature is as good as none."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _SHORTEST_RSA_KEY
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES
