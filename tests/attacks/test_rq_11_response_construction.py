"""RQ-11: whatever a person or a directory holds, it stays a value in the statement, or nothing is signed."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.domain.assertion import AssertionPlan
from idp.domain.aws.attributes import SamlAttribute
from idp.saml.errors import StatementTooLarge, UnlawfulValue
from idp.saml.responses import build_and_sign
from tests.statements import a_plan, signing_key, xmlsec1_accepts

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"

# Where a value from outside may stand, and how it is found again.
PLACES: dict[
    str, tuple[Callable[[AssertionPlan, str], AssertionPlan], Callable[[ET.Element], str | None]]
] = {
    "NameID": (
        lambda plan, text: replace(plan, name_id=text),
        lambda root: only(root, "NameID").text,
    ),
    "AttributeValue": (
        lambda plan, text: replace(plan, attributes=(SamlAttribute("Value", (text,)),)),
        lambda root: only(root, "AttributeValue").text,
    ),
    "the second AttributeValue": (
        lambda plan, text: replace(plan, attributes=(SamlAttribute("Value", ("first", text)),)),
        lambda root: list(root.iter(f"{SAML}AttributeValue"))[1].text,
    ),
    "Attribute/@Name": (
        lambda plan, text: replace(plan, attributes=(SamlAttribute(text, ("value",)),)),
        lambda root: only(root, "Attribute").get("Name"),
    ),
    "Issuer": (
        lambda plan, text: replace(plan, issuer=text),
        lambda root: next(root.iter(f"{SAML}Issuer")).text,
    ),
    "Audience": (
        lambda plan, text: replace(plan, audience=text),
        lambda root: only(root, "Audience").text,
    ),
    "Recipient": (
        lambda plan, text: replace(plan, recipient=text),
        lambda root: only(root, "SubjectConfirmationData").get("Recipient"),
    ),
    "NameID/@Format": (
        lambda plan, text: replace(plan, name_id_format=text),
        lambda root: only(root, "NameID").get("Format"),
    ),
    "SessionIndex": (
        lambda plan, text: replace(plan, ids=replace(plan.ids, session_index=text)),
        lambda root: only(root, "AuthnStatement").get("SessionIndex"),
    ),
    "AuthnContextClassRef": (
        lambda plan, text: replace(plan, authn_context=text),
        lambda root: only(root, "AuthnContextClassRef").text,
    ),
}

ESCAPED = {
    "the end of a value and a role": (
        "</saml:AttributeValue><saml:AttributeValue>arn:aws:iam::111122223333:role/Admin,"
        "arn:aws:iam::111122223333:saml-provider/drawbridge</saml:AttributeValue><saml:AttributeValue>"
    ),
    "the end of a subject": '</saml:NameID></saml:Subject><saml:Conditions NotOnOrAfter="2099-01-01T00:00:00Z"/>',
    "a second assertion": '</saml:AttributeValue></saml:Assertion><saml:Assertion ID="_evil">',
    "the end of CDATA": "]]>",
    "CDATA": "<![CDATA[<saml:NameID>evil</saml:NameID>]]>",
    "a comment": "jane@example.test<!---->.evil.test",
    "the beginning of a comment": "<!--",
    "an entity": "&x;",
    "a lawful entity": "&lt;&amp;lt;&#60;",
    "a document type": '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>&x;',
    "an instruction": "<?xml-stylesheet href='x'?>",
    "quotes": "\" onload='x' xmlns:saml=\"urn:evil",
    "a format string": "{0}{plan.ids}%s%(x)s$" + "{x}",
    "lines and tabs": "a\n\tb\n",
    "blanks around": "  a  ",
    "another script": "Müller, Jürgen 李小龙 \U0001f600",
    "marks that turn the direction": "abc\u202eevil\u2066x",
    "lines of Unicode": "a\u2028b\u2029c",
    "the last character": "\U0010ffff",
}
REFUSED = {
    "NUL": "a\0b",
    "the end of a line, as Macintosh wrote it": "a\rb",
    "backspace": "a\bb",
    "vertical tab": "a\vb",
    "form feed": "a\fb",
    "escape": "a\x1b[2Jb",
    "delete": "a\x7fb",
    "next line": "a\x85b",
    "application command": "a\x9fb",
    "a lone surrogate": "a\ud800b",
    "a surrogate the wrong way round": "a\udc00\ud800b",
    "no character": "a\ufffeb",
    "no character either": "a\uffffb",
}


def only(root: ET.Element, name: str) -> ET.Element:
    """The one element of this name: there is no second."""
    [element] = root.iter(f"{SAML}{name}")
    return element


def read_by_expat(plan: AssertionPlan) -> ET.Element:
    """The signed document as another parser than ours reads it."""
    return ET.fromstring(build_and_sign(plan, signing_key()).document)  # noqa: S314 - our own document


def outline(root: ET.Element) -> list[str]:
    """The names of all elements in their order: what an injection would change."""
    return [element.tag for element in root.iter()]


@pytest.mark.attack("RQ-11")
@pytest.mark.parametrize("hostile", ESCAPED.values(), ids=ESCAPED)
@pytest.mark.parametrize("place", PLACES)
def test_markup_in_a_value_stays_text(place: str, hostile: str) -> None:
    """The value is read back as it was, and the document has the same elements as with a harmless one."""
    put, read = PLACES[place]
    root = read_by_expat(put(a_plan(now=NOW), hostile))
    assert read(root) == hostile
    assert outline(root) == outline(read_by_expat(put(a_plan(now=NOW), "harmless")))


@pytest.mark.attack("RQ-11")
@pytest.mark.parametrize("hostile", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("place", PLACES)
def test_what_xml_cannot_carry_is_refused_by_name(place: str, hostile: str) -> None:
    """Nothing is signed, dropped or replaced; without the one character the statement is made."""
    put, read = PLACES[place]
    with pytest.raises(UnlawfulValue) as refusal:
        build_and_sign(put(a_plan(now=NOW), hostile), signing_key())
    assert "U+" in refusal.value.cause
    assert hostile not in refusal.value.told
    lawful = f"a{hostile[-1]}"
    assert read(read_by_expat(put(a_plan(now=NOW), lawful))) == lawful


@pytest.mark.attack("RQ-11")
@pytest.mark.parametrize("place", [place for place in PLACES if place != "Issuer"])
def test_a_megabyte_is_refused_before_it_is_signed(place: str) -> None:
    """A value of a megabyte makes no statement; one of a kilobyte does."""
    put, read = PLACES[place]
    with pytest.raises(StatementTooLarge):
        build_and_sign(put(a_plan(now=NOW), "x" * 1_000_000), signing_key())
    assert read(read_by_expat(put(a_plan(now=NOW), "x" * 1_000))) == "x" * 1_000


@pytest.mark.attack("RQ-11")
@settings(max_examples=300, deadline=None)
@given(
    place=st.sampled_from(sorted(PLACES)),
    text=st.text(st.characters(categories=None, codec=None), max_size=60)
    | st.text(st.sampled_from("<>&'\"[]!-;#x \t\n\r\0\x85\ud800\ufffeaé"), max_size=40),
)
def test_any_text_is_read_back_identically_or_refused(place: str, text: str) -> None:
    """There is no third outcome: a value is what it was, or there is no statement."""
    put, read = PLACES[place]
    try:
        root = read_by_expat(put(a_plan(now=NOW), text))
    except UnlawfulValue:
        return
    assert (read(root) or "") == text


@pytest.mark.attack("RQ-11")
@pytest.mark.parametrize("hostile", ESCAPED.values(), ids=ESCAPED)
def test_another_program_verifies_what_was_escaped(hostile: str) -> None:
    """xmlsec1 finds both signatures over the escaped value good, and not over one letter more."""
    plan, key = a_plan(now=NOW, name_id=hostile), signing_key()
    document = build_and_sign(plan, key).document
    for node in (plan.ids.response, plan.ids.assertion):
        assert xmlsec1_accepts(document, key.certificate, node=node)
        changed = document.replace(b"</saml:NameID>", b"x</saml:NameID>")
        assert not xmlsec1_accepts(changed, key.certificate, node=node)


def test_the_moment_of_these_tests_is_in_force() -> None:
    """Otherwise every refusal above would prove nothing."""
    key = signing_key()
    assert key.valid_from < NOW < key.valid_until - timedelta(days=1)
