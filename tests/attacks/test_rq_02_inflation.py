"""RQ-02: a query inflates to 64 kB at most, and there is one coding of it."""

import base64
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.attacks.service_door import ServiceDoor
from tests.service_provider import deflated, query, signed_query

pytestmark = pytest.mark.attack("RQ-02")


def coded(octets: bytes) -> str:
    """As a query holds it."""
    return quote(base64.b64encode(octets).decode(), safe="")


def with_zlib_header(document: bytes) -> str:
    """The other format of the same algorithm."""
    return coded(zlib.compress(document))


LAX: dict[str, tuple[Callable[[bytes], str], str]] = {
    "bomb": (lambda _: coded(deflated(b"<" * 50_000_000)), "saml.input.too_large"),
    "just-too-large": (lambda document: coded(deflated(document.ljust(65_537))), "saml.input.too_large"),
    "something-behind": (lambda document: coded(deflated(document) + b"xxx"), "saml.binding.deflate"),
    "second-stream": (lambda document: coded(deflated(document) * 2), "saml.binding.deflate"),
    "zlib-header": (with_zlib_header, "saml.binding.deflate"),
    "truncated": (lambda document: coded(deflated(document)[:-3]), "saml.binding.deflate"),
    "not-deflated": (coded, "saml.binding.deflate"),
    "not-base64": (lambda _: "%3Cxml%3E", "saml.binding.base64"),
    "blanks": (lambda document: coded(deflated(document)).replace("%2B", "+") + "+", "saml.binding.base64"),
    "line-breaks": (lambda document: coded(deflated(document))[:64] + "%0A", "saml.binding.base64"),
    "url-alphabet": (
        lambda document: base64.urlsafe_b64encode(deflated(document)).decode().rstrip("=") + "-_",
        "saml.binding.base64",
    ),
    "no-padding": (
        lambda document: base64.b64encode(deflated(document + b" " * pad_of(document))).decode().rstrip("="),
        "saml.binding.base64",
    ),
    "empty": (lambda _: "", "saml.binding.base64"),
    "twice-coded": (lambda document: quote(coded(deflated(document)), safe=""), "saml.binding.base64"),
}


def pad_of(document: bytes) -> int:
    """How many blanks behind the document make its base64 end with padding."""
    return next(number for number in range(64) if len(deflated(document + b" " * number)) % 3)


@pytest.mark.parametrize(("make", "reason"), LAX.values(), ids=LAX)
def test_one_coding_is_read(make: Callable[[bytes], str], reason: str, door: ServiceDoor) -> None:
    """Refused although the service's own key has signed these octets; the plain coding is accepted."""
    document = door.request("redirect").xml()
    lie = signed_query(f"SAMLRequest={make(document.encode())}", door.providers.signing.key)
    assert door.refused(lambda: door.bring_query(lie)) == reason
    door.accepted(lambda: door.bring_query(query(document, by=door.providers.signing.key)))
