"""The signature profile of SAML Core 5.4: one reference, two known transforms, strong algorithms."""

import re
from typing import Final

from lxml import etree

from sts_bridge.local_aws.errors import invalid_signature
from sts_bridge.local_aws.statements.grammar import DS, ENVELOPED, EXCLUSIVE_C14N

SIGNATURE_ALGORITHMS: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    }
)
DIGEST_ALGORITHMS: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    }
)

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_LONGEST_BASE64 = 2_048
_WITHOUT_SPACE = dict.fromkeys(map(ord, " \t\n"))
_PREFIX_LIST = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}(?: [A-Za-z_][A-Za-z0-9_.-]{0,31}){0,15}", re.ASCII)


def check_signature(signature: etree._Element) -> None:
    """Hold a signature to the profile; refuses every other algorithm, transform and reference."""
    signed_info = _child(signature, "SignedInfo")
    reference = _child(signed_info, "Reference")
    parent = signature.getparent()
    if parent is None or reference.get("URI") != f"#{parent.get('ID')}":
        raise invalid_signature("saml.sig.reference_uri")
    transforms = [transform.get("Algorithm") for transform in _child(reference, "Transforms")]
    if transforms != [ENVELOPED, EXCLUSIVE_C14N]:
        raise invalid_signature("saml.sig.transforms")
    if _child(signed_info, "CanonicalizationMethod").get("Algorithm") != EXCLUSIVE_C14N:
        raise invalid_signature("saml.sig.canonicalization")
    if _child(signed_info, "SignatureMethod").get("Algorithm") not in SIGNATURE_ALGORITHMS:
        raise invalid_signature("saml.sig.signature_algorithm")
    if _child(reference, "DigestMethod").get("Algorithm") not in DIGEST_ALGORITHMS:
        raise invalid_signature("saml.sig.digest_algorithm")
    for value in (_child(reference, "DigestValue"), _child(signature, "SignatureValue")):
        text = (value.text or "").translate(_WITHOUT_SPACE)
        if len(text) > _LONGEST_BASE64 or len(text) % 4 or not _BASE64.fullmatch(text):
            raise invalid_signature("saml.sig.value")
    for namespaces in signature.iter(f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"):
        if not _PREFIX_LIST.fullmatch(namespaces.get("PrefixList", "")):
            raise invalid_signature("saml.sig.prefix_list")


def _child(element: etree._Element, name: str) -> etree._Element:
    (child,) = element.iterfind(f"{{{DS}}}{name}")
    return child
