"""RQ-05: a posted message is what its signature covers; every other shape is refused before libxmlsec1 sees it."""

import re
from collections.abc import Callable

import pytest

from tests.attacks.service_door import ServiceDoor
from tests.service_provider import enveloped, form, key, new_id

pytestmark = pytest.mark.attack("RQ-05")

C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
Change = Callable[[str], str]


def swap(old: str, new: str, *, count: int = 1) -> Change:
    """The document with one text in place of another, which must be there."""

    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, count)

    return change


def rewrite(pattern: str, new: str | Callable[[re.Match[str]], str]) -> Change:
    """The same by a pattern."""

    def change(text: str) -> str:
        changed, number = re.subn(pattern, new, text, count=1, flags=re.DOTALL)
        assert number == 1, pattern
        return changed

    return change


XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
SIGNATURE = r"<ds:Signature .*?</ds:Signature>"
ENVELOPED = '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
EXCLUSIVE = f'<ds:Transform Algorithm="{C14N}"/>'


def wrapped(text: str) -> str:
    """The genuine message inside an evil one that claims its signature."""
    evil = re.sub(SIGNATURE, "", text).replace('ID="', 'ID="_evil', 1)
    return evil.replace(
        "</samlp:AuthnRequest>", f"<samlp:Extensions>{text}</samlp:Extensions></samlp:AuthnRequest>"
    )


def wrapped_in_object(text: str) -> str:
    """The genuine message inside an Object of its own signature, moved to an evil one."""
    [signature] = re.findall(SIGNATURE, text, flags=re.DOTALL)
    genuine = re.sub(SIGNATURE, "", text, flags=re.DOTALL)
    holding = signature.replace("</ds:Signature>", f"<ds:Object>{genuine}</ds:Object></ds:Signature>")
    return text.replace(signature, holding).replace('ID="', 'ID="_evil', 1)


def signature_last(text: str) -> str:
    """The signature at the end, behind what belongs behind it."""
    [signature] = re.findall(SIGNATURE, text, flags=re.DOTALL)
    end = "</samlp:AuthnRequest>"
    return text.replace(signature, "<samlp:NameIDPolicy/>").replace(end, signature + end)


def broken(found: re.Match[str]) -> str:
    """The value with another first character."""
    return f"<ds:SignatureValue>{'B' if found[1] == 'A' else 'A'}"


SHAPES: dict[str, tuple[Change, str]] = {
    "bad-transform": (swap(EXCLUSIVE, EXCLUSIVE.replace(C14N, XSLT)), "transforms"),
    "xpath": (swap(EXCLUSIVE, EXCLUSIVE.replace(C14N, XPATH)), "transforms"),
    "inclusive": (swap(EXCLUSIVE, EXCLUSIVE.replace(C14N, INCLUSIVE)), "transforms"),
    "with-comments": (swap(EXCLUSIVE, EXCLUSIVE.replace(C14N, C14N + "WithComments")), "transforms"),
    "transforms-turned": (swap(ENVELOPED + EXCLUSIVE, EXCLUSIVE + ENVELOPED), "transforms"),
    "missing-enveloped": (swap(ENVELOPED, ""), "content"),
    "too-many-transforms": (swap(EXCLUSIVE, EXCLUSIVE * 2), "content"),
    "no-transforms": (rewrite(r"<ds:Transforms>.*?</ds:Transforms>", ""), "content"),
    "bad-uri": (rewrite(r'URI="#[^"]*"', 'URI="#other"'), "reference"),
    "empty-uri": (rewrite(r'URI="#[^"]*"', 'URI=""'), "reference"),
    "non-local-uri": (rewrite(r'URI="#[^"]*"', 'URI="http://evil.test/x"'), "reference"),
    "xpointer": (rewrite(r'URI="#([^"]*)"', r"""URI="#xpointer(id('\1'))" """), "reference"),
    "file-uri": (rewrite(r'URI="#[^"]*"', 'URI="file:///etc/passwd"'), "reference"),
    "two-references": (rewrite(r"(<ds:Reference .*?</ds:Reference>)", r"\1\1"), "content"),
    "many-references": (rewrite(r"<ds:Reference .*?</ds:Reference>", lambda found: found[0] * 60), "content"),
    "no-reference": (rewrite(r"<ds:Reference .*?</ds:Reference>", ""), "content"),
    "two-signatures": (rewrite(f"({SIGNATURE})", r"\1\1"), "structure"),
    "signature-last": (signature_last, "structure"),
    "empty-value": (rewrite(r"(<ds:SignatureValue>).*?(</ds:SignatureValue>)", r"\1\2"), "value"),
    "two-values": (rewrite(r"(<ds:SignatureValue>.*?</ds:SignatureValue>)", r"\1\1"), "content"),
    "two-signed-infos": (rewrite(r"(<ds:SignedInfo>.*?</ds:SignedInfo>)", r"\1\1"), "content"),
    "element-in-digest": (swap("</ds:DigestValue>", "<x/></ds:DigestValue>"), "structure"),
    "object": (swap("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"), "content"),
    "retrieval-method": (
        rewrite(r"<ds:X509Data>.*?</ds:X509Data>", '<ds:RetrievalMethod URI="http://evil.test/"/>'),
        "content",
    ),
    "key-value": (rewrite(r"<ds:X509Data>.*?</ds:X509Data>", "<ds:KeyValue/>"), "content"),
    "key-name-behind": (swap("</ds:X509Data>", "</ds:X509Data><ds:KeyName>x</ds:KeyName>"), "content"),
    "element-in-key-name": (
        swap("<ds:X509Data>", "<ds:KeyName><ds:X509Data/></ds:KeyName><ds:X509Data>"),
        "structure",
    ),
    "sha1": (swap("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"), "algorithm"),
    "hmac": (swap("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256"), "algorithm"),
    "sha1-digest": (swap("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"), "digest"),
    "id-of-signature": (swap("<ds:Signature ", '<ds:Signature Id="x" '), "structure"),
    "second-id": (rewrite(r'ID="([^"]*)"', r'ID="\1" id="\1"'), "structure"),
    "xml-id": (swap("<saml:Issuer>", '<saml:Issuer xml:id="x">'), "structure"),
    "wrapped": (wrapped, "structure"),
    "wrapped-in-object": (wrapped_in_object, "content"),
    "tampered-attribute": (swap(' Version="2.0"', ' Version="2.0" ForceAuthn="true"'), "invalid"),
    "tampered-content": (
        swap("</samlp:AuthnRequest>", "<samlp:NameIDPolicy/></samlp:AuthnRequest>"),
        "invalid",
    ),
    "tampered-whitespace": (swap("</saml:Issuer>", "</saml:Issuer>\n"), "invalid"),
    "broken-value": (rewrite(r"<ds:SignatureValue>(.)", broken), "invalid"),
}


@pytest.mark.parametrize(("change", "reason"), SHAPES.values(), ids=SHAPES)
def test_only_the_one_shape_is_read(change: Change, reason: str, door: ServiceDoor) -> None:
    """Made from a freshly signed message; that message itself is accepted."""
    document = enveloped(door.request("post").xml(), door.providers.signing.key).decode()
    lie = change(document)
    assert lie != document
    found = door.refused(lambda: door.bring_form(form(lie)))
    assert found.startswith("saml.structure." if reason == "structure" else f"saml.signature.{reason}"), found
    door.accepted(lambda: door.bring_form(form(document)))


def test_what_it_says_of_keys_is_not_read(door: ServiceDoor) -> None:
    """Names of keys, as OpenSAML writes them, do no harm and no good: the registered key alone decides."""
    names = (
        "<ds:KeyName>{0}</ds:KeyName><ds:KeyName>CN={0}</ds:KeyName><ds:X509Data><ds:X509SubjectName>CN={0}"
    )
    names += "</ds:X509SubjectName>"
    genuine = enveloped(door.request("post").xml(), door.providers.signing.key).decode()
    foreign = enveloped(door.request("post").xml(), key("stranger")).decode()
    for name in ("sp", "http://evil.test/key", "../../etc/passwd"):
        lie = foreign.replace("<ds:X509Data>", names.format(name), 1)
        assert door.refused(lambda: door.bring_form(form(lie))) == "saml.signature.invalid"  # noqa: B023 - called at once
    door.accepted(
        lambda: door.bring_form(form(genuine.replace("<ds:X509Data>", names.format("stranger"), 1)))
    )


def test_what_is_read_is_what_was_signed(door: ServiceDoor) -> None:
    """White space beside the signature is covered, and a prefix of another name is the same name."""
    request = door.request("post").but(content="\n  <samlp:NameIDPolicy AllowCreate='true'/>\n")
    document = enveloped(request.xml(), door.providers.signing.key)
    assert door.accepted(lambda: door.bring_form(form(document))).root.get("InResponseTo") == request.id
    other = door.request("post").but(id=new_id())
    renamed = other.xml().replace("samlp:", "p:").replace("xmlns:samlp", "xmlns:p")
    document = enveloped(renamed, door.providers.signing.key)
    assert door.accepted(lambda: door.bring_form(form(document))).root.get("InResponseTo") == other.id


def test_line_breaks_of_mime_are_let_in_and_nothing_else(door: ServiceDoor) -> None:
    """RFC 2045 breaks base64 at 76 characters; blanks and tabs break nothing."""
    fields = form(enveloped(door.request("post").xml(), door.providers.signing.key))
    text = fields["SAMLRequest"]
    lines = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    spaced = text[:76] + " " + text[76:]
    assert door.refused(lambda: door.bring_form({"SAMLRequest": spaced})) == "saml.binding.base64"
    door.accepted(lambda: door.bring_form({"SAMLRequest": lines}))
