"""Distinguished names in one normal form: equality ignores case and spacing, as directories do.

The grammar is RFC 4514; the folding is that of caseIgnoreMatch (RFC 4517 section 4.2.11, RFC 4518).
"""

import re
import unicodedata
from functools import lru_cache

from idp.domain.errors import Malformed

type_grammar = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+", re.ASCII)
hex_pair = re.compile(r"[0-9A-Fa-f]{2}", re.ASCII)

Rdn = tuple[tuple[str, str], ...]


class MalformedDn(Malformed):
    """Not a distinguished name of RFC 4514."""

    code = "malformed-dn"
    sentence = "This is not a distinguished name such as cn=auditors,ou=groups,dc=example,dc=com."


@lru_cache(maxsize=65_536)
def parse_dn(dn: str) -> tuple[Rdn, ...]:
    """The name as relative names from the leaf upward, every type and value folded; refuses what RFC 4514 does not allow."""
    return tuple(
        tuple(sorted((attribute.lower(), fold(value)) for attribute, value in rdn)) for rdn in split_dn(dn)
    )


def leaf_value(dn: str) -> str:
    """The value of the leftmost part as it is spelt: the one name of a group that nobody can add a second of."""
    leaf = split_dn(dn)[0]
    if len(leaf) != 1:
        raise MalformedDn(f"the leaf of {dn!r} has several values")
    return leaf[0][1]


def same_dn(one: str, other: str) -> bool:
    """Whether both spell the same name."""
    return parse_dn(one) == parse_dn(other)


def is_at_or_below(dn: str, base: str) -> bool:
    """Whether the name is the base itself or lies under it; a look-alike text is not enough."""
    parts, base_parts = parse_dn(dn), parse_dn(base)
    return len(parts) >= len(base_parts) and parts[len(parts) - len(base_parts) :] == base_parts


def fold(value: str) -> str:
    """The value with case, width and runs of blanks folded."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def split_dn(dn: str) -> list[list[tuple[str, str]]]:
    """The name as relative names of (type, value) with escapes resolved; refuses what RFC 4514 does not allow."""
    name: list[list[tuple[str, str]]] = [[]]
    position = 0
    while True:
        attribute, value, position = _read_pair(dn, position)
        name[-1].append((attribute, value))
        if position == len(dn):
            return name
        if dn[position] == ",":
            name.append([])
        position += 1


def _read_pair(dn: str, start: int) -> tuple[str, str, int]:
    equals = dn.find("=", start)
    if equals < 0:
        raise MalformedDn(f"no '=' after position {start} of {dn!r}")
    attribute = dn[start:equals].strip(" ")
    if not type_grammar.fullmatch(attribute):
        raise MalformedDn(f"{attribute!r} is no attribute type in {dn!r}")
    value, position = _read_value(dn, equals + 1)
    return attribute, value, position


def _read_value(dn: str, start: int) -> tuple[str, int]:
    while start < len(dn) and dn[start] == " ":
        start += 1
    octets = bytearray()
    kept = 0
    position = start
    while position < len(dn) and dn[position] not in ",+":
        character = dn[position]
        if character == "\\":
            piece, position = _read_escape(dn, position + 1)
            octets += piece
            kept = len(octets)
            continue
        if character in '";<>\0' or (character == "#" and position == start):
            raise MalformedDn(f"{character!r} must be escaped in {dn!r}")
        octets += character.encode()
        if character != " ":
            kept = len(octets)
        position += 1
    try:
        value = bytes(octets[:kept]).decode()
    except UnicodeDecodeError as error:
        raise MalformedDn(f"escaped octets of {dn!r} are not UTF-8") from error
    if not value:
        raise MalformedDn(f"an empty value in {dn!r}")
    return value, position


def _read_escape(dn: str, position: int) -> tuple[bytes, int]:
    pair = dn[position : position + 2]
    if hex_pair.fullmatch(pair):
        return bytes([int(pair, 16)]), position + 2
    if pair and pair[0] in ' "#+,;<=>\\':
        return pair[0].encode(), position + 1
    raise MalformedDn(f"a lone backslash in {dn!r}")
