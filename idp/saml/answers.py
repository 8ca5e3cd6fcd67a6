"""What service providers are sent: statements as was agreed with each, and status documents for what is refused.

A statement for AWS is made in `responses`; here the same document is signed, and encrypted, as a service wants it.
"""

import base64
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from idp.domain.assertion import StatementPlan
from idp.domain.encryption_scheme import EncryptionScheme
from idp.saml.constants import SAML, SAMLP
from idp.saml.encrypting import encrypted
from idp.saml.errors import StatementTooLarge
from idp.saml.responses import build, checked_identifier, instant_text, lawful
from idp.saml.signing import SignedResponse, Signer, canonical, sign_enveloped
from idp.saml.xml import parse

STATUS_REQUESTER: Final = "urn:oasis:names:tc:SAML:2.0:status:Requester"
STATUS_RESPONDER: Final = "urn:oasis:names:tc:SAML:2.0:status:Responder"
REFUSAL = parse(
    f"""<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" Version="2.0"><saml:Issuer/>\
<samlp:Status><samlp:StatusCode><samlp:StatusCode/></samlp:StatusCode><samlp:StatusMessage/></samlp:Status>\
</samlp:Response>""".encode()
)
PLACE_OF_ASSERTION: Final = 2


@dataclass(frozen=True, slots=True)
class Protection:
    """How a service wants its statements: what is signed, for whom it is encrypted, and how long it may be."""

    sign_assertion: bool
    sign_response: bool
    encryption_certificate: str
    encryption_scheme: EncryptionScheme
    longest_assertion: int
    longest_response: int


@dataclass(frozen=True, slots=True)
class StatusPlan:
    """Everything that one refusal says; the message is a reference and no more."""

    id: str
    issuer: str
    recipient: str
    in_response_to: str
    issued_at: datetime
    code: str
    second_code: str
    message: str


def sign_statement(plan: StatementPlan, protection: Protection, signer: Signer) -> SignedResponse:
    """The response that says what the plan says, protected as the service wants it, ready to be posted.

    Refuses values that XML cannot carry unchanged, and what is longer than the service takes; is Unavailable
    where the signer's certificate does not hold at the moment of issue.
    """
    signer.check_in_force(plan.issued_at)
    response = build(plan)
    assertion = response[PLACE_OF_ASSERTION]
    if protection.sign_assertion:
        sign_enveloped(assertion, canonical(assertion), signer)
    if len(etree.tostring(assertion)) > protection.longest_assertion:
        raise StatementTooLarge("an assertion longer than the service takes", sentence=TOO_LARGE)
    if protection.encryption_certificate:
        # Canonical octets declare every namespace they use: whoever decrypts them has nothing around them.
        response[PLACE_OF_ASSERTION] = encrypted(
            canonical(assertion), protection.encryption_certificate, protection.encryption_scheme
        )
    if protection.sign_response:
        sign_enveloped(response, canonical(response), signer)
    return posted(response, plan.recipient, longest=protection.longest_response)


TOO_LARGE: Final = (
    "Your entry in the directory is too large for this service. Please tell your administrators."
)


def sign_refusal(plan: StatusPlan, signer: Signer) -> SignedResponse:
    """The signed response that says why there is no statement (SAML Core 3.2.2)."""
    signer.check_in_force(plan.issued_at)
    response = copy(REFUSAL)
    response.set("ID", checked_identifier(plan.id))
    response.set("IssueInstant", instant_text(plan.issued_at))
    response.set("Destination", lawful(plan.recipient))
    if plan.in_response_to:
        response.set("InResponseTo", checked_identifier(plan.in_response_to))
    issuer, status = response
    issuer.text = lawful(plan.issuer)
    code, message = status
    code.set("Value", lawful(plan.code))
    code[0].set("Value", lawful(plan.second_code))
    message.text = lawful(plan.message)
    sign_enveloped(response, canonical(response), signer)
    return posted(response, plan.recipient, longest=None)


def posted(message: etree._Element, address: str, *, longest: int | None) -> SignedResponse:
    """The message as a form carries it; refuses one longer than its reader takes."""
    document = etree.tostring(message, encoding="utf-8", xml_declaration=False)
    text = base64.b64encode(document).decode("ascii")
    if longest is not None and len(text) > longest:
        raise StatementTooLarge(f"a response of {len(text)} characters", sentence=TOO_LARGE)
    return SignedResponse(document=document, acs=address, base64_text=text)
