"""Texts of metadata: where they stand, and reading them without being fooled."""

from typing import Final

from lxml import etree

from idp.saml.constants import DS, MD, SAML
from idp.saml.errors import MetadataRefused

NAMES: Final = {
    "md": MD,
    "ds": DS,
    "saml": SAML,
    "alg": "urn:oasis:names:tc:SAML:metadata:algsupport",
    "mdui": "urn:oasis:names:tc:SAML:metadata:ui",
    "mdattr": "urn:oasis:names:tc:SAML:metadata:attribute",
    "xenc11": "http://www.w3.org/2009/xmlenc11#",
}


def texts(element: etree._Element, path: str) -> list[str]:
    """The texts of these elements; refuses one that holds further elements (V11)."""
    found = element.findall(path, NAMES)
    if any(len(one) for one in found):
        raise refusal("nested", "A text of the metadata holds further elements.")
    return [(one.text or "").strip() for one in found]


def refusal(reason: str, sentence: str, cause: str = "") -> MetadataRefused:
    """Why metadata is not taken."""
    return MetadataRefused(f"metadata.{reason}", sentence, cause)
