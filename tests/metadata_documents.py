"""Metadata of service providers, made fresh for tests, and signed where that is wanted."""

from collections.abc import Callable
from typing import Any

import xmlsec
from cryptography.hazmat.primitives import serialization
from lxml import etree
from xmlsec import constants as C  # noqa: N812 - the library's names are long

from tests.providers import ACS, ENTITY_ID, certificate_text_of, key_of

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"


def key_descriptor(name: str = "wiki", use: str | None = "signing", kind: str = "rsa2048") -> str:
    """A KeyDescriptor with the certificate of this name."""
    used = f' use="{use}"' if use else ""
    return (
        f'<md:KeyDescriptor{used}><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>'
        f"{certificate_text_of(name, kind)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def acs_service(location: str = ACS, index: str = "0", binding: str = POST, more: str = "") -> str:
    """One assertion consumer service."""
    return f'<md:AssertionConsumerService Binding="{binding}" Location="{location}" index="{index}"{more}/>'


def metadata(
    *,
    entity_id: str = ENTITY_ID,
    attributes: str = 'ID="_m1"',
    role_attributes: str = "",
    before: str = "",
    keys: str | None = None,
    services: str | None = None,
    after: str = "",
) -> bytes:
    """The metadata of the ordinary provider, but for what is named."""
    content = before + (key_descriptor() if keys is None else keys)
    content += services if services is not None else acs_service()
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{entity_id}" {attributes}>'
        f'<md:SPSSODescriptor protocolSupportEnumeration="{PROTOCOL}" {role_attributes}>{content}'
        f"</md:SPSSODescriptor>{after}</md:EntityDescriptor>"
    ).encode()


def signed(document: bytes, *, by: str = "federation", change: Callable[[Any], None] | None = None) -> bytes:
    """The same document, its root signed by the key of this name; `change` acts before the signature is made."""
    root = etree.fromstring(document)
    template = xmlsec.template.create(root, C.TransformExclC14N, C.TransformRsaSha256, ns="ds")
    root.insert(0, template)
    reference = xmlsec.template.add_reference(template, C.TransformSha256, uri=f"#{root.get('ID')}")
    xmlsec.template.add_transform(reference, C.TransformEnveloped)
    xmlsec.template.add_transform(reference, C.TransformExclC14N)
    if change is not None:
        change(template)
    pem = key_of(by).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem, C.KeyDataFormatPem)
    context.register_id(root, "ID")
    context.sign(template)
    return etree.tostring(root)
