"""What a response says, element by element."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from lxml import etree
from saml2 import saml, samlp

from idp.domain.assertion import AssertionPlan, NewIds
from idp.domain.aws.attributes import SamlAttribute
from idp.domain.errors import SigningUnavailable
from idp.saml.constants import DS, SAML, SAMLP
from idp.saml.errors import KeyFault, KeyUnusable, StatementTooLarge, UnlawfulValue
from idp.saml.responses import LARGEST_ASSERTION, build, build_and_sign
from idp.saml.signing import canonical
from tests.statements import AUDIENCE, ISSUER, RECIPIENT, a_plan, signing_key

GOLDEN = Path(__file__).parents[3] / "golden" / "response.xml"
NAMES = {"samlp": SAMLP, "saml": SAML, "ds": DS}


def signed(plan: AssertionPlan) -> etree._Element:
    """The signed document, read again by a parser of its own."""
    return etree.fromstring(build_and_sign(plan, signing_key()).document)


def found(element: etree._Element, path: str) -> list[str]:
    """What this XPath gives, as texts."""
    values = element.xpath(path, namespaces=NAMES)
    return [str(value) for value in values] if isinstance(values, list) else [str(values)]


def compact(text: bytes) -> bytes:
    """The canonical form of a document that was indented for people."""
    root = etree.fromstring(text, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(root, method="c14n", exclusive=True)


def test_the_document_is_exactly_the_golden_one(now: datetime) -> None:
    """Before its signatures the document is octet for octet what tests/golden/response.xml says."""
    assert canonical(build(a_plan(now=now))) == compact(GOLDEN.read_bytes())


def test_the_document_equals_one_built_by_pysaml2(now: datetime) -> None:
    """The same values put through pysaml2's classes give the same canonical form, and those classes find it valid."""
    plan = a_plan(now=now)
    theirs = by_pysaml2(plan)
    assert theirs.verify()
    text = theirs.to_string({"samlp": SAMLP, "saml": SAML})
    assert canonical(build(plan)) == etree.tostring(etree.fromstring(text), method="c14n", exclusive=True)


def by_pysaml2(plan: AssertionPlan) -> samlp.Response:
    """The plan as pysaml2's classes say it."""
    instant = "%Y-%m-%dT%H:%M:%SZ"
    issued_at, not_on_or_after = plan.issued_at.strftime(instant), plan.not_on_or_after.strftime(instant)
    confirmation = saml.SubjectConfirmation(
        method=saml.SCM_BEARER,
        subject_confirmation_data=saml.SubjectConfirmationData(
            recipient=plan.recipient, not_on_or_after=not_on_or_after
        ),
    )
    assertion = saml.Assertion(
        id=plan.ids.assertion,
        version="2.0",
        issue_instant=issued_at,
        issuer=saml.Issuer(text=plan.issuer),
        subject=saml.Subject(
            name_id=saml.NameID(format=plan.name_id_format, text=plan.name_id),
            subject_confirmation=[confirmation],
        ),
        conditions=saml.Conditions(
            not_before=plan.not_before.strftime(instant),
            not_on_or_after=not_on_or_after,
            audience_restriction=[saml.AudienceRestriction(audience=[saml.Audience(text=plan.audience)])],
        ),
        authn_statement=[
            saml.AuthnStatement(
                authn_instant=plan.signed_in_at.strftime(instant),
                session_index=plan.ids.session_index,
                authn_context=saml.AuthnContext(
                    authn_context_class_ref=saml.AuthnContextClassRef(text=plan.authn_context)
                ),
            )
        ],
        attribute_statement=[
            saml.AttributeStatement(
                attribute=[
                    saml.Attribute(
                        name=attribute.name,
                        name_format=saml.NAME_FORMAT_URI,
                        attribute_value=[untyped_value(text) for text in attribute.values],
                    )
                    for attribute in plan.attributes
                ]
            )
        ],
    )
    return samlp.Response(
        id=plan.ids.response,
        version="2.0",
        issue_instant=issued_at,
        destination=plan.recipient,
        issuer=saml.Issuer(text=plan.issuer),
        status=samlp.Status(status_code=samlp.StatusCode(value=samlp.STATUS_SUCCESS)),
        assertion=[assertion],
    )


def untyped_value(text: str) -> saml.AttributeValue:
    """A value without xsi:type, which pysaml2 adds of its own accord and AWS does not ask for."""
    value = saml.AttributeValue()
    value.text = text
    value.clear_type()
    return value


@pytest.mark.spec("SAML Core", "3.2.2", "Destination, and no InResponseTo for an unsolicited response")
def test_an_unsolicited_response_says_where_it_goes_and_answers_nobody(now: datetime) -> None:
    """Destination is the sign-in address; nothing in the document is an answer to a request."""
    response = signed(a_plan(now=now))
    assert found(response, "/samlp:Response/@Destination") == [RECIPIENT]
    assert found(response, "//@InResponseTo") == []


@pytest.mark.spec("SAML Profiles", "4.1.4.2", "one bearer confirmation with Recipient and NotOnOrAfter")
def test_one_bearer_confirmation(now: datetime) -> None:
    """Exactly one confirmation, by bearer, with Recipient and NotOnOrAfter and without NotBefore."""
    response = signed(a_plan(now=now))
    assert found(response, "//saml:SubjectConfirmation/@Method") == ["urn:oasis:names:tc:SAML:2.0:cm:bearer"]
    assert found(response, "//saml:SubjectConfirmationData/@Recipient") == [RECIPIENT]
    assert found(response, "//saml:SubjectConfirmationData/@NotOnOrAfter") == ["2026-03-02T09:35:00Z"]
    assert found(response, "//saml:SubjectConfirmationData/@NotBefore") == []


@pytest.mark.spec("SAML Core", "2.5.1", "Conditions: the window and the audience")
def test_conditions(now: datetime) -> None:
    """The window opens a minute early and closes after five; one audience, the service provider's name."""
    response = signed(a_plan(now=now))
    assert found(response, "//saml:Conditions/@NotBefore") == ["2026-03-02T09:29:00Z"]
    assert found(response, "//saml:Conditions/@NotOnOrAfter") == ["2026-03-02T09:35:00Z"]
    assert found(response, "//saml:AudienceRestriction/saml:Audience/text()") == [AUDIENCE]


@pytest.mark.spec("SAML Core", "2.7.2", "AuthnStatement")
def test_authn_statement(now: datetime) -> None:
    """It tells when the person signed in, not when they clicked, and by what."""
    response = signed(a_plan(now=now))
    assert found(response, "//saml:AuthnStatement/@AuthnInstant") == ["2026-03-02T09:23:00Z"]
    assert found(response, "//saml:AuthnStatement/@SessionIndex") == [f"_{'3' * 32}"]
    assert found(response, "//saml:AuthnContextClassRef/text()") == [
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    ]


def test_both_issue_instants_are_one_moment(now: datetime) -> None:
    """Response and assertion name the same second, in UTC, whatever zone the plan's moment was in."""
    elsewhere = now.astimezone(timezone(timedelta(hours=5, minutes=45)))
    response = signed(a_plan(now=elsewhere))
    assert found(response, "//@IssueInstant") == ["2026-03-02T09:30:00Z"] * 2


def test_both_issuers_are_the_entity(now: datetime) -> None:
    """Response and assertion are issued by us."""
    assert found(signed(a_plan(now=now)), "//saml:Issuer/text()") == [ISSUER, ISSUER]


def test_an_attribute_keeps_all_its_values_in_order(now: datetime) -> None:
    """Each value has an element of its own."""
    values = ("CostCenter", "Team", "Project")
    response = signed(a_plan(now=now, attributes=(SamlAttribute("TransitiveTagKeys", values),)))
    assert found(response, "//saml:AttributeValue/text()") == list(values)


def test_an_attribute_without_a_value_is_refused(now: datetime) -> None:
    """AWS reads no such thing; an empty value is a value."""
    with pytest.raises(UnlawfulValue):
        build(a_plan(now=now, attributes=(SamlAttribute("Name", ()),)))
    response = signed(a_plan(now=now, attributes=(SamlAttribute("Name", ("",)),)))
    assert found(response, "count(//saml:AttributeValue)") == ["1.0"]


@pytest.mark.spec("SAML Core", "5.4", "the signature profile")
@pytest.mark.parametrize("bits", [2048, 3072])
def test_each_signature_follows_its_issuer_and_covers_its_parent(bits: int, now: datetime) -> None:
    """Right after Issuer; one reference to the parent's ID; two transforms; our certificate beside it."""
    key = signing_key(bits)
    response = etree.fromstring(build_and_sign(a_plan(now=now), key).document)
    assertion = response.find(f"{{{SAML}}}Assertion")
    assert assertion is not None
    for parent in (response, assertion):
        assert [child.tag for child in parent][:2] == [f"{{{SAML}}}Issuer", f"{{{DS}}}Signature"]
        [signature] = parent.findall(f"{{{DS}}}Signature")
        assert found(signature, "ds:SignedInfo/ds:Reference/@URI") == [f"#{parent.get('ID')}"]
        assert found(signature, ".//ds:Transform/@Algorithm") == [
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/2001/10/xml-exc-c14n#",
        ]
        assert found(signature, ".//ds:SignatureMethod/@Algorithm") == [
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        ]
        assert found(signature, ".//ds:DigestMethod/@Algorithm") == [
            "http://www.w3.org/2001/04/xmlenc#sha256"
        ]
        assert found(signature, "ds:KeyInfo/ds:X509Data/ds:X509Certificate/text()") == [key.certificate]
        [digest] = found(signature, ".//ds:DigestValue/text()")
        parent.remove(signature)
        octets = etree.tostring(parent, method="c14n", exclusive=True)
        assert base64.b64decode(digest) == hashlib.sha256(octets).digest()
        parent.insert(1, signature)


def test_the_posted_text_is_the_document(now: datetime) -> None:
    """The base64 text is made once, from the very document; neither shows itself in a repr."""
    response = build_and_sign(a_plan(now=now), signing_key())
    assert base64.b64decode(response.base64_text) == response.document
    assert response.acs == RECIPIENT
    assert "Assertion" not in repr(response)
    assert response.base64_text[:40] not in repr(response)


def test_the_assertion_stands_alone(now: datetime) -> None:
    """Cut out of the response, as many readers do, the assertion declares every prefix that it uses."""
    document = build_and_sign(a_plan(now=now), signing_key()).document
    start, end = document.index(b"<saml:Assertion"), document.index(b"</samlp:Response>")
    assert etree.fromstring(document[start:end]).get("ID") == f"_{'2' * 32}"


@pytest.mark.fault(19)
def test_nothing_is_signed_once_the_certificate_has_expired(now: datetime) -> None:
    """At the last second the certificate holds it signs, at its end it does not; nor before it holds."""
    key = signing_key()
    last = key.valid_until - timedelta(seconds=1)
    assert build_and_sign(a_plan(now=last), key).document
    with pytest.raises(SigningUnavailable) as refusal:
        build_and_sign(a_plan(now=key.valid_until), key)
    assert isinstance(refusal.value, KeyUnusable)
    assert refusal.value.fault is KeyFault.EXPIRED
    assert build_and_sign(a_plan(now=key.valid_from), key).document
    with pytest.raises(KeyUnusable, match="holds from"):
        build_and_sign(a_plan(now=key.valid_from - timedelta(seconds=1)), key)
    assert build_and_sign(a_plan(now=now), key).document


@pytest.mark.parametrize("bad", ["", "1abc", "a b", "ä", "_x\n", "#_x", f"_{'x' * 255}"])
def test_an_identifier_is_an_xml_id(bad: str, now: datetime) -> None:
    """What is no xs:ID is refused before anything is signed; a lawful one is taken."""
    good = NewIds("_response", "_assertion", "_session")
    assert build_and_sign(a_plan(now=now, ids=good), signing_key())
    for ids in (NewIds(bad, "_a", "_s"), NewIds("_r", bad, "_s")):
        with pytest.raises(UnlawfulValue):
            build_and_sign(a_plan(now=now, ids=ids), signing_key())


def test_a_statement_longer_than_aws_takes_is_refused(now: datetime) -> None:
    """Just under AWS's 100,000 characters it is made; over it, it is refused, at whichever limit it meets first."""
    lengths = {62_000: True, 72_000: False, LARGEST_ASSERTION: False, 1_000_000: False}
    for length, made in lengths.items():
        plan = a_plan(now=now, attributes=(SamlAttribute("Long", ("x" * length,)),))
        if made:
            assert len(build_and_sign(plan, signing_key()).base64_text) < 100_000
        else:
            with pytest.raises(StatementTooLarge):
                build_and_sign(plan, signing_key())


def test_many_threads_sign_the_same(now: datetime) -> None:
    """Skeletons and keys are shared and never changed: two hundred signings in eight threads give one document."""
    plan, key = a_plan(now=now), signing_key()
    with ThreadPoolExecutor(8) as threads:
        documents = set(threads.map(lambda _: build_and_sign(plan, key).document, range(200)))
    assert documents == {build_and_sign(plan, key).document}
