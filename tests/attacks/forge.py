"""Statements made and signed by hand, honest ones and forged ones.

Nothing of the identity provider is used: text, canonical form by lxml, signatures by cryptography. So a mistake of
ours is not repeated here, and everything may be wrong on purpose.
"""

import base64
import functools
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, cast
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = f"{MORE}rsa-sha256"
P = "https://aws.amazon.com/SAML/Attributes/"

RECIPIENT = "http://127.0.0.1:8010/saml"
AUDIENCE = "urn:amazon:webservices"
ISSUER = "https://idp.example.test/saml/metadata"
PARTNER_ISSUER = "https://idp.partner.test/saml/metadata"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

ACCOUNT, OTHER_ACCOUNT, GOV_ACCOUNT = "111122223333", "444455556666", "777788889999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ReadOnly"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/team/Admin"
OTHER_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/Auditor"
CHINESE_ROLE = f"arn:aws-cn:iam::{ACCOUNT}:role/ReadOnly"
RESERVED_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
)
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/drawbridge"
OTHER_PROVIDER = f"arn:aws:iam::{OTHER_ACCOUNT}:saml-provider/drawbridge"

MODES = ("response", "assertion", "both")

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512,
}  # fmt: skip

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey


@dataclass(frozen=True)
class KeyPair:
    """A private key and a certificate that the metadata can carry."""

    private: PrivateKey
    certificate: x509.Certificate

    @property
    def certificate_text(self) -> str:
        """The certificate as metadata and KeyInfo hold it."""
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()


@functools.cache
def key_pair(name: str = "drawbridge", kind: str = "rsa-2048", *, days: int = 365) -> KeyPair:
    """A key made when the tests start; the same name gives the same key, negative days an expired certificate."""
    private: PrivateKey
    family, _, size = kind.partition("-")
    if family == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=int(size))
    elif family == "dsa":
        private = dsa.generate_private_key(key_size=int(size))
    else:
        private = ec.generate_private_key(
            {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "521": ec.SECP521R1()}[size]
        )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(4711)
        .not_valid_before(ends - timedelta(days=730))
        .not_valid_after(ends)
        .sign(private, hashes.SHA256())
    )
    return KeyPair(private, certificate)


def metadata(entity_id: str, *certificates: str) -> str:
    """The metadata of an identity provider with these signing certificates."""
    keys = "".join(
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>'
        f"{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for text in certificates
    )
    return (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID={quoteattr(entity_id)}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">{keys}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        'Location="https://idp.example.test/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>'
    )


def trust(provider: str = PROVIDER, *actions: str, **condition: Mapping[str, Any]) -> dict[str, Any]:
    """A trust policy for a provider; without actions it allows everything a statement may need."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": list(actions) or ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": condition or {"StringEquals": {"saml:aud": RECIPIENT}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(arn: str, policy: Mapping[str, Any] | None = None, *, longest: int = 3600) -> dict[str, Any]:
    """A role of the world."""
    return {
        "arn": arn,
        "role_id": "AROA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper(),
        "max_session_duration": longest,
        "trust_policy": policy or trust(),
    }


def world(**changes: Any) -> dict[str, Any]:
    """A world with two accounts of one partition and one of another, and the provider in each."""
    ours = metadata(ISSUER, key_pair().certificate_text)
    gov = f"arn:aws-us-gov:iam::{GOV_ACCOUNT}"
    return {
        "sealing_key": base64.b64encode(hashlib.sha256(b"a sealing key for tests").digest()).decode(),
        "sign_in_urls": [RECIPIENT],
        "accounts": [
            {"id": ACCOUNT, "alias": "payments-production", "partition": "aws"},
            {"id": OTHER_ACCOUNT, "partition": "aws"},
            {"id": ACCOUNT, "partition": "aws-cn"},
            {"id": GOV_ACCOUNT, "alias": "government", "partition": "aws-us-gov"},
        ],
        "saml_providers": [
            {"arn": PROVIDER, "metadata": ours},
            {"arn": OTHER_PROVIDER, "metadata": ours},
            {"arn": f"{gov}:saml-provider/drawbridge", "metadata": ours},
            *(
                {"arn": f"arn:aws:iam::{ACCOUNT}:saml-provider/{name}", "metadata": metadata(ISSUER, *texts)}
                for name, texts in _special_providers().items()
            ),
            {
                "arn": f"arn:aws:iam::{ACCOUNT}:saml-provider/partner",
                "metadata": metadata(PARTNER_ISSUER, key_pair("partner").certificate_text),
            },
        ],
        "roles": [
            role(ROLE, trust_of_everybody(), longest=3600),
            role(ADMIN, longest=43200),
            role(OTHER_ROLE, trust(OTHER_PROVIDER)),
            role(CHINESE_ROLE),
            role(RESERVED_ROLE),
            role(f"{gov}:role/ReadOnly", trust(f"{gov}:saml-provider/drawbridge")),
        ],
    } | changes  # fmt: skip


def _special_providers() -> dict[str, tuple[str, ...]]:
    return {
        "keyless": (),
        "expired": (key_pair("expired", days=-1).certificate_text,),
        "weak": (key_pair("weak", "rsa-1024").certificate_text,),
        "dsa": (key_pair("dsa", "dsa-2048").certificate_text,),
        "elliptic": (key_pair("elliptic", "ec-256").certificate_text,),
        "rolling": (key_pair().certificate_text, key_pair("next", "rsa-3072").certificate_text),
    }


def trust_of_everybody() -> dict[str, Any]:
    """A trust policy for every provider of the first account."""
    names = ("drawbridge", "partner", *_special_providers())
    policy = trust()
    policy["Statement"][0]["Principal"]["Federated"] = [
        f"arn:aws:iam::{ACCOUNT}:saml-provider/{name}" for name in names
    ]
    return policy


def instant(moment: datetime, seconds: float = 0) -> str:
    """A moment as SAML writes it."""
    return f"{moment + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Statement:
    """Everything a statement says; what is None is left out."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    response_id: str = "_response1"
    assertion_id: str = "_assertion1"
    issuer: str = ISSUER
    response_issuer: str | None = None
    destination: str | None = RECIPIENT
    recipient: str | None = RECIPIENT
    status: str = "urn:oasis:names:tc:SAML:2.0:status:Success"
    restrictions: tuple[tuple[str, ...], ...] = ((AUDIENCE,),)
    name_id: str | None = "a1b2c3"
    name_id_format: str = PERSISTENT
    method: str = BEARER
    response_issued: str | None = None
    issued: str | None = None
    not_before: str | None = ""
    not_on_or_after: str | None = ""
    confirm_not_before: str | None = None
    confirm_not_on_or_after: str | None = ""
    authenticated: str | None = ""
    session_ends: str | None = None
    in_response_to: str | None = None
    confirm_in_response_to: str | None = None
    conditions: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            f"{P}Role": (f"{ROLE},{PROVIDER}",),
            f"{P}RoleSessionName": ("ada@example.test",),
        }
    )

    def with_attributes(self, **values: str | tuple[str, ...] | None) -> Self:
        """The same with AWS attributes added or changed; None takes one away."""
        attributes = dict(self.attributes)
        for name, value in values.items():
            full = f"{P}{name.replace('__', ':')}"
            if value is None:
                attributes.pop(full, None)
            else:
                attributes[full] = (value,) if isinstance(value, str) else value
        return replace(self, attributes=attributes)

    def for_role(self, arn: str, provider: str = PROVIDER) -> Self:
        """The same for another role."""
        return self.with_attributes(Role=f"{arn},{provider}")

    def xml(self) -> str:
        """The response, without a signature."""
        in_response_to = _attribute("InResponseTo", self.in_response_to)
        return (
            f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{self.response_id}" Version="2.0" '
            f'IssueInstant="{self.response_issued or self.issued or instant(self.now)}"'
            f"{_attribute('Destination', self.destination)}{in_response_to}>"
            f"<saml:Issuer>{escape(self.response_issuer or self.issuer)}</saml:Issuer>"
            f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>'
            f"{self.assertion()}</samlp:Response>"
        )

    def assertion(self) -> str:
        """The assertion alone, without a signature; it leans on the namespaces around it."""
        return (
            f'<saml:Assertion ID="{self.assertion_id}" Version="2.0" '
            f'IssueInstant="{self.issued or instant(self.now)}">'
            f"<saml:Issuer>{escape(self.issuer)}</saml:Issuer>{self._subject()}{self._conditions()}"
            f"{self._authentication()}{self._attributes()}</saml:Assertion>"
        )

    def _subject(self) -> str:
        name = f'<saml:NameID Format="{self.name_id_format}">{escape(self.name_id or "")}</saml:NameID>'
        ends = self.confirm_not_on_or_after
        data = (
            _attribute("Recipient", self.recipient)
            + _attribute("NotBefore", self.confirm_not_before)
            + _attribute("NotOnOrAfter", instant(self.now, 300) if ends == "" else ends)
            + _attribute("InResponseTo", self.confirm_in_response_to)
        )
        return (
            f"<saml:Subject>{'' if self.name_id is None else name}"
            f'<saml:SubjectConfirmation Method="{self.method}"><saml:SubjectConfirmationData{data}/>'
            "</saml:SubjectConfirmation></saml:Subject>"
        )

    def _conditions(self) -> str:
        starts, ends = self.not_before, self.not_on_or_after
        window = _attribute("NotBefore", instant(self.now, -60) if starts == "" else starts)
        window += _attribute("NotOnOrAfter", instant(self.now, 300) if ends == "" else ends)
        restrictions = "".join(
            "<saml:AudienceRestriction>"
            + "".join(f"<saml:Audience>{escape(audience)}</saml:Audience>" for audience in audiences)
            + "</saml:AudienceRestriction>"
            for audiences in self.restrictions
        )
        return f"<saml:Conditions{window}>{restrictions}{self.conditions}</saml:Conditions>"

    def _authentication(self) -> str:
        if self.authenticated is None:
            return ""
        ends = _attribute("SessionNotOnOrAfter", self.session_ends)
        return (
            f'<saml:AuthnStatement AuthnInstant="{self.authenticated or instant(self.now, -30)}" '
            f'SessionIndex="_session1"{ends}><saml:AuthnContext><saml:AuthnContextClassRef>'
            "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
        )

    def _attributes(self) -> str:
        shown = "".join(
            f"<saml:Attribute Name={quoteattr(name)}>"
            + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in self.attributes.items()
        )
        return f"<saml:AttributeStatement>{shown}</saml:AttributeStatement>"


def _attribute(name: str, value: str | None) -> str:
    return "" if value is None else f" {name}={quoteattr(value)}"


@dataclass(frozen=True)
class Signing:
    """How to sign; everything can be wrong on purpose, and the signature still holds over what is written."""

    key: KeyPair | None = None
    algorithm: str = RSA_SHA256
    digest: str = SHA256
    hash_name: str = "sha256"
    digest_name: str = "sha256"
    secret: bytes | None = None
    canonicalization: str = EXCLUSIVE
    transforms: tuple[str, ...] = (ENVELOPED, EXCLUSIVE)
    uri: str | None = None
    key_info: str | None = None
    edit: Callable[[str], str] = str

    def over(self, octets: bytes) -> bytes:
        """The signature of these octets."""
        if self.secret is not None:
            return hmac.digest(self.secret, octets, self.hash_name)
        algorithm = _HASHES[self.hash_name]()
        private = (self.key or key_pair()).private
        if isinstance(private, rsa.RSAPrivateKey):
            return private.sign(octets, padding.PKCS1v15(), algorithm)
        if isinstance(private, dsa.DSAPrivateKey):
            return private.sign(octets, algorithm)
        r, s = decode_dss_signature(private.sign(octets, ec.ECDSA(algorithm)))
        size = (private.curve.key_size + 7) // 8
        return r.to_bytes(size) + s.to_bytes(size)


def signed(statement: Statement | str, mode: str = "both", signing: Signing | None = None) -> bytes:
    """The statement, signed over its assertion, over its response, or over both."""
    text = statement if isinstance(statement, str) else statement.xml()
    root = etree.fromstring(text.encode(), etree.XMLParser(strip_cdata=False))
    if mode in {"assertion", "both"}:
        add_signature(next(root.iter(f"{{{SAML}}}Assertion")), signing)
    if mode in {"response", "both"}:
        add_signature(root, signing)
    return etree.tostring(root)


def add_signature(element: etree._Element, signing: Signing | None = None) -> None:
    """Put a signature over the element into it, where SAML wants it: right after the Issuer."""
    signature = make_signature(element, signing)
    after = element.find(f"{{{SAML}}}Issuer")
    element.insert(0 if after is None else element.index(after) + 1, signature)


def make_signature(element: etree._Element, signing: Signing | None = None) -> etree._Element:
    """A signature over the element, not yet placed anywhere."""
    how = signing or Signing()
    inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    canonical = etree.tostring(
        element,
        method="c14n",
        exclusive=not any(transform.startswith(inclusive) for transform in how.transforms),
        with_comments=any(transform.endswith("WithComments") for transform in how.transforms),
    )
    digest = base64.b64encode(hashlib.new(how.digest_name, canonical).digest()).decode()
    transforms = "".join(f'<ds:Transform Algorithm="{name}"/>' for name in how.transforms)
    uri = f"#{element.get('ID')}" if how.uri is None else how.uri
    text = (
        f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{how.canonicalization}"/>'
        f'<ds:SignatureMethod Algorithm="{how.algorithm}"/><ds:Reference URI={quoteattr(uri)}><ds:Transforms>'
        f'{transforms}</ds:Transforms><ds:DigestMethod Algorithm="{how.digest}"/>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    signed_info = etree.fromstring(how.edit(text), etree.XMLParser(strip_cdata=False))
    octets = etree.tostring(
        signed_info,
        method="c14n",
        exclusive=how.canonicalization.startswith(EXCLUSIVE),
        with_comments=how.canonicalization.endswith("WithComments"),
    )
    value = base64.b64encode(how.over(octets)).decode()
    key = how.key or key_pair()
    key_info = how.key_info
    if key_info is None:
        key_info = (
            f"<ds:X509Data><ds:X509Certificate>{key.certificate_text}</ds:X509Certificate></ds:X509Data>"
        )
    shell = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignatureValue>{value}</ds:SignatureValue>'
        f"{f'<ds:KeyInfo>{key_info}</ds:KeyInfo>' if key_info else ''}</ds:Signature>"
    )
    signature = etree.fromstring(shell)
    signature.insert(0, signed_info)
    return signature


def without_prefixes(document: str) -> str:
    """The same with default namespaces in place of prefixes."""

    def rebuild(element: etree._Element) -> etree._Element:
        # The stubs know prefixes only; no prefix means the default namespace.
        default = cast("dict[str, str]", {None: etree.QName(element).namespace})
        made = etree.Element(element.tag, nsmap=default)
        made.text, made.tail = element.text, element.tail
        for name, value in element.attrib.items():
            made.set(name, value)
        made.extend(map(rebuild, element))
        return made

    return etree.tostring(rebuild(etree.fromstring(document))).decode()


def encode(document: bytes | str) -> str:
    """The document as it is posted."""
    return base64.b64encode(document.encode() if isinstance(document, str) else document).decode()
