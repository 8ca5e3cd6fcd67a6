"""The one parser."""

import pytest

from idp.saml.errors import MalformedXml
from idp.saml.xml import DEEPEST, LARGEST_DOCUMENT, parse

REFUSED = {
    "nothing": (b"", b"<a/>"),
    "not well-formed": (b"<a><b></a>", b"<a><b></b></a>"),
    "a document type": (b"<!DOCTYPE a><a/>", b"<a/>"),
    "an entity": (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', b"<a>&amp;e;</a>"),
    "an unknown entity": (b"<a>&e;</a>", b"<a>&lt;</a>"),
    "a comment": (b"<a>x<!--y-->z</a>", b"<a>xz</a>"),
    "a comment before the root": (b"<!--y--><a/>", b"<a/>"),
    "a processing instruction": (b"<a><?php ?></a>", b"<a></a>"),
    "an instruction after the root": (b"<a/><?b ?>", b"<a/>"),
    "other than UTF-8": ("<a>é</a>".encode("latin-1"), "<a>é</a>".encode()),
    "UTF-16": ("<a/>".encode("utf-16"), b"<a/>"),
    "too deep": (
        b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1),
        b"<a>" * DEEPEST + b"</a>" * DEEPEST,
    ),
    "too large": (
        b"<a>" + b"x" * (LARGEST_DOCUMENT - 6) + b"</a>",
        b"<a>" + b"x" * (LARGEST_DOCUMENT - 7) + b"</a>",
    ),
}


@pytest.mark.parametrize(("hostile", "twin"), REFUSED.values(), ids=REFUSED)
def test_what_no_message_needs_is_refused(hostile: bytes, twin: bytes) -> None:
    """A document with it is refused under its own name; one change away it is read."""
    with pytest.raises(MalformedXml):
        parse(hostile)
    assert parse(twin).tag == "a"


def test_cdata_is_text() -> None:
    """A CDATA section is text like any other."""
    assert parse(b"<a><![CDATA[<b>]]></a>").text == "<b>"
