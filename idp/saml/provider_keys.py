"""The keys in a service's metadata, and the algorithms that it says to understand (SAML Metadata 2.4.1.1).

SAML V2.0 Metadata Profile for Algorithm Support 1.0: what is listed limits us; what is not ours is passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from idp.domain.encryption_scheme import EncryptionMethod, EncryptionScheme, scheme_of
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.certificates import CertificateRefused, can_encrypt, read_certificate_text
from idp.saml.constants import SHA256
from idp.saml.metadata_texts import NAMES, refusal, texts


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key for which assertions can be encrypted; without a word about algorithms the scheme is left open."""

    certificate: str
    scheme: EncryptionScheme | None


def signing_certificates(role: etree._Element) -> tuple[str, ...]:
    """Those whose keys sign for the service, each once."""
    return tuple(dict.fromkeys(text for _, text in _certificates(role, "signing")))


def encryption_keys(role: etree._Element) -> tuple[EncryptionKey, ...]:
    """The keys that can be used, each once: of RSA, and with none but algorithms of ours or without a word of it."""
    found: dict[str, EncryptionKey] = {}
    for descriptor, text in _certificates(role, "encryption"):
        methods = [_method(element) for element in descriptor.findall("md:EncryptionMethod", NAMES)]
        scheme = scheme_of(methods)
        if scheme is not None and can_encrypt(text):
            found.setdefault(text, EncryptionKey(text, scheme if methods else None))
    return tuple(found.values())


def understood_algorithms(entity: etree._Element, role: etree._Element) -> tuple[SignatureAlgorithm, ...]:
    """Our signature algorithms that the service lists, ours first; none where it lists nothing.

    Refuses a service that says to understand none of ours: whatever we signed it would refuse.
    """
    digests, methods = (
        _listed(role, name) or _listed(entity, name) for name in ("alg:DigestMethod", "alg:SigningMethod")
    )
    understood = tuple(name for name in SignatureAlgorithm if name in methods)
    if (methods and not understood) or (digests and SHA256 not in digests):
        raise refusal("algorithms", "The service says to understand none of the algorithms that sign here.")
    return understood


def _listed(element: etree._Element, name: str) -> set[str]:
    return {one.get("Algorithm", "") for one in element.findall(f"md:Extensions/{name}", NAMES)}


def _method(element: etree._Element) -> EncryptionMethod:
    mask = element.find("xenc11:MGF", NAMES)
    return EncryptionMethod(
        algorithm=element.get("Algorithm", ""),
        digests=tuple(one.get("Algorithm", "") for one in element.findall("ds:DigestMethod", NAMES)),
        mask="" if mask is None else mask.get("Algorithm", ""),
    )


def _certificates(role: etree._Element, use: str) -> Iterator[tuple[etree._Element, str]]:
    """Each certificate for this use with its descriptor; a key without a named use serves both."""
    for descriptor in role.findall("md:KeyDescriptor", NAMES):
        if descriptor.get("use", use) != use:
            continue
        for text in texts(descriptor, "ds:KeyInfo/ds:X509Data/ds:X509Certificate"):
            try:
                yield descriptor, read_certificate_text(text).text
            except CertificateRefused as problem:
                raise refusal("certificate", problem.told, problem.cause) from problem
