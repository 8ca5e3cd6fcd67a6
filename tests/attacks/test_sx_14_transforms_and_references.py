"""SX-14: transforms that compute, and references that point elsewhere, too often or nowhere."""

import re
from collections.abc import Callable

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-14")

INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED, EXCLUSIVE = forge.ENVELOPED, forge.EXCLUSIVE
TRANSFORMS = {
    "xpath": (ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116"),
    "xpath-filter2": (ENVELOPED, "http://www.w3.org/2002/06/xmldsig-filter2"),
    "xslt": (ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116"),
    "base64": (ENVELOPED, f"{forge.DS}base64"),
    "decrypt": (ENVELOPED, "http://www.w3.org/2002/07/decrypt#XML"),
    "inclusive": (ENVELOPED, INCLUSIVE),
    "inclusive-comments": (ENVELOPED, f"{INCLUSIVE}#WithComments"),
    "exclusive-comments": (ENVELOPED, f"{EXCLUSIVE}WithComments"),
    "c14n-1.1": (ENVELOPED, "http://www.w3.org/2006/12/xml-c14n11"),
    "three": (ENVELOPED, EXCLUSIVE, EXCLUSIVE),
    "reversed": (EXCLUSIVE, ENVELOPED),
    "enveloped-alone": (ENVELOPED,),
    "exclusive-alone": (EXCLUSIVE,),
    "enveloped-twice": (ENVELOPED, ENVELOPED),
    "none": (),
}


@pytest.mark.parametrize("transforms", TRANSFORMS.values(), ids=TRANSFORMS)
def test_other_transforms_are_refused(transforms: tuple[str, ...], mode: str, stand: Stand) -> None:
    """Exactly the two transforms of the profile, in their order."""
    refusal = stand.refused(forge.signed(forge.Statement(), mode, forge.Signing(transforms=transforms)))
    assert refusal.message == "Response signature invalid"
    assert refusal.reason in {"saml.sig.transforms", "saml.sig.content.Transforms"}
    stand.accepted(forge.signed(forge.Statement(), mode))


@pytest.mark.parametrize(
    "content",
    [
        "<ds:XPath>count(//*)</ds:XPath>",
        "<ds:XPath>here()/ancestor::*</ds:XPath>",
        '<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0"/>',
    ],
)
def test_a_transform_with_a_program_in_it_is_refused(content: str, mode: str, stand: Stand) -> None:
    """A lawful transform with something to compute inside is refused unread."""

    def put_in(text: str) -> str:
        lawful = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'
        assert lawful in text
        return text.replace(lawful, lawful.replace("/>", f">{content}</ds:Transform>"))

    refusal = stand.refused(forge.signed(forge.Statement(), mode, forge.Signing(edit=put_in)))
    assert refusal.reason in {"saml.sig.content.Transform", "saml.structure.unknown_element"}
    stand.accepted(forge.signed(forge.Statement(), mode))


@pytest.mark.parametrize(
    "canonicalization",
    [INCLUSIVE, f"{EXCLUSIVE}WithComments", "http://www.w3.org/2006/12/xml-c14n11", "urn:x"],
)
def test_another_canonical_form_of_signed_info_is_refused(
    canonicalization: str, mode: str, stand: Stand
) -> None:
    """SignedInfo is canonicalised exclusively and without comments."""
    signing = forge.Signing(canonicalization=canonicalization)
    assert stand.refused(forge.signed(forge.Statement(), mode, signing)).reason == "saml.sig.canonicalization"
    stand.accepted(forge.signed(forge.Statement(), mode))


@pytest.mark.parametrize(
    "uri",
    [
        "", "#", "#_other", "#_response2", "#xpointer(id('_assertion1'))", "#xpointer(/)", "http://127.0.0.1:9/x",
        "file:///etc/passwd", "cid:x", "#_assertion1 ", "_assertion1", "#_ASSERTION1",
    ],
)  # fmt: skip
def test_a_reference_to_anything_but_the_parent_is_refused(uri: str, mode: str, stand: Stand) -> None:
    """A signature refers to the element it stands in, by its identifier."""
    refusal = stand.refused(forge.signed(forge.Statement(), mode, forge.Signing(uri=uri)))
    assert (refusal.message, refusal.reason) == ("Response signature invalid", "saml.sig.reference_uri")
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_a_reference_to_the_other_signed_element_is_refused(stand: Stand) -> None:
    """The response's signature cannot point at the assertion, nor the assertion's at the response."""
    for mode, uri in (("response", "#_assertion1"), ("assertion", "#_response1")):
        crossed = forge.signed(forge.Statement(), mode, forge.Signing(uri=uri))
        assert stand.refused(crossed).reason == "saml.sig.reference_uri"
        stand.accepted(forge.signed(forge.Statement(), mode))


def no_uri(text: str) -> str:
    """SignedInfo without the attribute URI."""
    return re.sub(r' URI="[^"]*"', "", text)


def repeated(times: int) -> Callable[[str], str]:
    """SignedInfo with its reference so many times."""

    def repeat(text: str) -> str:
        return re.sub(r"<ds:Reference.*</ds:Reference>", lambda found: found.group() * times, text)

    return repeat


@pytest.mark.parametrize("times", [0, 2, 20, 150])
def test_any_number_of_references_but_one_is_refused(times: int, mode: str, stand: Stand) -> None:
    """One signature has one reference, though the signature holds over all of them."""
    document = forge.signed(forge.Statement(), mode, forge.Signing(edit=repeated(times)))
    refusal = stand.refused(document)
    assert refusal.reason in {"saml.sig.reference_count", "sts.validation"}
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_a_reference_without_a_uri_is_refused(mode: str, stand: Stand) -> None:
    """A reference that names nothing is refused."""
    document = forge.signed(forge.Statement(), mode, forge.Signing(edit=no_uri))
    assert stand.refused(document).reason == "saml.structure.attributes"
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_as_many_references_as_fit_are_refused_at_once(stand: Stand) -> None:
    """Five thousand references, and as many small ones as the size allows, cost next to nothing."""
    full = forge.signed(forge.Statement(), "assertion", forge.Signing(edit=repeated(5_000)))
    small = "<ds:Reference/>" * 4_600
    within = forge.signed(forge.Statement(), "assertion").decode()
    within = within.replace("</ds:SignedInfo>", small + "</ds:SignedInfo>")
    assert len(forge.encode(within)) <= 100_000
    for document, code in ((full, "RequestEntityTooLarge"), (within.encode(), "InvalidIdentityToken")):
        before = stand.aws.cpu_seconds()
        assert stand.refused(document).code == code
        assert stand.aws.cpu_seconds() - before <= 0.1
    stand.accepted(forge.signed(forge.Statement(), "assertion"))


@pytest.mark.parametrize("prefixes", ["#default", "xs&#9;x", "", "a " * 40, "\u00e9"])
def test_an_odd_prefix_list_is_refused(prefixes: str, stand: Stand) -> None:
    """InclusiveNamespaces names plain prefixes; OpenSAML's habit of one is taken."""

    def put_in(names: str) -> Callable[[str], str]:
        listed = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{names}"/>'
        lawful = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'
        return lambda text: text.replace(lawful, lawful.replace("/>", f">{listed}</ds:Transform>"))

    odd = forge.signed(forge.Statement(), "assertion", forge.Signing(edit=put_in(prefixes)))
    assert stand.refused(odd).reason == "saml.sig.prefix_list"
    stand.accepted(forge.signed(forge.Statement(), "assertion", forge.Signing(edit=put_in("xs"))))
