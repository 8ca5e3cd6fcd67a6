"""SX-07: no signature, an emptied one, one of two that does not hold, and a provider without a key."""

import re

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-07")


def test_a_statement_without_a_signature_is_refused(stand: Stand) -> None:
    """What nobody signed is refused."""
    text = forge.Statement().xml()
    assert stand.refused(text).reason == "saml.sig.missing"
    stand.accepted(forge.signed(text, "assertion"))


@pytest.mark.parametrize(
    ("pattern", "put"),
    [
        (r"(<ds:Signature [^>]*>).*?(</ds:Signature>)", r"\1\2"),
        (r"(<ds:SignedInfo>).*?(</ds:SignedInfo>)", r"\1\2"),
        (r"<ds:Reference.*?</ds:Reference>", ""),
        (r"(<ds:SignatureValue>).*?(</ds:SignatureValue>)", r"\1\2"),
        (r"(<ds:SignatureValue>).*?(</ds:SignatureValue>)", r"\1 \n \2"),
        (r"(<ds:DigestValue>).*?(</ds:DigestValue>)", r"\1\2"),
        (r"(<ds:SignatureValue>).*?(</ds:SignatureValue>)", r"\1????\2"),
        (r"<ds:SignatureValue>.*?</ds:SignatureValue>", ""),
    ],
    ids=[
        "signature",
        "signed-info",
        "no-reference",
        "empty-value",
        "blank-value",
        "empty-digest",
        "no-base64",
        "no-value",
    ],
)
def test_an_emptied_signature_is_refused(pattern: str, put: str, mode: str, stand: Stand) -> None:
    """A signature from which something was taken away is refused before it is checked."""
    document = forge.signed(forge.Statement(), mode).decode()
    emptied = re.sub(pattern, put, document, count=1, flags=re.DOTALL)
    assert emptied != document
    refusal = stand.refused(emptied)
    assert refusal.message == "Response signature invalid"
    assert refusal.reason != "saml.sig.invalid"
    stand.accepted(document)


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
def test_one_of_two_signatures_that_does_not_hold_is_refused(which: int, stand: Stand) -> None:
    """Every signature must hold: a good one does not excuse a bad one."""
    document = forge.signed(forge.Statement(), "both").decode()
    values = list(re.finditer(r"(?<=<ds:SignatureValue>)[^<]+", document))
    spoiled = values[which].group()
    # The two first signs change, the form of base64 stays.
    other = ("AAAA" if spoiled[:4] != "AAAA" else "BBBB") + spoiled[4:]
    assert stand.refused(document.replace(spoiled, other)).reason == "saml.sig.invalid"
    stand.accepted(document)


@pytest.mark.parametrize("stranger", ["assertion", "response"])
def test_one_signature_of_a_stranger_is_refused(stranger: str, stand: Stand) -> None:
    """Assertion and response are both signed by the provider, not one of them by somebody else."""
    ours, theirs = forge.Signing(), forge.Signing(key=forge.key_pair("stranger"))

    def signed_by(inner: forge.Signing, outer: forge.Signing) -> bytes:
        return forge.signed(forge.signed(forge.Statement(), "assertion", inner).decode(), "response", outer)

    pair = (theirs, ours) if stranger == "assertion" else (ours, theirs)
    assert stand.refused(signed_by(*pair)).reason == "saml.sig.invalid"
    stand.accepted(signed_by(ours, ours))


def test_a_response_signature_is_also_required_to_hold_over_the_response(stand: Stand) -> None:
    """With both signed, a change of the response outside the assertion is refused."""
    document = forge.signed(forge.Statement(), "both").decode()
    changed = document.replace("<samlp:Status>", "<samlp:Status> ", 1)
    assert stand.refused(changed).reason == "saml.sig.invalid"
    stand.accepted(document)


@pytest.mark.parametrize("name", ["keyless", "expired", "weak", "dsa"])
def test_a_provider_without_a_key_that_may_verify_is_refused(name: str, stand: Stand) -> None:
    """No key, expired keys only, and keys too weak to count all refuse; none of them skips the check."""
    arn = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/{name}"
    kinds = {"weak": "rsa-1024", "dsa": "dsa-2048"}
    key = forge.key_pair(name, kinds.get(name, "rsa-2048"), **({"days": -1} if name == "expired" else {}))
    signing = forge.Signing(key=key)
    if name == "dsa":
        signing = forge.Signing(key=key, algorithm="http://www.w3.org/2009/xmldsig11#dsa-sha256")
    statement = forge.Statement().for_role(forge.ROLE, arn)
    for document in (forge.signed(statement, "both", signing), statement.xml().encode()):
        refusal = stand.refused(document, PrincipalArn=arn)
        assert refusal.message == "Response signature invalid"
        assert refusal.reason in {"saml.sig.no_key", "saml.sig.signature_algorithm"}
    rolling = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/rolling"
    stand.accepted(
        forge.signed(forge.Statement().for_role(forge.ROLE, rolling), "both"), PrincipalArn=rolling
    )


def test_each_registered_key_verifies_while_one_replaces_the_other(stand: Stand) -> None:
    """With two keys registered both are taken, and a third one is not."""
    rolling = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/rolling"
    statement = forge.Statement().for_role(forge.ROLE, rolling)
    for key in (forge.key_pair(), forge.key_pair("next", "rsa-3072")):
        stand.accepted(forge.signed(statement, "both", forge.Signing(key=key)), PrincipalArn=rolling)
    stranger = forge.Signing(key=forge.key_pair("stranger"))
    refusal = stand.refused(forge.signed(statement, "both", stranger), PrincipalArn=rolling)
    assert refusal.reason == "saml.sig.invalid"
