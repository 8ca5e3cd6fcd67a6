"""Values that come in portions, and security identifiers: read whole, or not at all."""

import pytest

from idp.directory.ranges import every_value
from idp.directory.sids import is_sid, sibling, sid_filter, sid_octets, sid_text
from idp.domain.errors import DirectoryUnavailable, Malformed

EVERYBODY = [f"member {number}".encode() for number in range(3_700)]


def server(name: str) -> dict[str, list[bytes]]:
    """Active Directory's answer: at most 1,500 values, and the attribute itself empty."""
    attribute, _, asked = name.partition(";range=")
    low = int(asked.partition("-")[0] or 0)
    portion = EVERYBODY[low : low + 1_500]
    last = "*" if low + len(portion) == len(EVERYBODY) else str(low + len(portion) - 1)
    return {attribute: [], f"{attribute};range={low}-{last}": portion}


@pytest.mark.attack("LD-10")
@pytest.mark.spec("MS-ADTS", "3.1.1.3.1.3.3", "range retrieval of attribute values")
def test_all_portions_are_read() -> None:
    """Beyond 1,500 values the rest is asked for until the last portion says that it is the last."""
    assert every_value("member", server) == EVERYBODY
    assert every_value("MEMBER", server, begun=server("member")) == EVERYBODY
    assert every_value("member", lambda _: {"member": [b"one"]}) == [b"one"]
    assert every_value("member", lambda _: {}) == []


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    "second",
    [
        {},
        {"member": []},
        {"member;range=2-*": []},
        {"member;range=0-1": [b"a", b"b"]},
        {"member;range=3-*": [b"d"]},
        {"other;range=2-*": [b"c"]},
    ],
)
def test_a_missing_portion_is_no_answer(second: dict[str, list[bytes]]) -> None:
    """Where the server breaks off, repeats or leaps, nobody is shown with fewer values."""
    first = {"member;range=0-1": [b"a", b"b"]}
    with pytest.raises(DirectoryUnavailable):
        every_value("member", lambda name: second if ";" in name else first)
    with pytest.raises(DirectoryUnavailable):
        every_value("member", lambda _: {"member;range=0-4": [b"a", b"b"]})
    whole = {"member;range=2-*": [b"c"]}
    assert every_value("member", lambda name: whole if ";" in name else first) == [b"a", b"b", b"c"]


@pytest.mark.spec("MS-DTYP", "2.4.2", "security identifiers as text and as octets")
def test_a_sid_there_and_back() -> None:
    """The octets become the usual text in lower case, and the text the same octets."""
    octets = bytes.fromhex("010500000000000515000000 35412 2b7524429 2b95f951d3 01020000".replace(" ", ""))
    text = "s-1-5-21-3072475445-724124754-3545364885-513"
    assert sid_text(octets) == text
    assert sid_octets(text) == sid_octets(text.upper()) == octets
    assert sibling(text, "1105") == "s-1-5-21-3072475445-724124754-3545364885-1105"
    assert sid_filter("S-1-5-32-545") == (
        "(objectSid=\\01\\02\\00\\00\\00\\00\\00\\05\\20\\00\\00\\00\\21\\02\\00\\00)"
    )


@pytest.mark.parametrize(
    "text", ["", "s-1", "s-2-5-21", "s-1-5-x", "s-1-5-4294967296", "s-1-5-21)(cn=*", "S-1-\u0665"]
)
def test_what_is_no_sid(text: str) -> None:
    """Other forms, numbers that do not fit and what would break out of a filter are refused."""
    with pytest.raises(Malformed):
        sid_filter(text)
    assert is_sid("s-1-5-18")
    with pytest.raises(DirectoryUnavailable):
        sid_text(b"\x01\x05\x00")
