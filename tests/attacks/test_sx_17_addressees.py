"""SX-17: a genuine statement for somebody else, from somebody else, or in answer to nobody."""

from dataclasses import replace
from typing import Any

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-17")

OTHERS = (
    "http://127.0.0.1:8010/saml.evil", "http://127.0.0.1:8010/sam", "http://127.0.0.1:8010/SAML",
    "HTTP://127.0.0.1:8010/saml", "http://127.0.0.1:8010/saml/", "http://127.0.0.1:8010/saml?x", "",
    "http://127.0.0.1:8010.evil.test/saml", "http://127.0.0.1:80100/saml", " http://127.0.0.1:8010/saml",
    "https://signin.aws.amazon.com/saml",
)  # fmt: skip


@pytest.mark.parametrize("address", OTHERS)
def test_another_recipient_or_destination_is_refused(address: str, mode: str, stand: Stand) -> None:
    """Recipient and Destination are one of our addresses, sign for sign."""
    for name, reason in (("recipient", "saml.recipient"), ("destination", "saml.destination")):
        changes: dict[str, Any] = {name: address}
        wrong = replace(forge.Statement(), **changes)
        assert stand.refused(forge.signed(wrong, mode)).reason == reason
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_a_missing_address_is_refused(stand: Stand) -> None:
    """The recipient is always there, the destination wherever the response is signed."""
    nobody = replace(forge.Statement(), recipient=None)
    nowhere = replace(forge.Statement(), destination=None)
    assert stand.refused(forge.signed(nobody, "both")).reason == "saml.recipient"
    assert stand.refused(forge.signed(nowhere, "both")).reason == "saml.destination"
    assert stand.refused(forge.signed(nowhere, "response")).reason == "saml.destination"
    stand.accepted(forge.signed(nowhere, "assertion"))


@pytest.mark.parametrize(
    "restrictions",
    [
        (),
        (("urn:amazon:webservice",),),
        (("urn:amazon:webservices:govcloud",),),
        (("URN:AMAZON:WEBSERVICES",),),
        ((" urn:amazon:webservices",),),
        (("",),),
        ((forge.AUDIENCE,), ("urn:other",)),
        (("urn:other",), (forge.AUDIENCE,)),
    ],
)
def test_another_audience_is_refused(
    restrictions: tuple[tuple[str, ...], ...], mode: str, stand: Stand
) -> None:
    """Every restriction must name us; one that does not is enough to refuse."""
    refusal = stand.refused(forge.signed(replace(forge.Statement(), restrictions=restrictions), mode))
    assert (refusal.code, refusal.message, refusal.reason) == (
        "InvalidIdentityToken",
        "Response does not contain the required audience.",
        "saml.audience",
    )
    for lawful in (((forge.AUDIENCE,),), (("urn:other", forge.AUDIENCE), (forge.AUDIENCE,))):
        stand.accepted(forge.signed(replace(forge.Statement(), restrictions=lawful), mode))


@pytest.mark.parametrize("where", ["assertion", "response"])
@pytest.mark.parametrize(
    "issuer", [forge.PARTNER_ISSUER, "", f"{forge.ISSUER}/", forge.ISSUER.upper(), f" {forge.ISSUER}"]
)
def test_another_issuer_is_refused(issuer: str, where: str, mode: str, stand: Stand) -> None:
    """Both issuers are the one whose metadata was registered, though our key signed the statement."""
    changes: dict[str, Any] = {"issuer": issuer, "response_issuer": forge.ISSUER}
    if where == "response":
        text = forge.Statement().xml().replace(f">{forge.ISSUER}<", f">{issuer}<", 1)
    else:
        text = replace(forge.Statement(), **changes).xml()
    refusal = stand.refused(forge.signed(text, mode))
    assert (refusal.code, refusal.message, refusal.reason) == (
        "InvalidIdentityToken",
        "Issuer not present in specified provider",
        "saml.issuer",
    )
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_an_issuer_of_another_format_is_refused(mode: str, stand: Stand) -> None:
    """An issuer is an entity, if it says what it is."""
    text = forge.Statement().xml()
    formats = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
    odd = text.replace("<saml:Issuer>", f'<saml:Issuer Format="{formats}persistent">')
    assert stand.refused(forge.signed(odd, mode)).reason == "saml.issuer.format"
    stand.accepted(
        forge.signed(text.replace("<saml:Issuer>", f'<saml:Issuer Format="{formats}entity">'), mode)
    )


def test_another_registered_provider_is_refused(mode: str, stand: Stand) -> None:
    """A statement of one provider does not serve under the name of another one, whoever signed it."""
    partner = f"arn:aws:iam::{forge.ACCOUNT}:saml-provider/partner"
    ours = forge.Statement().for_role(forge.ROLE, partner)
    assert stand.refused(forge.signed(ours, mode), PrincipalArn=partner).reason == "saml.sig.invalid"
    signing = forge.Signing(key=forge.key_pair("partner"))
    assert stand.refused(forge.signed(ours, mode, signing), PrincipalArn=partner).reason == "saml.issuer"
    theirs = replace(ours, issuer=forge.PARTNER_ISSUER)
    stand.accepted(forge.signed(theirs, mode, signing), PrincipalArn=partner)


@pytest.mark.parametrize("status", ["Requester", "Responder", "AuthnFailed", "success", "Success ", ""])
def test_a_status_other_than_success_is_refused(status: str, mode: str, stand: Stand) -> None:
    """An assertion in a response that failed is refused, though it is signed."""
    base = "urn:oasis:names:tc:SAML:2.0:status:"
    wrong = replace(forge.Statement(), status=f"{base}{status}" if status else "")
    assert stand.refused(forge.signed(wrong, mode)).reason == "saml.status.not_success"
    nested = (
        forge.Statement()
        .xml()
        .replace(
            f'<samlp:StatusCode Value="{base}Success"/>',
            f'<samlp:StatusCode Value="{base}Responder"><samlp:StatusCode Value="{base}Success"/></samlp:StatusCode>',
        )
    )
    assert stand.refused(forge.signed(nested, mode)).reason == "saml.status.not_success"
    stand.accepted(forge.signed(forge.Statement(), mode))


@pytest.mark.parametrize("name", ["in_response_to", "confirm_in_response_to"])
@pytest.mark.parametrize("request_id", ["_unknown", "", "_response1"])
def test_an_answer_is_refused(name: str, request_id: str, mode: str, stand: Stand) -> None:
    """AWS asks nobody, so an answer to a request is for somebody else."""
    changes: dict[str, Any] = {name: request_id}
    wrong = replace(forge.Statement(), **changes)
    assert stand.refused(forge.signed(wrong, mode)).reason == "saml.in_response_to"
    stand.accepted(forge.signed(forge.Statement(), mode))


@pytest.mark.parametrize("method", ["holder-of-key", "sender-vouches", "Bearer", ""])
def test_another_confirmation_than_bearer_is_refused(method: str, mode: str, stand: Stand) -> None:
    """One confirmation, and of the bearer."""
    wrong = replace(forge.Statement(), method=f"urn:oasis:names:tc:SAML:2.0:cm:{method}")
    assert stand.refused(forge.signed(wrong, mode)).reason == "saml.confirmation.method"
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_none_or_two_confirmations_are_refused(mode: str, stand: Stand) -> None:
    """Exactly one confirmation, with its data: none and a second lawful one are refused."""
    text = forge.Statement().xml()
    start = text.index("<saml:SubjectConfirmation ")
    end = text.index("</saml:SubjectConfirmation>") + len("</saml:SubjectConfirmation>")
    none, two = text[:start] + text[end:], text[:end] + text[start:end] + text[end:]
    for document in (none, two):
        assert stand.refused(forge.signed(document, mode)).reason == "saml.confirmation.count"
    data = text.index("<saml:SubjectConfirmationData")
    bare = text[:data] + text[text.index("/>", data) + 2 :]
    assert stand.refused(forge.signed(bare, mode)).reason == "saml.confirmation.window"
    stand.accepted(forge.signed(text, mode))


@pytest.mark.parametrize(
    "condition",
    [
        "<saml:ProxyRestriction/>",
        '<saml:Condition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>',
        '<x:Delegation xmlns:x="urn:x"/>',
    ],
)
def test_an_unknown_condition_is_refused(condition: str, mode: str, stand: Stand) -> None:
    """A condition that we cannot judge is not met."""
    wrong = replace(forge.Statement(), conditions=condition)
    assert stand.refused(forge.signed(wrong, mode)).reason == "saml.structure.content.Conditions"
    stand.accepted(forge.signed(forge.Statement(), mode))


def test_a_version_other_than_two_is_refused(mode: str, stand: Stand) -> None:
    """Response and assertion are of SAML 2.0."""
    text = forge.Statement().xml()
    for count in (1, 2):
        odd = text.replace('Version="2.0"', 'Version="1.1"', count)
        if count == 2:
            odd = odd.replace('Version="1.1"', 'Version="2.0"', 1)
        assert stand.refused(forge.signed(odd, mode)).reason == "saml.structure.version"
    stand.accepted(forge.signed(text, mode))
