"""SX-01: signature wrapping. A genuine signature stays in the document, and something else is to be believed."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from lxml import etree

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-01")

RESPONSE, ASSERTION = f"{{{forge.SAMLP}}}Response", f"{{{forge.SAML}}}Assertion"
SIGNATURE, ISSUER = f"{{{forge.DS}}}Signature", f"{{{forge.SAML}}}Issuer"


def without_signature(element: etree._Element) -> etree._Element:
    copy = deepcopy(element)
    for signature in copy.findall(SIGNATURE):
        copy.remove(signature)
    return copy


def evil_assertion(original: etree._Element) -> etree._Element:
    """The original's twin for another person and role, without a signature."""
    evil = without_signature(original)
    evil.set("ID", "_evil")
    for value in evil.iter(f"{{{forge.SAML}}}AttributeValue"):
        value.text = (value.text or "").replace("ada@", "eve@")
    return evil


def parts(document: bytes) -> tuple[etree._Element, etree._Element, etree._Element]:
    root = etree.fromstring(document)
    (assertion,) = root.findall(ASSERTION)
    return root, assertion, next(root.iter(SIGNATURE))


def into_object(signature: etree._Element, content: etree._Element) -> None:
    etree.SubElement(signature, f"{{{forge.DS}}}Object").append(content)


def evil_response(root: etree._Element) -> etree._Element:
    evil = without_signature(root)
    evil.set("ID", "_evil_response")
    assertion = evil.find(ASSERTION)
    assert assertion is not None
    evil.replace(assertion, evil_assertion(assertion))
    return evil


def xsw1(document: bytes) -> etree._Element:
    """A new response takes over the signature, which holds the original response."""
    root, _, signature = parts(document)
    evil = evil_response(root)
    signature = deepcopy(signature)
    evil.insert(1, signature)
    signature.append(without_signature(root))
    return evil


def xsw2(document: bytes) -> etree._Element:
    """A new response holds the original response and beside it the signature."""
    root, _, signature = parts(document)
    evil = evil_response(root)
    evil.insert(1, deepcopy(signature))
    evil.insert(1, without_signature(root))
    return evil


def xsw3(document: bytes) -> etree._Element:
    """A forged assertion stands before the original one."""
    root, assertion, _ = parts(document)
    root.insert(root.index(assertion), evil_assertion(assertion))
    return root


def xsw4(document: bytes) -> etree._Element:
    """A forged assertion holds the original one."""
    root, assertion, _ = parts(document)
    evil = evil_assertion(assertion)
    root.replace(assertion, evil)
    evil.append(assertion)
    return root


def xsw5(document: bytes) -> etree._Element:
    """A forged assertion takes over the signature; the original one follows at the end."""
    root, assertion, signature = parts(document)
    evil = evil_assertion(assertion)
    evil.insert(1, deepcopy(signature))
    root.replace(assertion, evil)
    root.append(without_signature(assertion))
    return root


def xsw6(document: bytes) -> etree._Element:
    """A forged assertion takes over the signature, which holds the original one."""
    root, assertion, signature = parts(document)
    evil, taken = evil_assertion(assertion), deepcopy(signature)
    evil.insert(1, taken)
    taken.append(without_signature(assertion))
    root.replace(assertion, evil)
    return root


def xsw7(document: bytes) -> etree._Element:
    """The original assertion hides in Extensions, a forged one stands in its place."""
    root, assertion, _ = parts(document)
    extensions = etree.Element(f"{{{forge.SAMLP}}}Extensions")
    root.insert(1, extensions)
    root.replace(assertion, evil_assertion(assertion))
    extensions.append(assertion)
    return root


def xsw7b(document: bytes) -> etree._Element:
    """A forged assertion hides in Extensions before the original one."""
    root, assertion, _ = parts(document)
    extensions = etree.Element(f"{{{forge.SAMLP}}}Extensions")
    extensions.append(evil_assertion(assertion))
    root.insert(1, extensions)
    return root


def xsw8(document: bytes) -> etree._Element:
    """A forged assertion takes over the signature, with the original one in an Object of it."""
    root, assertion, signature = parts(document)
    evil, taken = evil_assertion(assertion), deepcopy(signature)
    evil.insert(1, taken)
    into_object(taken, without_signature(assertion))
    root.replace(assertion, evil)
    return root


def advice(document: bytes) -> etree._Element:
    """The original assertion is only advice to a forged one."""
    root, assertion, _ = parts(document)
    evil = evil_assertion(assertion)
    root.replace(assertion, evil)
    etree.SubElement(evil, f"{{{forge.SAML}}}Advice").append(assertion)
    return root


def status_detail(document: bytes) -> etree._Element:
    """The original assertion hides in StatusDetail."""
    root, assertion, _ = parts(document)
    root.replace(assertion, evil_assertion(assertion))
    status = root.find(f"{{{forge.SAMLP}}}Status")
    assert status is not None
    etree.SubElement(status, f"{{{forge.SAMLP}}}StatusDetail").append(assertion)
    return root


def lifted_signature(document: bytes) -> etree._Element:
    """The signature is lifted to the other level: from the assertion to the response, or the reverse."""
    root, assertion, signature = parts(document)
    above = signature.getparent() is root
    evil = evil_assertion(assertion)
    lifted = deepcopy(signature)
    root = without_signature(root)
    for old in root.findall(ASSERTION):
        root.replace(old, evil)
    (evil if above else root).insert(1, lifted)
    return root


def kept_identifier(document: bytes) -> etree._Element:
    """A forged assertion keeps the signature and the identifier; the original one is gone."""
    root, assertion, signature = parts(document)
    evil = evil_assertion(assertion)
    evil.set("ID", assertion.get("ID") or "")
    evil.insert(1, deepcopy(signature))
    root.replace(assertion, evil)
    return root


ATTACKS = (
    xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw7b, xsw8, advice, status_detail, lifted_signature, kept_identifier,
)  # fmt: skip


@pytest.mark.parametrize("prefixed", [True, False], ids=["prefixes", "default-namespaces"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_wrapped_statement_is_refused(
    attack: Callable[[bytes], etree._Element], mode: str, stand: Stand, *, prefixed: bool
) -> None:
    """Wherever the signed part is moved and whatever stands in its place, the statement is refused."""
    text = forge.Statement().xml()
    document = forge.signed(text if prefixed else forge.without_prefixes(text), mode)
    refusal = stand.refused(etree.tostring(attack(document)))
    assert refusal.code == "InvalidIdentityToken"
    assert refusal.reason.startswith(("saml.structure.", "saml.sig."))
    stand.accepted(document)


def test_a_wrapped_statement_is_refused_for_its_shape(stand: Stand) -> None:
    """The eight classic wrappings never reach the code that checks signatures."""
    document = forge.signed(forge.Statement(), "assertion")
    for attack in (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw7b, xsw8, advice, status_detail):
        reason = stand.refused(etree.tostring(attack(document))).reason
        assert reason.startswith(("saml.structure.", "saml.sig.content.", "saml.sig.reference_uri")), attack
    stand.accepted(document)
