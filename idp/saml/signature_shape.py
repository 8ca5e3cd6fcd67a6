"""The signature profile of SAML Core 5.4: one reference to the message, two transforms, strong algorithms.

Read from the shape alone; whether the signature holds is `verifying`'s affair.
"""

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.constants import ENVELOPED_SIGNATURE, EXCLUSIVE_C14N, SHA256, SHA384, SHA512
from idp.saml.errors import UntrustedMessage
from idp.saml.shapes import PREFIX_LIST

DIGESTS: Final = {SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"}
ALGORITHMS: Final = frozenset(map(str, SignatureAlgorithm))
LONGEST_VALUE: Final = 1_400  # base64 of an 8,192-bit signature

spaces = dict.fromkeys(map(ord, " \t\n"))
base64_grammar = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
prefix_list = re.compile(
    r"(?:#default|[A-Za-z_][A-Za-z0-9_.-]{0,31})(?: (?:#default|[A-Za-z_][A-Za-z0-9_.-]{0,31})){0,15}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """What a signature says of itself; not believed before it is verified."""

    algorithm: SignatureAlgorithm
    digest: str
    digest_value: str
    prefixes: tuple[str, ...]


def read_signature(signature: etree._Element, parent: etree._Element) -> SignatureFacts:
    """What the signature says; refuses every other algorithm, transform and reference than the profile's."""
    signed_info, signature_value = signature[0], signature[1]
    canonicalization, method, reference = signed_info
    transforms, digest, digest_value = reference
    if reference.get("URI") != f"#{parent.get('ID')}":
        raise UntrustedMessage("saml.signature.reference", "URI is not the message's own ID")
    algorithms = [transform.get("Algorithm") for transform in transforms]
    if algorithms != [ENVELOPED_SIGNATURE, EXCLUSIVE_C14N] or len(transforms[0]):
        raise UntrustedMessage("saml.signature.transforms", " ".join(map(str, algorithms)))
    if canonicalization.get("Algorithm") != EXCLUSIVE_C14N:
        raise UntrustedMessage("saml.signature.canonicalization", str(canonicalization.get("Algorithm")))
    if method.get("Algorithm") not in ALGORITHMS:
        raise UntrustedMessage("saml.signature.algorithm", str(method.get("Algorithm")))
    if digest.get("Algorithm") not in DIGESTS:
        raise UntrustedMessage("saml.signature.digest", str(digest.get("Algorithm")))
    for element in signature.iter(PREFIX_LIST):
        if not prefix_list.fullmatch(element.get("PrefixList", "")):
            raise UntrustedMessage("saml.signature.prefixes")
    _value(signature_value)
    prefixes = transforms[1][0].get("PrefixList", "").split(" ") if len(transforms[1]) else []
    return SignatureFacts(
        algorithm=SignatureAlgorithm(method.get("Algorithm", "")),
        digest=DIGESTS[digest.get("Algorithm", "")],
        digest_value=_value(digest_value),
        prefixes=tuple(prefixes),
    )


def _value(element: etree._Element) -> str:
    text = (element.text or "").translate(spaces)
    if not text or len(text) > LONGEST_VALUE or not base64_grammar.fullmatch(text):
        raise UntrustedMessage("saml.signature.value", element.tag)
    return text
