"""What a service's metadata says of keys and algorithms, and what we make of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from idp.domain.encryption_scheme import (
    AES128_GCM,
    AES256_GCM,
    MGF1_SHA1,
    RSA_OAEP,
    RSA_OAEP_MGF1P,
    SHA1,
    SHA256,
    USUAL_SCHEME,
    EncryptionScheme,
)
from idp.domain.provider_metadata import provider_of_metadata, refreshed
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.errors import MetadataRefused
from idp.saml.provider_metadata import read_metadata
from tests.metadata_documents import key_descriptor, metadata
from tests.providers import certificate_text_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
RSA_1_5 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
ALG = 'xmlns:alg="urn:oasis:names:tc:SAML:metadata:algsupport"'


def method(algorithm: str, *digests: str, mask: str = "") -> str:
    """One EncryptionMethod."""
    inside = "".join(
        f'<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="{one}"/>'
        for one in digests
    )
    if mask:
        inside += f'<x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#" Algorithm="{mask}"/>'
    return f'<md:EncryptionMethod Algorithm="{algorithm}">{inside}</md:EncryptionMethod>'


def for_encryption(*methods: str, name: str = "wiki") -> str:
    """A key with these methods."""
    close = "</md:KeyDescriptor>"
    return key_descriptor(name, "encryption").replace(close, "".join(methods) + close)


@pytest.mark.spec("Kantara IIP", "MD10", "algorithms told are kept to")
@pytest.mark.parametrize(
    ("methods", "scheme"),
    [
        ((), USUAL_SCHEME),
        ((method(AES128_GCM),), EncryptionScheme.AES128_GCM_MGF1P_SHA1),
        ((method(CBC), method(AES128_GCM), method(AES256_GCM)), EncryptionScheme.AES256_GCM_MGF1P_SHA1),
        ((method(RSA_OAEP),), EncryptionScheme.AES256_GCM_OAEP_SHA1),
        ((method(RSA_OAEP), method(RSA_OAEP_MGF1P)), EncryptionScheme.AES256_GCM_MGF1P_SHA1),
        ((method(RSA_OAEP_MGF1P, SHA256, SHA1),), EncryptionScheme.AES256_GCM_MGF1P_SHA256),
        ((method(RSA_OAEP_MGF1P), method(RSA_OAEP, SHA256)), EncryptionScheme.AES256_GCM_OAEP_SHA256),
        ((method(RSA_OAEP, SHA256, mask=MGF1_SHA1),), EncryptionScheme.AES256_GCM_OAEP_SHA256),
        ((method(AES128_GCM), method(RSA_OAEP, SHA1)), EncryptionScheme.AES128_GCM_OAEP_SHA1),
    ],
)
def test_what_is_listed_decides(methods: tuple[str, ...], scheme: EncryptionScheme) -> None:
    """The strongest that we have of what the service can decrypt; without a word the usual."""
    found = read_metadata(metadata(keys=for_encryption(*methods)), now=NOW)
    provider = provider_of_metadata(found)
    assert (provider.encrypt_assertions, provider.encryption_scheme) == (True, scheme)


@pytest.mark.parametrize(
    "methods",
    [
        (method(CBC),),
        (method(RSA_1_5),),
        (method(AES256_GCM), method(RSA_1_5)),
        (method(RSA_OAEP, "http://www.w3.org/2001/04/xmlenc#sha512"),),
        (method(RSA_OAEP, mask="http://www.w3.org/2009/xmlenc11#mgf1sha512"),),
    ],
)
def test_what_is_weak_or_unknown_is_not_spoken(methods: tuple[str, ...]) -> None:
    """Nothing is encrypted in a way that can be broken; another key beside it that allows a sound one is taken."""
    weak = for_encryption(*methods)
    assert not read_metadata(metadata(keys=weak), now=NOW).encryption_certificates
    both = metadata(keys=weak + for_encryption(method(AES256_GCM), name="other"))
    assert read_metadata(both, now=NOW).encryption_certificates == (certificate_text_of("other"),)


def listing(*names: str, digest: str = "") -> bytes:
    """Metadata of a service that lists these algorithms for signatures."""
    told = "".join(f'<alg:SigningMethod {ALG} Algorithm="{name}"/>' for name in names)
    told += f'<alg:DigestMethod {ALG} Algorithm="{digest}"/>' if digest else ""
    return metadata(before=f"<md:Extensions>{told}</md:Extensions>")


@pytest.mark.spec("Kantara IIP", "MD10", "algorithms told are kept to")
def test_signatures_are_by_an_algorithm_that_the_service_understands() -> None:
    """The first of ours; what was agreed stays as long as it is understood, and gives way when it no longer is."""
    only_512 = read_metadata(listing("urn:x:other", SignatureAlgorithm.RSA_SHA512), now=NOW)
    provider = provider_of_metadata(only_512)
    assert provider.signature_algorithm is SignatureAlgorithm.RSA_SHA512
    both = read_metadata(
        listing(SignatureAlgorithm.RSA_SHA256, SignatureAlgorithm.RSA_SHA512, digest=SHA256), now=NOW
    )
    assert refreshed(provider, both).signature_algorithm is SignatureAlgorithm.RSA_SHA512
    agreed = replace(provider, signature_algorithm=SignatureAlgorithm.RSA_SHA384)
    assert refreshed(agreed, both).signature_algorithm is SignatureAlgorithm.RSA_SHA256
    silent = read_metadata(metadata(), now=NOW)
    assert refreshed(agreed, silent).signature_algorithm is SignatureAlgorithm.RSA_SHA384


@pytest.mark.parametrize(
    "document",
    [
        listing("http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        listing(SignatureAlgorithm.RSA_SHA256, digest=SHA1),
    ],
)
def test_a_service_that_understands_none_of_ours_is_refused(document: bytes) -> None:
    """SHA-1 is signed for nobody; who wants the service all the same registers it by hand."""
    with pytest.raises(MetadataRefused) as refusal:
        read_metadata(document, now=NOW)
    assert refusal.value.reason == "metadata.algorithms"
    assert read_metadata(metadata(), now=NOW)
