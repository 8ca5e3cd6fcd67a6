"""SX-10: documents that two parsers, or a parser and a canonicaliser, read differently."""

import base64
import hashlib

import pytest
from lxml import etree

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-10")

DOCTYPES = {
    "empty": "<!DOCTYPE Response>",
    "entity": '<!DOCTYPE Response [<!ENTITY a "eve">]>',
    "external": '<!DOCTYPE Response SYSTEM "http://127.0.0.1:9/x.dtd">',
    "parameter": '<!DOCTYPE Response [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    "default-attribute": '<!DOCTYPE Response [<!ATTLIST Response Destination CDATA "x">]>',
    "hidden-document": '<!DOCTYPE Response [<!ENTITY x "]><!--">]><!-- "> -->',
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_a_document_type_is_refused(doctype: str, mode: str, stand: Stand) -> None:
    """A document type is refused, whatever it declares or hides."""
    document = forge.signed(forge.Statement(), mode).decode()
    assert stand.refused(doctype + document).reason == "saml.structure.markup_declaration"
    stand.accepted(document)


@pytest.mark.parametrize("name", ["urn:x\u0080", "urn:x\u00e9", "http://exa\u0080mple.test/"])
def test_a_namespace_with_other_than_plain_signs_is_refused(name: str, stand: Stand) -> None:
    """A namespace that one parser cuts at a strange sign and another keeps is refused."""
    document = forge.signed(forge.Statement(), "assertion").decode()
    odd = document.replace("<samlp:Response ", f'<samlp:Response xmlns:x="{name}" ', 1)
    assert stand.refused(odd).reason in {"saml.structure.namespace", "saml.structure.not_xml"}
    detail = f'<samlp:StatusDetail xmlns:x="{name}"/></samlp:Status>'
    hidden = document.replace("</samlp:Status>", detail)
    assert stand.refused(hidden).reason in {"saml.structure.namespace", "saml.structure.not_xml"}
    stand.accepted(document.replace("<samlp:Response ", '<samlp:Response xmlns:x="urn:xe" ', 1))


def test_void_canonicalisation_is_refused(mode: str, stand: Stand) -> None:
    """A relative namespace makes some canonicalisers give nothing; the digest of nothing is no digest of us."""
    document = forge.signed(forge.Statement(), mode).decode()
    empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    start = document.index("<ds:DigestValue>") + len("<ds:DigestValue>")
    end = document.index("</ds:DigestValue>")
    voided = document[:start] + empty + document[end:]
    assert stand.refused(voided).reason == "saml.sig.invalid"
    relative = voided.replace("<samlp:Response ", '<samlp:Response xmlns:ns="1" ', 1)
    assert stand.refused(relative).reason == "saml.structure.namespace"
    stand.accepted(document)


def test_an_empty_default_namespace_is_refused(stand: Stand) -> None:
    """Taking the default namespace away is refused, though it changes nothing here."""
    document = forge.signed(forge.Statement(), "assertion").decode()
    assert stand.refused(document.replace("<samlp:Status>", '<samlp:Status xmlns="">', 1)).reason == (
        "saml.structure.namespace"
    )
    stand.accepted(document)


@pytest.mark.parametrize("name", ["Status", "StatusMessage", "LogoutResponse", "AuthnRequest"])
def test_another_root_than_a_response_is_refused(name: str, mode: str, stand: Stand) -> None:
    """Only a response is read, not a part of one and no other message, though it holds a signed one."""
    document = forge.signed(forge.Statement(), mode).decode()
    bare = f'<samlp:{name} xmlns:samlp="{forge.SAMLP}"/>'
    around = bare.replace("/>", f">{document}</samlp:{name}>")
    assert stand.refused(bare).reason.startswith("saml.structure.")
    assert stand.refused(around).reason.startswith("saml.structure.")
    stand.accepted(document)


def test_an_assertion_alone_is_refused(stand: Stand) -> None:
    """STS wants the whole response; the signed assertion by itself is none."""
    document = forge.signed(forge.Statement(), "assertion")
    (assertion,) = etree.fromstring(document).iterfind(f"{{{forge.SAML}}}Assertion")
    assert stand.refused(etree.tostring(assertion)).reason == "saml.structure.root"
    stand.accepted(document)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document + b"<x/>",
        lambda document: document + b"text",
        lambda document: b"text" + document,
        lambda document: document[:-1],
        lambda document: document.replace(b"ada@", b"&ada;@"),
        lambda document: document[:0],
    ],
    ids=["two-roots", "text-after", "text-before", "cut", "entity", "nothing"],
)
def test_what_is_not_one_document_is_refused(spoil: object, stand: Stand) -> None:
    """Text around the root, two roots, a cut end and an unknown entity are refused."""
    document = forge.signed(forge.Statement(), "both")
    assert callable(spoil)
    refusal = stand.refused(spoil(document))
    assert refusal.reason in {"saml.structure.not_xml", "sts.validation"}
    stand.accepted(document + b"\n")
