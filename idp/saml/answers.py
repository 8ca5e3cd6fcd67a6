"""What service providers are sent: statements as was agreed with each, and status documents for what is refused.

A statement for AWS is made in `responses`; here the same document is signed, and encrypted, as a service wants it.
"""

import base64
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

import xmlsec
from lxml import etree
from xmlsec import constants

from idp.domain.assertion import StatementPlan
from idp.saml.certificates import CertificateRefused, public_key_pem
from idp.saml.constants import SAML, SAMLP
from idp.saml.errors import StatementTooLarge, UnlawfulValue
from idp.saml.responses import build, checked_identifier, instant_text, lawful
from idp.saml.signing import SignedResponse, Signer, canonical, sign_enveloped
from idp.saml.xml import parse

STATUS_REQUESTER: Final = "urn:oasis:names:tc:SAML:2.0:status:Requester"
STATUS_RESPONDER: Final = "urn:oasis:names:tc:SAML:2.0:status:Responder"
ENCRYPTED = parse(f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>'.encode())
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
        encrypt(response, protection.encryption_certificate)
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


def encrypt(response: etree._Element, certificate: str) -> None:
    """The response's assertion can be read by the holder of this certificate's key only (RSA-OAEP, AES-256-GCM)."""
    assertion = response[PLACE_OF_ASSERTION]
    # Canonical octets declare every namespace they use: whoever decrypts them has nothing around them.
    octets = canonical(assertion)
    wrapper = copy(ENCRYPTED)
    response.replace(assertion, wrapper)
    data = xmlsec.template.encrypted_data_create(
        wrapper, constants.TransformAes256Gcm, type=constants.TypeEncElement, ns="xenc"
    )
    wrapper.append(data)
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
    wrapped_key = xmlsec.template.add_encrypted_key(info, constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(wrapped_key)
    manager = xmlsec.KeysManager()
    manager.add_key(_encryption_key(certificate))
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(constants.KeyDataAes, 256, constants.KeyDataTypeSession)
    try:
        context.encrypt_binary(data, octets)
    except xmlsec.Error as error:
        raise UnlawfulValue("the statement could not be encrypted", sentence=NOT_ENCRYPTED) from error


NOT_ENCRYPTED: Final = (
    "The statement for this service could not be encrypted. Please tell your administrators."
)


@lru_cache(maxsize=1_024)
def _encryption_key(certificate: str) -> xmlsec.Key:
    try:
        pem = public_key_pem(certificate)
    except CertificateRefused as refusal:
        raise UnlawfulValue(f"no key that may encrypt: {refusal.cause}", sentence=NOT_ENCRYPTED) from refusal
    return xmlsec.Key.from_memory(pem, constants.KeyDataFormatPem)


def posted(message: etree._Element, address: str, *, longest: int | None) -> SignedResponse:
    """The message as a form carries it; refuses one longer than its reader takes."""
    document = etree.tostring(message, encoding="utf-8", xml_declaration=False)
    text = base64.b64encode(document).decode("ascii")
    if longest is not None and len(text) > longest:
        raise StatementTooLarge(f"a response of {len(text)} characters", sentence=TOO_LARGE)
    return SignedResponse(document=document, acs=address, base64_text=text)
