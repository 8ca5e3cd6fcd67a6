"""Distinguished names and group identifiers in one normal form.

The grammar of names is RFC 4514. Two foldings, because directories differ in what they take for equal
(RFC 4518 leaves them room): the narrow one, of ASCII case and spaces, which every directory shares,
decides what is *given*; the wide one, of all that any directory may fold, decides what is *denied*.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from idp.domain.errors import Malformed

LONGEST_DN = 8_192
# Accents, control and format characters (soft hyphen, zero-width space): some directory ignores each of them.
IGNORED = frozenset({"Mn", "Cf", "Cc"})
# RFC 4514 section 3 and RFC 4519: other spellings of the types that directories use in names.
TYPES = {
    "2.5.4.3": "cn", "commonname": "cn",
    "2.5.4.6": "c", "countryname": "c",
    "2.5.4.7": "l", "localityname": "l",
    "2.5.4.8": "st", "stateorprovincename": "st",
    "2.5.4.9": "street", "streetaddress": "street",
    "2.5.4.10": "o", "organizationname": "o",
    "2.5.4.11": "ou", "organizationalunitname": "ou",
    "0.9.2342.19200300.100.1.1": "uid", "userid": "uid",
    "0.9.2342.19200300.100.1.25": "dc", "domaincomponent": "dc",
}  # fmt: skip

type_grammar = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+", re.ASCII)
hex_pair = re.compile(r"[0-9A-Fa-f]{2}", re.ASCII)
hex_string = re.compile(r"#(?:[0-9A-Fa-f]{2})+", re.ASCII)
group_id_grammar = re.compile(r"[0-9a-z][0-9a-z._:-]{0,99}", re.ASCII)
# Almost every name begins so; nothing to resolve, and no way back for the matcher.
plain_leaf = re.compile(r' *+([A-Za-z][A-Za-z0-9-]*+) *+=([^"+,;<>#\\\0]++)(,|\Z)', re.ASCII)
lone_surrogate = re.compile(r"[\ud800-\udfff]")
spaces = re.compile(r" +", re.ASCII)
to_ascii_lower = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

Rdn = tuple[tuple[str, str], ...]


class MalformedDn(Malformed):
    """Not a distinguished name of RFC 4514."""

    code = "malformed-dn"
    sentence = "This is not a distinguished name such as cn=auditors,ou=groups,dc=example,dc=com."


class MalformedGroupId(Malformed):
    """Not an identifier that a directory gives to a group."""

    code = "malformed-group-identifier"
    sentence = "This is not the identifier of a group, such as 0f8fad5b-d9cb-469f-a165-70867728950e."


def normal_group_id(text: str) -> str:
    """The identifier as memberships carry it: lower case, no braces; refuses what no directory gives."""
    bare = text.strip(" ").translate(to_ascii_lower)
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    if not group_id_grammar.fullmatch(bare):
        raise MalformedGroupId(f"{text[:120]!r} is no identifier of a group")
    return bare


def fold_narrowly(value: str) -> str:
    """The value with ASCII case and runs of spaces folded: equal in this form is equal in every directory."""
    return spaces.sub(" ", value.strip(" ").translate(to_ascii_lower))


def fold_widely(value: str) -> str:
    """The value with all folded that any directory may fold: unequal in this form is unequal everywhere."""
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", value).casefold())
    kept = (character for character in bare if unicodedata.category(character) not in IGNORED)
    return " ".join("".join(kept).split())


def parse_dn(dn: str) -> tuple[Rdn, ...]:
    """The name as relative names from the leaf upward, folded narrowly; refuses what RFC 4514 does not allow."""
    return _folded_dn(dn, fold_narrowly)


def leaf_value(dn: str) -> str:
    """The value of the leftmost part as it is spelt: the one name of a group that nobody can add a second of."""
    values = leaf_values(dn)
    if len(values) != 1:
        raise MalformedDn(f"the leaf of {dn!r} has several values")
    return values[0]


def leaf_values(dn: str) -> tuple[str, ...]:
    """Every value of the leftmost part as it is spelt."""
    leaf, _ = _split_leaf(dn)
    return tuple(value for _, value in leaf)


def same_dn(one: str, other: str) -> bool:
    """Whether a directory may take both for the same name; what cannot be read is the same as nothing."""
    try:
        return _folded_dn(one, fold_widely) == _folded_dn(other, fold_widely)
    except MalformedDn:
        return False


def is_at_or_below(dn: str, base: str) -> bool:
    """Whether every directory takes the name for the base or one under it; a look-alike is not enough."""
    return _is_within(dn, base, fold_narrowly)


def may_be_at_or_below(dn: str, base: str) -> bool:
    """Whether some directory may take the name for the base or one under it; a look-alike is enough."""
    return _is_within(dn, base, fold_widely)


def split_dn(dn: str) -> list[list[tuple[str, str]]]:
    """The name as relative names of (type, value) with escapes resolved; refuses what RFC 4514 does not allow."""
    name = []
    rest: str | None = dn
    while rest is not None:
        leaf, rest = _split_leaf(rest)
        name.append(leaf)
    return name


def _is_within(dn: str, base: str, fold: Callable[[str], str]) -> bool:
    _, parent = _split_leaf(dn)
    if parent is not None and _is_parent_within(parent, base, fold):
        return True
    return _folded_dn(dn, fold) == _folded_dn(base, fold)


# Thousands of groups share a few parents: only those are worth remembering.
@lru_cache(maxsize=4_096)
def _is_parent_within(parent: str, base: str, fold: Callable[[str], str]) -> bool:
    parts, base_parts = _folded_dn(parent, fold), _folded_dn(base, fold)
    return len(parts) >= len(base_parts) and parts[len(parts) - len(base_parts) :] == base_parts


def _folded_dn(dn: str, fold: Callable[[str], str]) -> tuple[Rdn, ...]:
    leaf, parent = _split_leaf(dn)
    folded = _folded_rdn(leaf, fold)
    return (folded,) if parent is None else (folded, *_folded_parent(parent, fold))


@lru_cache(maxsize=4_096)
def _folded_parent(dn: str, fold: Callable[[str], str]) -> tuple[Rdn, ...]:
    return tuple(_folded_rdn(rdn, fold) for rdn in split_dn(dn))


def _folded_rdn(rdn: list[tuple[str, str]], fold: Callable[[str], str]) -> Rdn:
    if len(rdn) == 1:
        ((attribute, value),) = rdn
        return ((_type_name(attribute), fold(value)),)
    return tuple(sorted((_type_name(attribute), fold(value)) for attribute, value in rdn))


def _type_name(attribute: str) -> str:
    lower = attribute.lower()
    return TYPES.get(lower, lower)


def _split_leaf(dn: str) -> tuple[list[tuple[str, str]], str | None]:
    """The leftmost relative name, and the text of all that stands above it."""
    if len(dn) > LONGEST_DN:
        raise MalformedDn(f"a name of {len(dn)} characters")
    plain = plain_leaf.match(dn)
    if plain is not None:
        value = plain[2].strip(" ")
        leaf = [(plain[1], value if value and value.isascii() else _checked_value(value, dn))]
        return leaf, dn[plain.end() :] if plain[3] else None
    leaf = []
    position = 0
    while True:
        attribute, value, position = _read_pair(dn, position)
        leaf.append((attribute, value))
        if position == len(dn):
            return leaf, None
        position += 1
        if dn[position - 1] == ",":
            return leaf, dn[position:]


def _checked_type(attribute: str, dn: str) -> str:
    if not type_grammar.fullmatch(attribute):
        raise MalformedDn(f"{attribute!r} is no attribute type in {dn!r}")
    return attribute


def _checked_value(value: str, dn: str) -> str:
    if not value:
        raise MalformedDn(f"an empty value in {dn!r}")
    if not value.isascii() and lone_surrogate.search(value):
        raise MalformedDn(f"half a character in {dn!r}")
    return value


def _read_pair(dn: str, start: int) -> tuple[str, str, int]:
    equals = dn.find("=", start)
    if equals < 0:
        raise MalformedDn(f"no '=' after position {start} of {dn!r}")
    attribute = _checked_type(dn[start:equals].strip(" "), dn)
    value, position = _read_value(dn, equals + 1)
    return attribute, _checked_value(value, dn), position


def _read_value(dn: str, start: int) -> tuple[str, int]:
    while start < len(dn) and dn[start] == " ":
        start += 1
    if start < len(dn) and dn[start] == "#":
        return _read_hex_string(dn, start)
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
        if character in '";<>\0':
            raise MalformedDn(f"{character!r} must be escaped in {dn!r}")
        octets += character.encode(errors="surrogatepass")
        if character != " ":
            kept = len(octets)
        position += 1
    try:
        return bytes(octets[:kept]).decode(), position
    except UnicodeDecodeError as error:
        raise MalformedDn(f"octets of {dn!r} are not UTF-8") from error


def _read_hex_string(dn: str, start: int) -> tuple[str, int]:
    """A value in BER as hexadecimal text; a leading NUL keeps it apart from a text that begins with `#`."""
    found = hex_string.match(dn, start)
    end = found.end() if found else start
    stop = end
    while stop < len(dn) and dn[stop] == " ":
        stop += 1
    if not found or (stop < len(dn) and dn[stop] not in ",+"):
        raise MalformedDn(f"'#' must be escaped in {dn!r}")
    return f"\0{dn[start:end].lower()}", stop


def _read_escape(dn: str, position: int) -> tuple[bytes, int]:
    pair = dn[position : position + 2]
    if hex_pair.fullmatch(pair):
        return bytes([int(pair, 16)]), position + 2
    if pair and pair[0] in ' "#+,;<=>\\':
        return pair[0].encode(), position + 1
    raise MalformedDn(f"a lone backslash in {dn!r}")
