"""XM-01 to XM-04 at the local AWS: what an XML parser must never be let do, and never for long."""

import socket
import zlib

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand


def dearest() -> dict[str, bytes]:
    """Documents of full size that are dear to a careless reader."""
    room = 74_000
    head = f'<samlp:Response xmlns:samlp="{forge.SAMLP}" xmlns:saml="{forge.SAML}" '
    tens = [f"&a{n};" * 10 for n in range(9)]
    bomb = "".join(f"<!ENTITY a{n} '{ten}'>" for n, ten in enumerate(tens, start=1))
    attributes = " ".join(f"a{n}='x'" for n in range(7_000))
    namespaces = " ".join(f"xmlns:n{n}='urn:{n}'" for n in range(1_900))
    nested = "".join(f"<n{n}:a xmlns:n{n}='urn:{n}'>" for n in range(250))
    nested += "".join(f"</n{n}:a>" for n in reversed(range(250)))
    identifiers = "".join(f"<a ID='_{n}'/>" for n in range(4_000))
    return {
        "bomb": f'<!DOCTYPE x [<!ENTITY a0 "ha">{bomb}]><x>&a9;</x>'.encode(),
        "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"a" * 30_000}">]><x>{"&a;" * 10_000}</x>'.encode(),
        "deep": b"<a>" * (room // 7) + b"</a>" * (room // 7),
        "wide": f"{head}>{'<a/>' * (room // 4 - 100)}</samlp:Response>".encode(),
        "attributes": f"{head}{attributes}/>".encode(),
        "namespaces": f"{head}{namespaces}/>".encode(),
        "nested-namespaces": nested.encode(),
        "long-text": f"{head}>{'x' * (room - 300)}</samlp:Response>".encode(),
        "long-value": f'{head} ID="{"x" * (room - 300)}"/>'.encode(),
        "references": f"{head}>{'&#120;' * (room // 6 - 40)}</samlp:Response>".encode(),
        "identifiers": f"{head}>{identifiers}</samlp:Response>".encode(),
        "compressed": zlib.compress(b"<" * 10_000_000)[:room],
    }


@pytest.mark.attack("XM-02")
@pytest.mark.attack("XM-03")
@pytest.mark.parametrize("document", dearest().values(), ids=dearest())
def test_the_dearest_documents_are_refused_cheaply(document: bytes, stand: Stand) -> None:
    """Refused within 100 ms of processor time and 64 MB; the twin of ordinary size is taken."""
    memory = stand.aws.memory("VmRSS")
    before = stand.aws.cpu_seconds()
    refusal = stand.refused(document)
    assert refusal.code == "InvalidIdentityToken"
    # The kernel counts in steps of 10 ms.
    assert stand.aws.cpu_seconds() - before <= 0.1
    assert stand.aws.memory("VmRSS") - memory <= 64 * 1024 * 1024
    stand.accepted(forge.signed(forge.Statement(), "both"))


@pytest.mark.attack("XM-01")
@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE x SYSTEM "{url}"><x/>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><x>&e;</x>',
        '<!DOCTYPE x [<!ENTITY % e SYSTEM "{url}">%e;]><x/>',
        '<?xml-stylesheet type="text/xsl" href="{url}"?><x/>',
        '<x><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{url}"/></x>',
        '<x xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="urn:x {url}"/>',
    ],
)
def test_nothing_outside_is_fetched(document: str, stand: Stand) -> None:
    """Entities, stylesheets, inclusions and schemas from elsewhere are refused, and nobody is asked for them."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}/x"
        stand.refused(document.format(url=url))
        with pytest.raises(TimeoutError):
            canary.accept()
    stand.accepted(forge.signed(forge.Statement(), "both"))


@pytest.mark.attack("XM-04")
@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "utf-8-sig", "latin-1"]
)
def test_another_encoding_is_refused(encoding: str, stand: Stand) -> None:
    """UTF-8 without a mark, and nothing else, whatever the document says about itself."""
    text = forge.signed(forge.Statement(name_id="\u00e4da"), "both").decode()
    text = text.replace("&#228;", "\u00e4")
    stand.accepted(text)
    assert stand.refused(text.encode(encoding)).reason.startswith("saml.")
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
    assert stand.refused(declared).reason == "saml.structure.processing_instruction"


@pytest.mark.attack("XM-04")
@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (b"\xc0\xaf", "saml.input.not_utf8"),
        (b"\xed\xa0\x80", "saml.input.not_utf8"),
        (b"\xff", "saml.input.not_utf8"),
        (b"\x00", "saml.input.characters"),
        (b"\r\n", "saml.input.characters"),
        (b"&#13;", "saml.input.characters"),
        (b"&#x85;", "saml.input.characters"),
        (b"\xc2\x9f", "saml.input.characters"),
        (b"\xef\xbf\xbe", "saml.structure.not_xml"),
        (b"\x0b", "saml.structure.not_xml"),
        (b"&#0;", "saml.structure.not_xml"),
        (b"&#xFFFE;", "saml.structure.not_xml"),
        (b"&#xD800;", "saml.structure.not_xml"),
    ],
)
@pytest.mark.parametrize("place", [b"ada@example", b"_session1"], ids=["text", "attribute"])
def test_signs_that_parsers_read_differently_are_refused(
    sign: bytes, reason: str, place: bytes, stand: Stand
) -> None:
    """No control character, no broken sign and no carriage return gets into a value."""
    document = forge.signed(forge.Statement(), "assertion")
    assert stand.refused(document.replace(place, place[:3] + sign + place[3:])).reason == reason
    stand.accepted(document)


@pytest.mark.attack("XM-03")
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text: text + "A" * 100_004, "ValidationError"),
        (lambda text: text + "A" * 300_000, "ValidationError"),
        (lambda text: text[:-4] + "\n" + text[-4:], "InvalidIdentityToken"),
        (lambda text: text + "====", "InvalidIdentityToken"),
        (lambda text: text.replace("A", "-", 1), "InvalidIdentityToken"),
        (lambda text: " " + text, "InvalidIdentityToken"),
        (lambda text: text[:-1], "InvalidIdentityToken"),
        (lambda text: text[:0], "ValidationError"),
        (lambda text: text[:3], "ValidationError"),
        (lambda text: text + "\u00e4\u00e4\u00e4\u00e4", "InvalidIdentityToken"),
    ],
)
def test_what_is_not_base64_of_lawful_length_is_refused(spoil: object, code: str, stand: Stand) -> None:
    """At most 100,000 characters of the strict alphabet."""
    text = forge.encode(forge.signed(forge.Statement(), "both"))
    assert callable(spoil)
    refusal = stand.refused("", SAMLAssertion=spoil(text))
    assert refusal.code == code
    assert text[:40] not in refusal.message
    stand.accepted("", SAMLAssertion=text)


@pytest.mark.attack("XM-03")
def test_base64_has_one_spelling(stand: Stand) -> None:
    """Bits behind the end of the document are zero, so that a document has one text only."""
    document = forge.signed(forge.Statement(), "both")
    text = forge.encode(document + b"\n" * (3 + (1 - len(document)) % 3))
    assert text.endswith("Cg==")
    odd = text.removesuffix("g==") + "h=="
    assert stand.refused("", SAMLAssertion=odd).reason == "saml.input.base64"
    stand.accepted("", SAMLAssertion=text)


@pytest.mark.attack("XM-03")
def test_declarations_elements_and_depth_have_their_limits(stand: Stand) -> None:
    """Thirty-two declarations on an element, two thousand elements, and a depth of thirty-two."""
    text = forge.Statement().xml()

    def declared(count: int) -> str:
        names = " ".join(f'xmlns:n{number}="urn:n"' for number in range(count))
        return text.replace("<samlp:Response ", f"<samlp:Response {names} ", 1)

    def valued(count: int) -> str:
        filler = f'<saml:Attribute Name="urn:x">{"<saml:AttributeValue/>" * count}</saml:Attribute>'
        return text.replace("</saml:AttributeStatement>", filler + "</saml:AttributeStatement>")

    def nested(count: int) -> str:
        code = '<samlp:StatusCode Value="urn:x">'
        inner = code * count + "</samlp:StatusCode>" * count
        start, end = text.index("<samlp:StatusCode"), text.index("</samlp:Status>")
        return text[:start] + text[start:end].replace("/>", f">{inner}</samlp:StatusCode>") + text[end:]

    many = "saml.structure.too_many_"
    assert stand.refused(forge.signed(declared(33), "assertion")).reason == many + "attributes"
    assert stand.refused(forge.signed(valued(2_000), "assertion")).reason == many + "elements"
    assert stand.refused(forge.signed(nested(32), "assertion")).reason == many + "elements"
    for lawful in (declared(28), valued(1_900), nested(20)):
        stand.accepted(forge.signed(lawful, "assertion"))


@pytest.mark.attack("XM-04")
@pytest.mark.parametrize("place", ["<saml:Subject>", "</saml:Subject>", "<saml:Issuer>", "</samlp:Response>"])
def test_text_between_elements_is_refused(place: str, stand: Stand) -> None:
    """Between elements there are blanks and line ends, nothing else, signed over or not."""
    text = forge.Statement().xml()
    document = forge.signed(text.replace(place, f"evil{place}", 1), "both")
    assert stand.refused(document).reason == "saml.structure.stray_text"
    stand.accepted(forge.signed(text.replace(place, f"\n  {place}", 1), "both"))


@pytest.mark.attack("XM-03")
def test_a_statement_of_full_length_is_accepted(stand: Stand) -> None:
    """The limit itself is lawful."""
    statement = forge.Statement()
    short = len(forge.signed(statement, "both"))
    filler = dict(statement.attributes) | {"urn:filler": ("x" * (74_900 - short - 120),)}
    document = forge.signed(forge.Statement(attributes=filler), "both")
    assert 99_000 < len(forge.encode(document)) <= 100_000
    stand.accepted(document)
