"""The one parser: no document type, no entities, no network, limits on size and depth."""

from lxml import etree

from idp.saml.errors import MalformedXml

LARGEST_DOCUMENT = 1_000_000
DEEPEST = 32


def parse(document: bytes, *, may_hold_comments: bool = False) -> etree._Element:
    """The root of the document; refuses what is not well-formed UTF-8 XML, too large, too deep, or has a DOCTYPE.

    Comments and processing instructions are refused too: no message that we read needs one, and they split
    text in two (CVE-2017-11427 and its like). Metadata is also written for people: there comments are let in
    between elements, where no text can be split, and are gone from the tree.
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
    if may_hold_comments:
        _remove_comments(root)
    for node in root.getroottree().iter():
        if not isinstance(node.tag, str):
            raise MalformedXml("a comment, processing instruction or entity")
    if root.getprevious() is not None or root.getnext() is not None:
        raise MalformedXml("something beside the root")
    if _is_too_deep(root):
        raise MalformedXml(f"deeper than {DEEPEST}")
    return root


def _remove_comments(root: etree._Element) -> None:
    """No comment is left beside the root or between elements; one within text stays, and is refused."""
    beside = [*root.itersiblings(etree.Comment, preceding=True), *root.itersiblings(etree.Comment)]
    for comment in [*beside, *root.iter(etree.Comment)]:
        parent = comment.getparent()
        if parent is None:
            # lxml takes a sibling of the root away only by giving it another place.
            etree.Element("nowhere").append(comment)
        elif not "".join([parent.text or "", *(child.tail or "" for child in parent)]).strip():
            # The spaces behind it stay: a signature may cover them.
            before = comment.getprevious()
            if before is None:
                parent.text = (parent.text or "") + (comment.tail or "")
            else:
                before.tail = (before.tail or "") + (comment.tail or "")
            parent.remove(comment)


def _is_too_deep(root: etree._Element) -> bool:
    level = [root]
    for _ in range(DEEPEST):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True
