"""An `AssertionPlan` as a signed response document (SAML Core 3.3.3; IAM User Guide, "Configure SAML assertions").

The shape stands below as text without a single value; every value enters through the tree, which escapes it, and
only after it was found to be one that XML can carry unchanged.
"""

import base64
import re
from copy import copy
from datetime import UTC, datetime

from lxml import etree

from idp.domain.assertion import AssertionPlan, StatementPlan
from idp.domain.aws.attributes import SamlAttribute
from idp.domain.saml_names import NameFormat
from idp.saml.constants import ATTRIBUTE_NAME_URI, BEARER, LONGEST_STATEMENT, SAML, SAMLP, STATUS_SUCCESS
from idp.saml.errors import StatementTooLarge, UnlawfulValue
from idp.saml.signing import SignedResponse, Signer, canonical, sign_enveloped
from idp.saml.xml import parse

RESPONSE = parse(
    f"""<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" Version="2.0"><saml:Issuer/>\
<samlp:Status><samlp:StatusCode Value="{STATUS_SUCCESS}"/></samlp:Status>\
<saml:Assertion xmlns:saml="{SAML}" Version="2.0"><saml:Issuer/>\
<saml:Subject><saml:NameID/><saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData/>\
</saml:SubjectConfirmation></saml:Subject>\
<saml:Conditions><saml:AudienceRestriction><saml:Audience/></saml:AudienceRestriction></saml:Conditions>\
<saml:AuthnStatement><saml:AuthnContext><saml:AuthnContextClassRef/></saml:AuthnContext></saml:AuthnStatement>\
<saml:AttributeStatement/></saml:Assertion></samlp:Response>""".encode()
)
ATTRIBUTE = parse(
    f"""<saml:Attribute xmlns:saml="{SAML}" NameFormat="{ATTRIBUTE_NAME_URI}"><saml:AttributeValue/>\
</saml:Attribute>""".encode()
)
ATTRIBUTE_VALUE = ATTRIBUTE[0]

# XML 1.0, 2.2, less what it discourages: control characters and the two code points that are none.
unlawful = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
identifier = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}", re.ASCII)
LARGEST_ASSERTION = LONGEST_STATEMENT // 4 * 3


def build_and_sign(plan: AssertionPlan, signer: Signer) -> SignedResponse:
    """The response that says what the plan says, assertion and response signed, ready to be posted to AWS.

    Refuses values that XML cannot carry unchanged and statements longer than AWS takes; is Unavailable
    where the signer's certificate does not hold at the moment of issue.
    """
    signer.check_in_force(plan.issued_at)
    response = build(plan)
    assertion = response[2]
    octets = canonical(assertion)
    if len(octets) > LARGEST_ASSERTION:
        raise StatementTooLarge(f"an assertion of {len(octets)} octets")
    sign_enveloped(assertion, octets, signer)
    sign_enveloped(response, canonical(response), signer)
    document = etree.tostring(response, encoding="utf-8", xml_declaration=False)
    text = base64.b64encode(document).decode("ascii")
    if len(text) > LONGEST_STATEMENT:
        raise StatementTooLarge(f"a response of {len(text)} characters")
    return SignedResponse(document=document, acs=plan.recipient, base64_text=text)


def build(plan: StatementPlan) -> etree._Element:
    """The document before its signatures; refuses a value that XML cannot carry unchanged."""
    issued_at = instant_text(plan.issued_at)
    # lxml's copy takes everything below along, at half the cost of deepcopy.
    response = copy(RESPONSE)
    response.set("ID", checked_identifier(plan.ids.response))
    # One moment for both: which of them AWS counts its five minutes from is not documented.
    response.set("IssueInstant", issued_at)
    # SAML Bindings 3.5.5.2: a signed message says where it must be sent.
    response.set("Destination", lawful(plan.recipient))
    if plan.in_response_to:
        response.set("InResponseTo", checked_identifier(plan.in_response_to))
    issuer, _, assertion = response
    issuer.text = lawful(plan.issuer)
    assertion.set("ID", checked_identifier(plan.ids.assertion))
    assertion.set("IssueInstant", issued_at)
    issuer, subject, conditions, authn_statement, attribute_statement = assertion
    issuer.text = plan.issuer
    _fill_subject(subject, plan)
    conditions.set("NotBefore", instant_text(plan.not_before))
    conditions.set("NotOnOrAfter", instant_text(plan.not_on_or_after))
    conditions[0][0].text = lawful(plan.audience)
    authn_statement.set("AuthnInstant", instant_text(plan.signed_in_at))
    authn_statement.set("SessionIndex", lawful(plan.ids.session_index))
    if plan.session_ends_at is not None:
        authn_statement.set("SessionNotOnOrAfter", instant_text(plan.session_ends_at))
    authn_statement[0][0].text = lawful(plan.authn_context)
    for attribute in plan.attributes:
        _add_attribute(attribute_statement, attribute)
    if not plan.attributes:
        # The schema wants at least one attribute in a statement of attributes.
        assertion.remove(attribute_statement)
    return response


def _fill_subject(subject: etree._Element, plan: StatementPlan) -> None:
    """SAML Profiles 4.1.4.2: one bearer confirmation with Recipient and NotOnOrAfter, and no NotBefore."""
    name_id, confirmation = subject
    if not (plan.name_id or plan.name_id_format):
        # Who learns of nobody's name is told by attributes (Kantara IIP-IDP11).
        subject.remove(name_id)
    name_id.set("Format", lawful(plan.name_id_format))
    if plan.name_qualifier:
        name_id.set("NameQualifier", lawful(plan.name_qualifier))
    if plan.sp_name_qualifier:
        name_id.set("SPNameQualifier", lawful(plan.sp_name_qualifier))
    name_id.text = lawful(plan.name_id)
    data = confirmation[0]
    data.set("Recipient", plan.recipient)
    if plan.in_response_to:
        data.set("InResponseTo", plan.in_response_to)
    data.set("NotOnOrAfter", instant_text(plan.not_on_or_after))


def _add_attribute(statement: etree._Element, attribute: SamlAttribute) -> None:
    if not attribute.values:
        raise UnlawfulValue(f"attribute {attribute.name[:200]!r} without a value")
    element = copy(ATTRIBUTE)
    element.set("Name", lawful(attribute.name))
    if attribute.name_format is not NameFormat.URI:
        element.set("NameFormat", attribute.name_format)
    if attribute.friendly_name:
        element.set("FriendlyName", lawful(attribute.friendly_name))
    first, *further = attribute.values
    element[0].text = lawful(first)
    for text in further:
        value = copy(ATTRIBUTE_VALUE)
        value.text = lawful(text)
        element.append(value)
    statement.append(element)


def lawful(text: str) -> str:
    """The same text; refuses what would not be read back as it was written, and what may stand in no document."""
    if text.isascii() and text.isprintable():
        return text
    found = unlawful.search(text)
    if found:
        raise UnlawfulValue(f"U+{ord(found[0]):04X} at position {found.start()} of {len(text)} characters")
    return text


def checked_identifier(text: str) -> str:
    """The same identifier; refuses what is no xs:ID: a reference to it would lead elsewhere."""
    if not identifier.fullmatch(text):
        raise UnlawfulValue(f"{text[:40]!r} is no xs:ID")
    return text


def instant_text(moment: datetime) -> str:
    """SAML Core 1.3.3: in UTC, with Z; whole seconds, which every reader understands."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"
