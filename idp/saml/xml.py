"""The one parser: no document type, no entities, no network, limits on size and depth."""

from lxml import etree

from idp.saml.errors import MalformedXml

LARGEST_DOCUMENT = 1_000_000
DEEPEST = 32


def parse(document: bytes) -> etree._Element:
    """The root of the document; refuses what is not well-formed UTF-8 XML, too large, too deep, or has a DOCTYPE.

    Comments and processing instructions are refused too: no message that we read needs one, and they split
    text in two (CVE-2017-11427 and its like).
    """
    if len(document) > LARGEST_DOCUMENT:
        raise MalformedXml(f"{len(document)} octets")
    # A parser of its own for every document: lxml's keep state, and threads share them badly.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedXml(f"not well-formed: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedXml("a document type")
    for node in root.getroottree().iter():
        if not isinstance(node.tag, str):
            raise MalformedXml("a comment, processing instruction or entity")
    if root.getprevious() is not None or root.getnext() is not None:
        raise MalformedXml("something beside the root")
    if _is_too_deep(root):
        raise MalformedXml(f"deeper than {DEEPEST}")
    return root


def _is_too_deep(root: etree._Element) -> bool:
    level = [root]
    for _ in range(DEEPEST):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True
