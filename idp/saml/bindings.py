"""How messages travel: HTTP-Redirect and HTTP-POST, both ways (SAML Bindings 3.4 and 3.5).

Of a query the raw octets count, as received: whoever decodes and encodes again checks another text than was signed.
"""

import base64
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from idp.domain.saml_names import Binding, SignatureAlgorithm
from idp.saml.constants import DEFLATE
from idp.saml.errors import UntrustedMessage
from idp.saml.gate import LARGEST_MESSAGE
from idp.saml.signature_shape import ALGORITHMS

LONGEST_BASE64: Final = 100_000
LONGEST_QUERY: Final = 131_072
LONGEST_RELAY_STATE: Final = 2_048
MESSAGES: Final = ("SAMLRequest", "SAMLResponse")
SIGNED_ORDER: Final = (*MESSAGES, "RelayState", "SigAlg", "Signature")
KNOWN: Final = frozenset({*SIGNED_ORDER, "SAMLEncoding"})

base64_grammar = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
# Browsers send back a line break as another one than they were given: it could not be echoed.
unlawful = re.compile("[\\x00-\\x1f\\x7f\N{REPLACEMENT CHARACTER}]")


@dataclass(frozen=True, slots=True)
class QuerySignature:
    """A signature over octets of a query, not verified."""

    octets: bytes
    algorithm: SignatureAlgorithm
    signature: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as it arrived; nothing of it has been looked at."""

    binding: Binding
    parameter: str
    document: bytes
    relay_state: str | None
    query_signature: QuerySignature | None = None


def read_query(raw: str) -> Arrived:
    """The message in this raw query; refuses doubled and conflicting parameters and lax codings (RQ-02, RQ-03)."""
    values, order = _split(raw)
    name = _only_message(values)
    if unquote_to_bytes(values.get("SAMLEncoding", DEFLATE)) != DEFLATE.encode():
        raise UntrustedMessage("saml.binding.encoding")
    if order != [known for known in SIGNED_ORDER if known in values]:
        raise UntrustedMessage("saml.binding.order", " ".join(order))
    document = inflated(_base64(_text(values[name])))
    relay_state = _text(values["RelayState"]) if "RelayState" in values else None
    return Arrived(
        binding=Binding.HTTP_REDIRECT,
        parameter=name,
        document=document,
        relay_state=checked_relay_state(relay_state),
        query_signature=_query_signature(values, name),
    )


def read_form(fields: Mapping[str, Sequence[str]]) -> Arrived:
    """The message in this posted form; refuses doubled and conflicting fields."""
    for name in KNOWN & fields.keys():
        if len(fields[name]) != 1:
            raise UntrustedMessage("saml.binding.doubled", name)
    if {"SigAlg", "Signature"} & fields.keys():
        # A signature of the other binding means nothing here: whoever sends it believes that it is checked.
        raise UntrustedMessage("saml.binding.signature")
    values = {name: fields[name][0] for name in KNOWN & fields.keys()}
    name = _only_message(values)
    if len(values[name]) > LONGEST_BASE64:
        raise UntrustedMessage("saml.input.too_large", f"{len(values[name])} characters")
    # RFC 2045, 6.8, to which SAML Bindings 3.5.4 refers: line breaks do not count.
    document = _base64(values[name].replace("\r\n", "").replace("\n", ""))
    return Arrived(
        binding=Binding.HTTP_POST,
        parameter=name,
        document=document,
        relay_state=checked_relay_state(values.get("RelayState")),
    )


def signed_query(parameter: str, document: bytes, *, relay_state: str | None, algorithm: str) -> str:
    """The part of a query that a signature covers (SAML Bindings 3.4.4.1)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(document) + deflate.flush()
    parts = [(parameter, base64.b64encode(packed).decode())]
    if relay_state is not None:
        parts.append(("RelayState", relay_state))
    parts.append(("SigAlg", algorithm))
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parts)


def with_query(location: str, query: str) -> str:
    """The address with this query behind whatever it has already."""
    return f"{location}{'&' if '?' in location else '?'}{query}"


def inflated(packed: bytes) -> bytes:
    """What a raw deflate stream holds; refuses bombs, broken ends, and anything behind the end (RQ-02)."""
    stream = zlib.decompressobj(-15)
    try:
        document = stream.decompress(packed, LARGEST_MESSAGE + 1)
    except zlib.error:
        raise UntrustedMessage("saml.binding.deflate") from None
    if len(document) > LARGEST_MESSAGE:
        raise UntrustedMessage("saml.input.too_large", "inflated")
    if not stream.eof or stream.unused_data:
        raise UntrustedMessage("saml.binding.deflate", "no end, or something behind it")
    return document


def _split(raw: str) -> tuple[dict[str, str], list[str]]:
    """The parameters that concern us, still coded, and those of them that a signature orders, in their order."""
    if len(raw) > LONGEST_QUERY:
        raise UntrustedMessage("saml.input.too_large", f"{len(raw)} characters")
    values: dict[str, str] = {}
    order = []
    for part in raw.split("&"):
        name, _, value = part.partition("=")
        decoded = unquote_to_bytes(name.replace("+", " ")).decode("latin-1")
        if decoded not in KNOWN:
            continue
        if decoded != name or decoded in values:
            raise UntrustedMessage("saml.binding.doubled", decoded)
        values[decoded] = value
        if decoded in SIGNED_ORDER:
            order.append(decoded)
    return values, order


def _only_message(values: Mapping[str, str]) -> str:
    found = [name for name in MESSAGES if name in values]
    if len(found) != 1:
        raise UntrustedMessage("saml.binding.message", f"{len(found)} messages")
    return found[0]


def _query_signature(values: Mapping[str, str], name: str) -> QuerySignature | None:
    if "Signature" not in values and "SigAlg" not in values:
        return None
    if "Signature" not in values or "SigAlg" not in values:
        raise UntrustedMessage("saml.signature.incomplete")
    algorithm = _text(values["SigAlg"])
    if algorithm not in ALGORITHMS:
        raise UntrustedMessage("saml.signature.algorithm", algorithm)
    covered = [part for part in (name, "RelayState", "SigAlg") if part in values]
    return QuerySignature(
        octets="&".join(f"{part}={values[part]}" for part in covered).encode("latin-1"),
        algorithm=SignatureAlgorithm(algorithm),
        signature=_base64(_text(values["Signature"])),
    )


def _text(coded: str) -> str:
    try:
        return unquote_to_bytes(coded.replace("+", " ").encode("latin-1")).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise UntrustedMessage("saml.input.not_utf8") from None


def _base64(text: str) -> bytes:
    """What this text codes; refuses the other alphabet, spaces, missing ends, and a second spelling of the same."""
    if len(text) > LONGEST_BASE64 or len(text) % 4 or not base64_grammar.fullmatch(text):
        raise UntrustedMessage("saml.binding.base64")
    octets = base64.b64decode(text)
    if base64.b64encode(octets).decode() != text:
        raise UntrustedMessage("saml.binding.base64", "a second spelling")
    return octets


def checked_relay_state(value: str | None) -> str | None:
    """The same value; refuses what is too long, or could not be given back as it came (RQ-08)."""
    if value is not None and (len(value.encode()) > LONGEST_RELAY_STATE or unlawful.search(value)):
        raise UntrustedMessage("saml.binding.relay_state")
    return value
