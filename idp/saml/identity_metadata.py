"""Another identity provider's metadata: as much of it as taking over from it needs to compare."""

from dataclasses import dataclass

from lxml import etree

from idp.saml.certificates import CertificateRefused, read_certificate_text
from idp.saml.constants import DS, MD
from idp.saml.errors import MetadataRefused
from idp.saml.xml import parse

NAMES = {"md": MD, "ds": DS}


@dataclass(frozen=True, slots=True)
class OtherProvider:
    """What its services know it by."""

    entity_id: str
    signing_certificates: tuple[str, ...]
    sign_on_locations: tuple[str, ...]


def read_identity_provider(document: bytes) -> OtherProvider:
    """The identity provider that this document describes; refuses a document of anything else."""
    root = parse(document.removeprefix(b"\xef\xbb\xbf"), may_hold_comments=True)
    role = root.find("md:IDPSSODescriptor", NAMES)
    if root.tag != f"{{{MD}}}EntityDescriptor" or role is None:
        raise MetadataRefused("metadata.role", "This is no metadata of an identity provider.")
    return OtherProvider(
        entity_id=root.get("entityID", ""),
        signing_certificates=tuple(_certificates(role)),
        sign_on_locations=tuple(
            place.get("Location", "") for place in role.findall("md:SingleSignOnService", NAMES)
        ),
    )


def _certificates(role: etree._Element) -> list[str]:
    found = []
    for descriptor in role.findall("md:KeyDescriptor", NAMES):
        if descriptor.get("use", "signing") != "signing":
            continue
        for element in descriptor.findall("ds:KeyInfo/ds:X509Data/ds:X509Certificate", NAMES):
            try:
                found.append(read_certificate_text(element.text or "").text)
            except CertificateRefused:
                # A weak key of theirs is none that we could take over.
                continue
    return found
