"""Who signed a gated statement: only what a registered key covers leaves this file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from sts_bridge.local_aws.errors import invalid_signature
from sts_bridge.local_aws.statements.gate import GatedStatement
from sts_bridge.local_aws.statements.grammar import SAML, SAMLP
from sts_bridge.local_aws.statements.metadata import IdentityProvider
from sts_bridge.local_aws.statements.signature_profile import DIGEST_ALGORITHMS, SIGNATURE_ALGORITHMS

_RESPONSE: Final = f"{{{SAMLP}}}Response"
_ASSERTION: Final = f"{{{SAML}}}Assertion"
_SIGNATURE_METHODS = frozenset(SignatureMethod(uri) for uri in SIGNATURE_ALGORITHMS)
_DIGEST_METHODS = frozenset(DigestAlgorithm(uri) for uri in DIGEST_ALGORITHMS)


@dataclass(frozen=True, slots=True)
class VerifiedStatement:
    """The assertion as it was signed, and the response around it.

    The response is the signed one where it has a signature. Otherwise it is only what was posted: it may be a
    reason to refuse, and never to allow.
    """

    assertion: etree._Element
    response: etree._Element
    response_is_signed: bool


def verify(statement: GatedStatement, *, provider: IdentityProvider, now: datetime) -> VerifiedStatement:
    """Give the signed parts of the statement, every signature in it verified with the provider's own keys.

    Refuses a statement without a signature over the assertion, a provider without a key in force, and any
    signature that does not hold; what the statement says about keys is not looked at.
    """
    certificates = provider.certificates_at(now)
    if not certificates:
        raise invalid_signature("saml.sig.no_key")
    if not (statement.response_is_signed or statement.assertion_is_signed):
        raise invalid_signature("saml.sig.missing")
    document = statement.document
    if statement.response_is_signed:
        response = _signed_element(document, "./", _RESPONSE, certificates, now)
    else:
        response = etree.fromstring(document, _strict_parser())
    if statement.assertion_is_signed:
        assertion = _signed_element(document, f"./{_ASSERTION}/", _ASSERTION, certificates, now)
    else:
        (assertion,) = response.iterfind(_ASSERTION)
    return VerifiedStatement(
        assertion=assertion, response=response, response_is_signed=statement.response_is_signed
    )


def _signed_element(
    document: bytes, location: str, tag: str, certificates: tuple[x509.Certificate, ...], now: datetime
) -> etree._Element:
    """Parse the bytes that the signature covers; several keys are registered while one replaces another."""
    expected = SignatureConfiguration(
        location=location,
        expect_references=1,
        signature_methods=_SIGNATURE_METHODS,
        digest_algorithms=_DIGEST_METHODS,
        verification_time=now,
    )
    for certificate in certificates:
        try:
            signed = XMLVerifier().verify(
                document,
                x509_cert=certificate,
                id_attribute="ID",
                # The gate has held the signature to a narrower shape than the schema does.
                validate_schema=False,
                parser=_strict_parser(),
                expect_config=expected,
            )
        except (SignXMLException, etree.LxmlError, ValueError):
            continue
        if not isinstance(signed, VerifyResult):
            raise invalid_signature("saml.sig.reference_count")
        element = etree.fromstring(signed.signed_data, _strict_parser())
        if element.tag != tag:
            raise invalid_signature("saml.sig.coverage")
        return element
    raise invalid_signature("saml.sig.invalid")


def _strict_parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
