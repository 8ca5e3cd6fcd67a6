"""Pasted messages made readable: every form, what is wrong with each, and nothing that is believed or fetched."""

import base64
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from idp.saml.reading import NothingToRead, readable
from idp.saml.responses import build_and_sign
from tests.service_provider import Request, enveloped, key, query
from tests.statements import a_plan, signing_key

REQUEST = Request("https://sp.example.test", "https://idp.example.test/saml/sso/post", id="_1").xml()


def forms() -> dict[str, str]:
    """One request in every form in which people paste."""
    coded = base64.b64encode(REQUEST.encode()).decode()
    text = query(REQUEST, by=None, relay_state="x")
    return {
        "xml": REQUEST,
        "base64": coded,
        "base64-in-lines": "\n".join(coded[start : start + 60] for start in range(0, len(coded), 60)),
        "form": f"SAMLRequest={quote(coded, safe='')}&RelayState=x",
        "query": text,
        "address": f"https://idp.example.test/saml/sso/redirect?{text}",
    }


@pytest.mark.parametrize("pasted", forms().values(), ids=forms())
def test_every_form_is_read(pasted: str) -> None:
    """The same request, and the same to say about it."""
    found = readable(pasted)
    assert found.kind == "AuthnRequest"
    facts = dict(found.facts)
    assert (facts["ID"], facts["Issuer"]) == ("_1", "https://sp.example.test")
    assert "<saml:Issuer>https://sp.example.test</saml:Issuer>" in found.text
    assert any("nothing here was verified" in problem for problem in found.problems)
    assert any("no signature" in problem for problem in found.problems)


def test_what_our_gate_thinks_is_told() -> None:
    """A message that we would refuse is shown with the reason; a good one without."""
    lie = REQUEST.replace("<saml:Issuer>", "<samlp:Evil/><saml:Issuer>")
    assert any("saml.structure.AuthnRequest" in problem for problem in readable(lie).problems)
    assert not any("gate" in problem for problem in readable(REQUEST).problems)
    signed = readable(enveloped(REQUEST, key()).decode())
    assert ("Signature", "over AuthnRequest") in signed.facts


def test_our_own_responses_are_read() -> None:
    """For whom, until when, and by which algorithm."""
    made = build_and_sign(a_plan(now=datetime(2026, 3, 2, 9, 30, tzinfo=UTC)), signing_key())
    found = readable(made.base64_text)
    assert found.kind == "Response"
    assert ("Audience", "urn:amazon:webservices") in found.facts
    assert ("Conditions NotOnOrAfter", "2026-03-02T09:35:00Z") in found.facts


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "hello",
        "aGVsbG8=",
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><x/>',
        "<x>",
        "<x/>" * 2,
        "x" * 400_001,
        base64.b64encode(b"<x>\0</x>").decode(),
    ],
)
def test_what_is_no_message_is_refused(pasted: str) -> None:
    """Before anything could be fetched or expanded."""
    with pytest.raises(NothingToRead):
        readable(pasted)
