"""The structural gate: what a statement must look like before any signature code may touch it.

Signature libraries run transforms and follow references before they know who wrote them. So everything here
is decided from the shape alone, in time that grows with the size of the input and not with its cleverness.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from sts_bridge.local_aws.errors import AwsError, invalid_signature, invalid_statement
from sts_bridge.local_aws.statements.grammar import DS, SAML, SAMLP, SHAPES, Shape, short_name
from sts_bridge.local_aws.statements.signature_profile import check_signature

LONGEST_STATEMENT: Final = 100_000  # characters of base64; AWS's own limit
ENCRYPTED: Final = (
    "Your request included an encrypted SAML assertion. "
    "The local AWS does not decrypt; send it signed and in plain."
)

_MOST_ELEMENTS = 2_000
_MOST_ATTRIBUTES = 32
_DEEPEST = 32

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_DECLARATION = re.compile(
    rb"<\?xml version=(?:'1\.0'|\"1\.0\")(?: encoding=(?:'UTF-8'|\"UTF-8\"))?"
    rb"(?: standalone=(?:'(?:yes|no)'|\"(?:yes|no)\"))? ?\?>",
    re.ASCII | re.IGNORECASE,
)
_RESERVED_PREFIX = re.compile(rb"xmlns:xml(?:ns)?\s*=", re.ASCII)
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+", re.ASCII)
_NC_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_SPACE = " \t\n"
_ENCRYPTED = ("{*}EncryptedAssertion", "{*}EncryptedID", "{*}EncryptedAttribute")


@dataclass(frozen=True, slots=True)
class GatedStatement:
    """A statement whose shape was accepted; nothing in it has been verified."""

    document: bytes
    response_is_signed: bool
    assertion_is_signed: bool
    unverified_attributes: tuple[tuple[str, str], ...]


def admit(posted: str) -> GatedStatement:
    """Give the posted text as a statement of the one shape we read, or refuse it with a reason."""
    document = _decode(posted)
    root = _parse(document)
    try:
        return _gated(document, root)
    except AwsError as refusal:
        if next(root.iter(*_ENCRYPTED), None) is not None:
            refusal.message = ENCRYPTED
        raise


def _gated(document: bytes, root: etree._Element) -> GatedStatement:
    # In any namespace: what calls itself an assertion is there once, and the walk below tells where.
    if sum(1 for _ in root.iter("{*}Assertion")) != 1:
        raise invalid_statement("saml.structure.assertion_count")
    ids: set[str] = set()
    for node in root.iter():
        _check_node(node, ids)
    if short_name(root.tag) != "samlp:Response":
        raise invalid_statement("saml.structure.root")
    for signature in root.iter(f"{{{DS}}}Signature"):
        check_signature(signature)
    (assertion,) = root.iterfind(f"{{{SAML}}}Assertion")
    return GatedStatement(
        document=document,
        response_is_signed=root.find(f"{{{DS}}}Signature") is not None,
        assertion_is_signed=assertion.find(f"{{{DS}}}Signature") is not None,
        unverified_attributes=tuple(
            (attribute.get("Name", ""), value.text or "")
            for attribute in assertion.iter(f"{{{SAML}}}Attribute")
            for value in attribute
        ),
    )


def _decode(posted: str) -> bytes:
    if len(posted) > LONGEST_STATEMENT:
        raise invalid_statement("saml.input.too_large")
    if len(posted) % 4 or not _BASE64.fullmatch(posted):
        raise invalid_statement("saml.input.base64")
    document = base64.b64decode(posted)
    if base64.b64encode(document).decode() != posted:
        raise invalid_statement("saml.input.base64")
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid_statement("saml.input.not_utf8") from None
    if document.startswith(b"\xef\xbb\xbf") or b"\r" in document or b"\x00" in document:
        raise invalid_statement("saml.input.characters")
    # In well-formed XML these two stand only where comments, CDATA, document types and instructions begin.
    if b"<!" in document:
        raise invalid_statement("saml.structure.markup_declaration")
    if document.count(b"<?") > (1 if _DECLARATION.match(document) else 0):
        raise invalid_statement("saml.structure.processing_instruction")
    if document.count(b"<") > 2 * _MOST_ELEMENTS + 1 or document.count(b"xmlns") > _MOST_ELEMENTS:
        raise invalid_statement("saml.structure.too_many_elements")
    if _RESERVED_PREFIX.search(document):
        raise invalid_statement("saml.structure.reserved_prefix")
    return document


def _parse(document: bytes) -> etree._Element:
    """Parse once, and count what the parser saw: a tree does not tell where namespaces were declared."""
    parser = etree.XMLPullParser(
        events=("start", "end", "start-ns"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        parser.feed(document)
        root = parser.close()
    except etree.XMLSyntaxError:
        raise invalid_statement("saml.structure.not_xml") from None
    if len(parser.error_log):
        raise invalid_statement("saml.structure.namespace")
    depth = elements = declarations = 0
    for event, found in parser.read_events():
        if isinstance(found, tuple):  # prefix and name of a namespace
            declarations += 1
            if not _ABSOLUTE_URI.fullmatch(str(found[1])):
                raise invalid_statement("saml.structure.namespace")
        elif event == "start" and found is not None:
            depth += 1
            elements += 1
            if declarations > _MOST_ATTRIBUTES or len(found.attrib) > _MOST_ATTRIBUTES:
                raise invalid_statement("saml.structure.too_many_attributes")
            declarations = 0
        else:
            depth -= 1
        if depth > _DEEPEST or elements > _MOST_ELEMENTS:
            raise invalid_statement("saml.structure.too_many_elements")
    return root


def _check_node(node: etree._Element, ids: set[str]) -> None:
    if not isinstance(node.tag, str):
        raise invalid_statement("saml.structure.not_an_element")
    name = short_name(node.tag)
    _check_ids(node, ids)
    shape = SHAPES.get(name)
    if shape is None:
        raise invalid_statement("saml.structure.unknown_element")
    _check_attributes(node, shape)
    _check_content(node, name, shape)
    if (node.tail or "").strip(_SPACE):
        raise invalid_statement("saml.structure.stray_text")


def _check_ids(node: etree._Element, ids: set[str]) -> None:
    bears_id = node.tag in {f"{{{SAMLP}}}Response", f"{{{SAML}}}Assertion"}
    for name, value in node.attrib.items():
        if str(name).rpartition("}")[2].casefold() != "id":
            continue
        if name != "ID" or not bears_id or not _NC_NAME.fullmatch(str(value)):
            raise invalid_statement("saml.structure.id_attribute")
        if value in ids:
            raise invalid_statement("saml.structure.duplicate_id")
        ids.add(str(value))


def _check_attributes(node: etree._Element, shape: Shape) -> None:
    names = frozenset(map(str, node.attrib))
    if not shape.required <= names <= shape.allowed:
        raise invalid_statement("saml.structure.attributes")
    if any(_CONTROL.search(str(value)) for value in node.attrib.values()):
        raise invalid_statement("saml.input.characters")
    if node.get("Version", "2.0") != "2.0":
        raise invalid_statement("saml.structure.version")


def _check_content(node: etree._Element, name: str, shape: Shape) -> None:
    text = node.text or ""
    if _CONTROL.search(text):
        raise invalid_statement("saml.input.characters")
    if shape.children is None:
        if len(node):
            raise invalid_statement("saml.structure.nested_element")
        return
    if text.strip(_SPACE):
        raise invalid_statement("saml.structure.stray_text")
    content = "".join([f"{short_name(child.tag)} " for child in node])
    if not shape.children.fullmatch(content):
        raise _wrong_content(name, content)


def _wrong_content(name: str, content: str) -> AwsError:
    if name == "ds:SignedInfo" and content.count("ds:Reference ") != 1:
        return invalid_signature("saml.sig.reference_count")
    if name.startswith("ds:"):
        return invalid_signature(f"saml.sig.content.{name.removeprefix('ds:')}")
    return invalid_statement(f"saml.structure.content.{name.partition(':')[2]}")
