"""The gate gives a statement or a refusal, and nothing else, whatever is thrown at it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.statements.gate import GatedStatement, admit
from sts_bridge.local_aws.statements.grammar import SHAPES, short_name
from tests.attacks import forge

DOCUMENT = forge.signed(forge.Statement(), "both")
places = st.integers(0, len(DOCUMENT))
PIECES = (
    b"",
    b"<", b">", b"&", b"'", b'"', b"/", b"<!--", b"]]>", b"<?x?>", b"&#0;", b"&#10;", b"\xff", b"\xe2\x80\xa8", b" ",
    b"<saml:Assertion>", b"</saml:Assertion>", b"<ds:Signature/>", b'ID="_assertion1"', b'xmlns:x="y"', b"<x/>",
)  # fmt: skip


def outcome(document: bytes) -> GatedStatement | AwsError:
    try:
        return admit(forge.encode(document))
    except AwsError as refusal:
        return refusal


@pytest.mark.attack("SX-19")
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(places, st.integers(0, 60), st.sampled_from(PIECES)), min_size=1, max_size=3))
def test_a_damaged_statement_is_admitted_or_refused(damage: list[tuple[int, int, bytes]]) -> None:
    """Cuts, insertions and repetitions anywhere end in a statement or in one of AWS's refusals."""
    document = DOCUMENT
    for start, length, piece in damage:
        document = document[:start] + (piece or document[start : start + length]) + document[start + length :]
    result = outcome(document)
    assert isinstance(result, GatedStatement) or result.status == 400


@pytest.mark.attack("SX-19")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_noise_is_refused(noise: bytes) -> None:
    """What nobody wrote as a statement is none."""
    assert isinstance(outcome(noise), AwsError)
    assert isinstance(outcome(DOCUMENT), GatedStatement)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_posted_text_is_admitted_or_refused(posted: str) -> None:
    """The field of the form may hold any text."""
    with pytest.raises(AwsError):
        admit(posted)
    assert admit(forge.encode(DOCUMENT)).assertion_is_signed


def test_an_admitted_statement_tells_where_it_is_signed() -> None:
    """Which of the two signatures are there is told apart, and the attributes are called unverified."""
    for mode in forge.MODES:
        admitted = admit(forge.encode(forge.signed(forge.Statement(), mode)))
        assert admitted.response_is_signed == (mode in {"response", "both"})
        assert admitted.assertion_is_signed == (mode in {"assertion", "both"})
        assert (f"{forge.P}RoleSessionName", "ada@example.test") in admitted.unverified_attributes


def test_every_child_that_a_shape_names_has_a_shape() -> None:
    """The grammar is closed: what may stand in an element is described itself."""
    for shape in SHAPES.values():
        names = shape.children.pattern if shape.children else ""
        for name in names.replace("(?:", "").replace("|", " ").replace(")", " ").split():
            assert name.strip("?*+()") in {*SHAPES, ""}
    assert short_name("{urn:x}Assertion") == short_name("Assertion") == short_name(None) == "?"
