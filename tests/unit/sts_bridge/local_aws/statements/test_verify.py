"""The second line behind the gate: what verification and reading refuse on their own."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.statements.claims import read_claims
from sts_bridge.local_aws.statements.gate import GatedStatement
from sts_bridge.local_aws.statements.metadata import read_metadata
from sts_bridge.local_aws.statements.verify import verify
from tests.attacks import forge

PROVIDER = read_metadata(forge.metadata(forge.ISSUER, forge.key_pair().certificate_text))


def passed(document: bytes, *, response: bool, assertion: bool) -> GatedStatement:
    """A document as if the gate had let it through."""
    return GatedStatement(document, response, assertion, ())


def reason(statement: GatedStatement) -> str:
    with pytest.raises(AwsError) as refusal:
        verify(statement, provider=PROVIDER, now=datetime.now(UTC))
    return refusal.value.reason


def test_a_signature_that_covers_another_element_is_refused() -> None:
    """A signature on the response over the assertion covers no response, though it holds."""
    root = etree.fromstring(forge.signed(forge.Statement(), "response"))
    (assertion,) = root.iterfind(f"{{{forge.SAML}}}Assertion")
    root[1] = forge.make_signature(assertion)
    document = etree.tostring(root)
    assert reason(passed(document, response=True, assertion=False)) == "saml.sig.coverage"
    honest = passed(forge.signed(forge.Statement(), "response"), response=True, assertion=False)
    assert verify(honest, provider=PROVIDER, now=datetime.now(UTC)).response_is_signed


@pytest.mark.parametrize(
    "signing",
    [
        forge.Signing(algorithm=f"{forge.DS}rsa-sha1", hash_name="sha1"),
        forge.Signing(digest=f"{forge.DS}sha1", digest_name="sha1"),
        forge.Signing(algorithm=f"{forge.MORE}hmac-sha256", secret=b"x"),
        forge.Signing(algorithm="urn:x"),
        forge.Signing(uri=""),
        forge.Signing(uri="#_nobody"),
        forge.Signing(edit=lambda text: text.replace("ds:Reference", "ds:Nothing")),
    ],
    ids=["rsa-sha1", "digest-sha1", "hmac", "unknown", "whole-document", "nobody", "no-reference"],
)  # fmt: skip
def test_what_the_gate_would_stop_does_not_verify_either(signing: forge.Signing) -> None:
    """Weak algorithms and odd references are refused a second time, where the signature is checked."""
    document = forge.signed(forge.Statement(), "assertion", signing)
    assert reason(passed(document, response=False, assertion=True)) in {
        "saml.sig.invalid",
        "saml.sig.coverage",
    }
    honest = passed(forge.signed(forge.Statement(), "assertion"), response=False, assertion=True)
    assert not verify(honest, provider=PROVIDER, now=datetime.now(UTC)).response_is_signed


def test_text_with_an_element_inside_is_not_read() -> None:
    """A value that holds an element is refused, neither cut off nor joined."""
    text = forge.Statement().xml()
    root = etree.fromstring(text.replace(">a1b2c3<", ">a1<saml:b/>b2c3<"))
    (assertion,) = root.iterfind(f"{{{forge.SAML}}}Assertion")
    with pytest.raises(AwsError):
        read_claims(assertion)
    (honest,) = etree.fromstring(text).iterfind(f"{{{forge.SAML}}}Assertion")
    assert read_claims(honest).name_id == "a1b2c3"
