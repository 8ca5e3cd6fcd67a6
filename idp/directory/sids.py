"""Security identifiers of Active Directory, as octets and as text ([MS-DTYP] 2.4.2)."""

import re
import struct

from idp.domain.errors import DirectoryUnavailable, Malformed

HEAD = 8
MOST_PARTS = 15
sid_grammar = re.compile(r"s-1-([0-9]{1,15})((?:-[0-9]{1,10}){0,15})", re.ASCII | re.IGNORECASE)


def sid_text(octets: bytes) -> str:
    """The identifier as text in lower case, as memberships carry it; Unavailable for what is none."""
    if len(octets) < HEAD or octets[0] != 1 or len(octets) != HEAD + 4 * octets[1]:
        raise DirectoryUnavailable(f"{len(octets)} octets are no security identifier")
    authority = int.from_bytes(octets[2:HEAD], "big")
    parts = struct.unpack(f"<{octets[1]}I", octets[HEAD:])
    return "-".join(map(str, ("s-1", authority, *parts)))


def sid_octets(text: str) -> bytes:
    """The identifier as the directory holds it; Malformed for what is none."""
    found = sid_grammar.fullmatch(text)
    parts = [int(part) for part in found[2].split("-")[1:]] if found else []
    if found is None or any(part >= 1 << 32 for part in parts) or int(found[1]) >= 1 << 48:
        raise Malformed(f"{text[:120]!r} is no security identifier")
    return bytes([1, len(parts)]) + int(found[1]).to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def is_sid(text: str) -> bool:
    """Whether the text has the form of one."""
    return sid_grammar.fullmatch(text) is not None


def sid_filter(text: str) -> str:
    """The filter for whoever has this identifier."""
    escaped = "".join(rf"\{octet:02x}" for octet in sid_octets(text))
    return f"(objectSid={escaped})"


def sibling(text: str, relative: str) -> str:
    """The identifier with this last part in the same domain."""
    domain, _, _ = text.rpartition("-")
    return f"{domain}-{relative}"
