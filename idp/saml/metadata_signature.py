"""Who signed a service's metadata: its shape first, then libxmlsec1 in this process, by one pinned key only.

libxmlsec1 runs transforms before it looks at the signature: nothing reaches it before the shape was accepted.
"""

from typing import Final

import xmlsec
from lxml import etree

from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.certificates import public_key_pem
from idp.saml.constants import DS, ENVELOPED_SIGNATURE, EXCLUSIVE_C14N, SHA256
from idp.saml.errors import MetadataRefused

DIGESTS: Final = frozenset(
    {SHA256, "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}
)
ALGORITHMS: Final = frozenset(map(str, SignatureAlgorithm))
INCLUSIVE_NAMESPACES: Final = f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"
SIGNATURE: Final = f"{{{DS}}}Signature"


def check_signature(root: etree._Element, certificate: str) -> None:
    """Refuse metadata whose root is not signed, as a whole, by the key of this certificate."""
    signature = _only_signature(root)
    _check_identifiers(root)
    _check_shape(signature, root)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(public_key_pem(certificate), xmlsec.constants.KeyDataFormatPem)
    context.register_id(root, "ID")
    try:
        context.verify(signature)
    except xmlsec.Error as error:
        raise _refusal(
            "signature", "The metadata is not signed by the pinned certificate.", str(error)
        ) from error


def _only_signature(root: etree._Element) -> etree._Element:
    found = list(root.iter(SIGNATURE))
    if not found:
        raise _refusal("unsigned", "The metadata is not signed, but a certificate is pinned for it.")
    if len(found) > 1 or found[0].getparent() is not root or root[0] is not found[0]:
        raise _refusal(
            "signature-place", "The signature must be the first thing in the metadata, and the only one."
        )
    return found[0]


def _check_identifiers(root: etree._Element) -> None:
    """What the reference leads to must be the root and nothing else."""
    wanted = root.get("ID")
    for element in root.iter():
        for name, value in element.attrib.items():
            is_root_id = element is root and name == "ID"
            if str(name).rpartition("}")[2].casefold() == "id" and not is_root_id and value == wanted:
                raise _refusal("identifiers", "Two parts of the metadata have one ID.")
    if not wanted:
        raise _refusal("identifiers", "The signed metadata has no ID.")


def _check_shape(signature: etree._Element, root: etree._Element) -> None:
    """SAML Core 5.4: one reference to the root, two known transforms, strong algorithms, nothing else."""
    names = [etree.QName(child).localname for child in signature]
    if names not in (["SignedInfo", "SignatureValue"], ["SignedInfo", "SignatureValue", "KeyInfo"]):
        raise _shape(f"children {names}")
    if any(etree.QName(element).namespace not in {DS, EXCLUSIVE_C14N} for element in signature[0].iter()):
        raise _shape("foreign elements")
    info = [etree.QName(child).localname for child in signature[0]]
    if info != ["CanonicalizationMethod", "SignatureMethod", "Reference"]:
        raise _shape(f"SignedInfo holds {info}")
    _check_signed_info(signature, root)


def _check_signed_info(signature: etree._Element, root: etree._Element) -> None:
    canonicalization, method, reference = signature[0]
    if canonicalization.get("Algorithm") != EXCLUSIVE_C14N or len(method):
        raise _shape("canonicalisation")
    if method.get("Algorithm") not in ALGORITHMS:
        raise _refusal("algorithm", "The metadata is signed by an algorithm that is not accepted.")
    if reference.get("URI") != f"#{root.get('ID')}":
        raise _shape("the reference does not lead to the root")
    if [etree.QName(child).localname for child in reference] != ["Transforms", "DigestMethod", "DigestValue"]:
        raise _shape("the reference's parts")
    transforms, digest, digest_value = reference
    if [transform.get("Algorithm") for transform in transforms] != [ENVELOPED_SIGNATURE, EXCLUSIVE_C14N]:
        raise _shape("transforms")
    if digest.get("Algorithm") not in DIGESTS or len(digest) or len(digest_value) or len(signature[1]):
        raise _refusal("algorithm", "The metadata is signed over a digest that is not accepted.")
    parts = [*canonicalization, *(part for transform in transforms for part in transform)]
    if len(transforms[0]) or any(part.tag != INCLUSIVE_NAMESPACES or len(part) for part in parts):
        raise _shape("parts of a transform")


def _shape(cause: str) -> MetadataRefused:
    return _refusal(
        "signature-shape", "The metadata's signature is not of the form that SAML asks for.", cause
    )


def _refusal(reason: str, sentence: str, cause: str = "") -> MetadataRefused:
    return MetadataRefused(f"metadata.{reason}", sentence, cause)
