"""The structural gate: what a message must look like before anything clever or expensive may touch it.

Signature libraries run transforms and follow references before they know who wrote them. So everything here is
decided from octets and shape alone, in time that grows with the size of the input.
"""

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from idp.saml.constants import DS, SAML, SAMLP
from idp.saml.errors import UntrustedMessage
from idp.saml.shapes import EXTENSIONS, ROOTS, SHAPES, SIGNATURE, MessageKind, Shape
from idp.saml.signature_shape import SignatureFacts, read_signature

LARGEST_MESSAGE: Final = 65_536
MOST_ELEMENTS: Final = 2_000
MOST_ATTRIBUTES: Final = 32
MOST_NAMESPACES: Final = 32
DEEPEST: Final = 32

declaration = re.compile(
    rb"""<\?xml version=(?:"1\.0"|'1\.0')(?: encoding=(?:"utf-8"|'utf-8'))?"""
    rb"""(?: standalone=(?:"(?:yes|no)"|'(?:yes|no)'))? ?\?>""",
    re.IGNORECASE,
)
# Tab and line feed are the only control characters let in; a carriage return is not read back as it was sent, and
# a mark of byte order is read by some and skipped by others.
unlawful = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
# Every declaration names an absolute URI in plain characters, and none takes a reserved prefix.
namespace = re.compile(
    rb"""xmlns(?::(?!xml(?:ns)?[ \t\n]*=)[A-Za-z_][A-Za-z0-9_.-]{0,63})?[ \t\n]*=[ \t\n]*"""
    rb"""(?:"[A-Za-z][A-Za-z0-9+.-]*:[^"&<>\x00-\x20\x80-\xff]+"|'[A-Za-z][A-Za-z0-9+.-]*:[^'&<>\x00-\x20\x80-\xff]+')"""
)
identifier = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}", re.ASCII)
ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
OURS: Final = frozenset({SAMLP, SAML, DS})


@dataclass(frozen=True, slots=True, eq=False)
class GatedMessage:
    """A message whose shape was accepted; nothing in it has been verified, and only the issuer may be looked at."""

    kind: MessageKind
    unverified_issuer: str
    root: etree._Element
    signature: SignatureFacts | None


def admit(document: bytes) -> GatedMessage:
    """The document as a message of one of the shapes that we read; refuses with UntrustedMessage, saying why."""
    check_octets(document)
    root = parse_once(document)
    kind = ROOTS.get(root.tag)
    if kind is None:
        raise UntrustedMessage("saml.structure.root", root.tag)
    if root.get("Version") != "2.0":
        raise UntrustedMessage("saml.structure.version", str(root.get("Version")))
    check_tree(root)
    if not identifier.fullmatch(root.get("ID", "")):
        raise UntrustedMessage("saml.structure.id", "the message's own ID")
    issuer = root[0]
    if issuer.get("Format", ENTITY) != ENTITY or len(issuer.attrib) > (issuer.get("Format") is not None):
        raise UntrustedMessage("saml.structure.issuer", "a format or a qualifier")
    signature = root.find(SIGNATURE)
    return GatedMessage(
        kind=kind,
        unverified_issuer=issuer.text or "",
        root=root,
        signature=read_signature(signature, root) if signature is not None else None,
    )


def check_octets(document: bytes) -> None:
    """Refuse whatever can be refused without a parser: size, coding, markup that no message needs."""
    if len(document) > LARGEST_MESSAGE:
        raise UntrustedMessage("saml.input.too_large", f"{len(document)} octets")
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise UntrustedMessage("saml.input.not_utf8") from None
    if found := unlawful.search(text):
        raise UntrustedMessage("saml.input.character", f"U+{ord(found[0]):04X}")
    # In well-formed XML these stand only where comments, CDATA, document types and instructions begin.
    if b"<!" in document:
        raise UntrustedMessage("saml.structure.markup_declaration")
    if document.count(b"<?") != bool(declaration.match(document)):
        raise UntrustedMessage("saml.structure.processing_instruction")
    if document.count(b"<") > 2 * MOST_ELEMENTS:
        raise UntrustedMessage("saml.structure.too_many_elements")
    declared = document.count(b"xmlns")
    if declared > MOST_NAMESPACES or declared != len(namespace.findall(document)):
        raise UntrustedMessage("saml.structure.namespaces", f"{declared} declarations")


def parse_once(document: bytes) -> etree._Element:
    """The one tree of this document; a parser of its own for each, for they keep state."""
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise UntrustedMessage("saml.structure.not_xml") from None
    # What libxml2 only warns of is an error here: names of namespaces that it thinks odd.
    if len(parser.error_log):
        raise UntrustedMessage("saml.structure.namespaces", "the parser's warning")
    return root


def check_tree(root: etree._Element) -> None:
    """Refuse every element, attribute and text that the shapes do not foresee; no recursion, whatever the depth."""
    pending = [(root, SHAPES[root.tag], 1)]
    elements = 0
    while pending:
        element, shape, depth = pending.pop()
        elements += 1
        if depth > DEEPEST or elements > MOST_ELEMENTS:
            raise UntrustedMessage("saml.structure.too_many_elements")
        if len(element.attrib) > MOST_ATTRIBUTES:
            raise UntrustedMessage("saml.structure.too_many_attributes")
        check_attributes(element, shape, is_root=element is root)
        if shape.foreign:
            pending += [(child, FOREIGN, depth + 1) for child in check_foreign(element)]
        elif shape.slots is None:
            if len(element):
                raise UntrustedMessage("saml.structure.nested_element", element.tag)
        else:
            check_children(element, shape)
            pending += [(child, SHAPES[child.tag], depth + 1) for child in element]


FOREIGN: Final = Shape(foreign=True)


def check_attributes(element: etree._Element, shape: Shape, *, is_root: bool) -> None:
    """Refuse attributes that do not belong here, and anything called an ID anywhere but on the message itself."""
    names = frozenset(map(str, element.attrib))
    for name in names:
        if name.rpartition("}")[2].casefold() == "id" and not (is_root and name == "ID"):
            raise UntrustedMessage("saml.structure.id", f"{name} on {element.tag}")
    # Attributes of extensions and below are their own affair; they are not read.
    if shape.foreign and element.tag != EXTENSIONS:
        return
    if not shape.required <= names <= shape.allowed:
        raise UntrustedMessage("saml.structure.attributes", f"of {element.tag}")


def check_foreign(element: etree._Element) -> list[etree._Element]:
    """The children of an extension; refuses those that could be taken for parts of the message."""
    for child in element:
        if etree.QName(child).namespace in {*OURS, None}:
            raise UntrustedMessage("saml.structure.extension", child.tag)
    return list(element)


def check_children(element: etree._Element, shape: Shape) -> None:
    """Refuse children that are missing, too many, unknown, or in another order; and text between them."""
    if (element.text or "").strip(" \t\n"):
        raise UntrustedMessage("saml.structure.stray_text", element.tag)
    children = list(element)
    for child in children:
        if child.tail is not None and child.tail.strip(" \t\n"):
            raise UntrustedMessage("saml.structure.stray_text", element.tag)
    place = 0
    for slot in shape.slots or ():
        first = place
        while place < len(children) and children[place].tag == slot.tag:
            place += 1
        if not slot.least <= place - first <= slot.most:
            raise UntrustedMessage(reason_of(element.tag), f"{place - first} of {slot.tag} in {element.tag}")
    if place < len(children):
        raise UntrustedMessage(reason_of(element.tag), f"{children[place].tag} in {element.tag}")


def reason_of(tag: str) -> str:
    """The machine's word for wrong content: signatures are told apart."""
    qualified = etree.QName(tag)
    return "saml.signature.content" if qualified.namespace == DS else f"saml.structure.{qualified.localname}"
