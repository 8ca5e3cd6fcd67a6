"""`EncryptionScheme`: by which algorithms an assertion is encrypted for a service, and how its metadata chooses them.

Authenticated encryption only: AES in GCM, its key wrapped by RSA-OAEP with MGF1 and SHA-1 as the profiles fix it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Final

AES256_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
AES128_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
RSA_OAEP_MGF1P: Final = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
RSA_OAEP: Final = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"
MGF1_SHA1: Final = "http://www.w3.org/2009/xmlenc11#mgf1sha1"


class EncryptionScheme(StrEnum):
    """Cipher, wrapping of its key, and the wrapping's digest; SHA-1 is sound there, and what all software has."""

    AES256_GCM_MGF1P_SHA1 = "aes256-gcm/rsa-oaep-mgf1p/sha1"
    AES256_GCM_MGF1P_SHA256 = "aes256-gcm/rsa-oaep-mgf1p/sha256"
    AES256_GCM_OAEP_SHA1 = "aes256-gcm/rsa-oaep/sha1"
    AES256_GCM_OAEP_SHA256 = "aes256-gcm/rsa-oaep/sha256"
    AES128_GCM_MGF1P_SHA1 = "aes128-gcm/rsa-oaep-mgf1p/sha1"
    AES128_GCM_MGF1P_SHA256 = "aes128-gcm/rsa-oaep-mgf1p/sha256"
    AES128_GCM_OAEP_SHA1 = "aes128-gcm/rsa-oaep/sha1"
    AES128_GCM_OAEP_SHA256 = "aes128-gcm/rsa-oaep/sha256"

    @property
    def cipher(self) -> str:
        """The URI of the cipher."""
        return _PARTS[self][0]

    @property
    def transport(self) -> str:
        """The URI of the wrapping of its key."""
        return _PARTS[self][1]

    @property
    def digest(self) -> str:
        """The URI of the digest of the wrapping."""
        return _PARTS[self][2]


_PARTS: Final = MappingProxyType(
    dict(
        zip(
            EncryptionScheme,
            product((AES256_GCM, AES128_GCM), (RSA_OAEP_MGF1P, RSA_OAEP), (SHA1, SHA256)),
            strict=True,
        )
    )
)
USUAL_SCHEME: Final = EncryptionScheme.AES256_GCM_MGF1P_SHA1


@dataclass(frozen=True, slots=True)
class EncryptionMethod:
    """One algorithm that a service can decrypt, with the digests and the mask generation it names."""

    algorithm: str
    digests: tuple[str, ...] = ()
    mask: str = ""


def scheme_of(methods: Iterable[EncryptionMethod]) -> EncryptionScheme | None:
    """The best scheme that all of these allow; None where they allow none of ours.

    Where nothing is said of the cipher, or of the wrapping, the usual one is taken (SAML Metadata 2.4.1.1).
    """
    listed = list(methods)
    ciphers = [one for one in (AES256_GCM, AES128_GCM) if any(method.algorithm == one for method in listed)]
    wrappings: list[tuple[str, str]] = [
        (transport, digest)
        for digest in (SHA256, SHA1)
        for transport in (RSA_OAEP_MGF1P, RSA_OAEP)
        for method in listed
        if method.algorithm == transport and digest in (method.digests or (SHA1,))
        if method.mask in {"", MGF1_SHA1}
    ]
    if not any(method.algorithm.endswith(("-cbc", "-gcm")) for method in listed):
        ciphers = [USUAL_SCHEME.cipher]
    if not any("#rsa-" in method.algorithm for method in listed):
        wrappings = [(USUAL_SCHEME.transport, USUAL_SCHEME.digest)]
    if not ciphers or not wrappings:
        return None
    return next(scheme for scheme, parts in _PARTS.items() if parts == (ciphers[0], *wrappings[0]))
