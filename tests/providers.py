"""Service providers for tests, as values and as rows."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from idp.domain.released_attribute import ReleasedAttribute, Source
from idp.domain.saml_names import Binding
from idp.domain.service_provider import AcsEndpoint, GroupOfProvider, LogoutEndpoint, ServiceProvider
from idp.models import ServiceProvider as ProviderRow
from idp.services.service_provider_rows import fields_of

ENTITY_ID = "https://wiki.example.test/saml"
ACS = "https://wiki.example.test/saml/acs"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def a_provider(**changes: Any) -> ServiceProvider:
    """An ordinary provider, but for what is named."""
    values: dict[str, Any] = {
        "entity_id": ENTITY_ID,
        "name": "Wiki",
        "acs": (AcsEndpoint(ACS, 0, is_default=True), AcsEndpoint(f"{ACS}/2", 1)),
        "logout": (LogoutEndpoint("https://wiki.example.test/saml/slo", Binding.HTTP_POST),),
        "attributes": (ReleasedAttribute("urn:oid:0.9.2342.19200300.100.1.3", Source.parse("person:mail")),),
        "for_everyone": True,
    }
    return ServiceProvider(**(values | changes))


def a_row(**changes: Any) -> ProviderRow:
    """The ordinary provider in its table."""
    return ProviderRow.objects.create(**fields_of(a_provider(**changes)))


def group(group_id: str) -> GroupOfProvider:
    """A group that may use a provider."""
    return GroupOfProvider(group_id, f"cn={group_id},ou=groups,dc=example,dc=test")


def key_of(name: str, kind: str = "rsa2048") -> Key:
    """A key that is the same for one name throughout the run."""
    return made_key(name, kind)


@cache
def made_key(name: str, kind: str) -> Key:
    """A new key of this kind."""
    del name
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65_537, key_size=int(kind[3:]))
    curves: dict[str, ec.EllipticCurve] = {
        "p256": ec.SECP256R1(),
        "p384": ec.SECP384R1(),
        "p224": ec.SECP224R1(),
    }
    return ec.generate_private_key(curves[kind])


def certificate_of(name: str, kind: str = "rsa2048", days: int = 365) -> x509.Certificate:
    """A self-signed certificate of that key; negative days make one that has expired."""
    return made_certificate(name, kind, days)


@cache
def made_certificate(name: str, kind: str, days: int) -> x509.Certificate:
    """A new certificate of the key of this name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    key = key_of(name, kind)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def certificate_text_of(name: str, kind: str = "rsa2048", days: int = 365) -> str:
    """That certificate as KeyInfo holds it."""
    octets = certificate_of(name, kind, days).public_bytes(serialization.Encoding.DER)
    return base64.b64encode(octets).decode()
