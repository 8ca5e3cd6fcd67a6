"""A message that somebody has pasted, made readable: what it is, and what our gate thinks; never believed."""

import base64
import re
import zlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from lxml import etree

from idp.domain.errors import Malformed
from idp.saml.errors import UntrustedMessage
from idp.saml.gate import LARGEST_MESSAGE, admit, check_octets, parse_once
from idp.saml.shapes import ROOTS

LONGEST_PASTED: Final = 400_000
blank = re.compile(r"\s+", re.ASCII)


class NothingToRead(Malformed):
    """What was pasted is no message in any form that we know."""

    code = "nothing-to-read"
    sentence = "This is no SAML message: neither XML, nor base64 of it, nor a query that holds one."


@dataclass(frozen=True, slots=True)
class Readable:
    """One message for human eyes; `problems` are what our gate would refuse it for, or did not look at."""

    form: str
    kind: str
    text: str
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def readable(pasted: str) -> Readable:
    """The pasted message as indented text with what stands in it; refuses what is no message at all.

    Nothing is verified, decrypted or fetched, and a document with a document type is not even parsed.
    """
    form, document = unpacked(pasted.strip())
    problems: list[str] = []
    try:
        check_octets(document)
        root = parse_once(document)
    except UntrustedMessage as refusal:
        raise NothingToRead(
            f"{form}: {refusal.cause}", sentence=f"This is refused unread: {refusal.cause}."
        ) from None
    if root.tag in ROOTS:
        try:
            admit(document)
        except UntrustedMessage as refusal:
            problems.append(f"our gate refuses it: {refusal.cause}")
    else:
        problems.append("no message that is sent to us: only its form is shown")
    facts = tuple(facts_of(root))
    if not any(name == "Signature" for name, _ in facts):
        problems.append("no signature in it (one over a query stands beside it)")
    problems.append("nothing here was verified: anybody may have written it")
    etree.indent(root)
    return Readable(
        form=form,
        kind=etree.QName(root).localname,
        text=etree.tostring(root, encoding="unicode"),
        facts=facts,
        problems=tuple(problems),
    )


def unpacked(pasted: str) -> tuple[str, bytes]:
    """In which form it was pasted, and the document in it."""
    if not pasted or len(pasted) > LONGEST_PASTED:
        raise NothingToRead(f"{len(pasted)} characters")
    if pasted.startswith("<"):
        return "XML", pasted.encode()
    name, value = _parameter(pasted)
    try:
        octets = base64.b64decode(blank.sub("", value), validate=True)
    except ValueError:
        raise NothingToRead("no base64") from None
    if octets.lstrip().startswith(b"<"):
        return f"{name}base64", octets
    document = _inflated(octets)
    if document.lstrip().startswith(b"<"):
        return f"{name}base64 of a deflate stream", document
    raise NothingToRead("base64 of something else")


def facts_of(root: etree._Element) -> list[tuple[str, str]]:
    """What one wants to know of it: attributes of the root, who, for whom, until when, and how it is signed."""
    facts = [(str(name), str(value)) for name, value in root.attrib.items()]
    wanted = {
        "Issuer", "NameID", "Audience", "SessionIndex", "AuthnContextClassRef", "StatusMessage", "AttributeValue",
    }  # fmt: skip
    for element in root.iter():
        name = etree.QName(element).localname
        if name in wanted and not len(element):
            facts.append((name, element.text or ""))
        elif name == "StatusCode":
            facts.append((name, element.get("Value", "")))
        elif name in {"Conditions", "SubjectConfirmationData", "AuthnStatement"}:
            facts += [(f"{name} {key!s}", str(value)) for key, value in element.attrib.items()]
        elif name == "Signature":
            facts.append((name, f"over {_name_of(element.getparent())}"))
        elif name in {"SignatureMethod", "DigestMethod", "EncryptionMethod"}:
            facts.append((name, element.get("Algorithm", "")))
    return facts


def _name_of(element: etree._Element | None) -> str:
    return "nothing" if element is None else str(etree.QName(element).localname)


def _parameter(pasted: str) -> tuple[str, str]:
    """The parameter of an address, a query or a form that holds a message; all of it where it is none of these."""
    query = urlsplit(pasted).query if "://" in pasted[:10] else pasted
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in {"SAMLRequest", "SAMLResponse"}:
            return f"{name}, ", value
    return "", pasted


def _inflated(octets: bytes) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(octets, LARGEST_MESSAGE * 2)
    except zlib.error:
        return b""
