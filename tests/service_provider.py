"""A service provider of the tests: it makes requests, signs them, and reads what it is answered.

It shares no code with `idp.saml`: requests are written as text and signed by signxml or `cryptography`, answers
are verified by signxml, so that a mistake of ours is not believed by it.
"""

import base64
import functools
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from tests.http_browser import HttpBrowser
from tests.pages import Form, Page
from tests.servers.site import PREAMBLE, Site

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
NAMES = {"samlp": SAMLP, "saml": SAML, "ds": "http://www.w3.org/2000/09/xmldsig#"}
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 - an attack needs it
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
REDIRECT, POST = "redirect", "post"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


@dataclass(frozen=True)
class Key:
    """A key with its certificate as metadata holds it."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: str

    @property
    def pem(self) -> bytes:
        """The private key as PEM."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def certificate_pem(self) -> str:
        """The certificate as PEM."""
        return f"-----BEGIN CERTIFICATE-----\n{self.certificate}\n-----END CERTIFICATE-----\n"


@functools.cache
def key(name: str = "sp", *, bits: int = 2048) -> Key:
    """The key of this name, made once a run."""
    return certified(rsa.generate_private_key(65537, bits), name)


def certified(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str) -> Key:
    """The key with a certificate that it has signed itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=3_650))
        .sign(private, hashes.SHA256())
    )
    return Key(private, base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode())


@dataclass(frozen=True)
class Provider:
    """One registered service: what the site knows of it, and the key that only it has."""

    entity_id: str
    acs: str
    signs: bool = True
    key: Key = field(default_factory=key)
    row: dict[str, Any] = field(default_factory=dict)

    def registration(self) -> dict[str, Any]:
        """The columns of its row."""
        return {
            "entity_id": self.entity_id,
            "name": self.entity_id.rpartition("/")[2],
            "enabled": True,
            "for_everyone": True,
            "acs": [{"location": self.acs, "index": 0, "is_default": True}],
            "signing_certificates": [self.key.certificate] if self.signs else [],
            "want_signed_requests": self.signs,
            "attributes": [
                {
                    "name": "urn:oid:0.9.2342.19200300.100.1.3",
                    "source": "person:mail",
                    "friendly_name": "mail",
                }
            ],
            **self.row,
        }


def provider(name: str, **changes: Any) -> Provider:
    """A service of this name below an address that nobody serves."""
    base = f"https://{name}.example.test"
    return Provider(entity_id=f"{base}/{name}", acs=f"{base}/acs", **changes)


def register(site: Site, providers: Iterable[Provider]) -> None:
    """The running site knows these services."""
    rows = [one.registration() for one in providers]
    site.python(
        PREAMBLE,
        "from idp.models import ServiceProvider",
        f"for row in {rows!r}:",
        "    ServiceProvider.objects.filter(entity_id=row['entity_id']).delete()",
        "    ServiceProvider(**row).save(force_insert=True)",
    )


def new_id() -> str:
    """A fresh xs:ID."""
    return f"_{secrets.token_hex(16)}"


def instant(moment: datetime | None = None) -> str:
    """The moment as SAML writes it."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Request:
    """An AuthnRequest as text; every part can be another one. None leaves an attribute out."""

    issuer: str
    destination: str | None
    attributes: dict[str, str | None] = field(default_factory=dict)
    before: str = ""
    content: str = ""
    issuer_xml: str | None = None
    id: str = field(default_factory=new_id)
    root: str = "AuthnRequest"

    def xml(self) -> str:
        """The document."""
        attributes = {
            "ID": self.id,
            "Version": "2.0",
            "IssueInstant": instant(),
            "Destination": self.destination,
            **self.attributes,
        }
        written = "".join(
            f" {name}={quoteattr(value)}" for name, value in attributes.items() if value is not None
        )
        issuer = (
            f"<saml:Issuer>{escape(self.issuer)}</saml:Issuer>"
            if self.issuer_xml is None
            else self.issuer_xml
        )
        return (
            f'<samlp:{self.root} xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{written}>'
            f"{self.before}{issuer}{self.content}</samlp:{self.root}>"
        )

    def but(self, **changes: Any) -> "Request":
        """The same but for this."""
        return replace(self, **changes)

    def having(self, **attributes: str | None) -> "Request":
        """The same with these attributes of the root."""
        return replace(self, attributes={**self.attributes, **attributes})


def authn_request(site: Site, sender: Provider, binding: str, **attributes: str | None) -> Request:
    """An ordinary request for this binding's address."""
    return Request(sender.entity_id, f"{site.url}/saml/sso/{binding}", dict(attributes))


def deflated(document: bytes) -> bytes:
    """The document as a raw deflate stream."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(document) + stream.flush()


def packed(document: str | bytes) -> str:
    """The document as the Redirect binding's parameter holds it, not yet coded for an address."""
    octets = document.encode() if isinstance(document, str) else document
    return base64.b64encode(deflated(octets)).decode()


def query(
    document: str | bytes,
    *,
    by: Key | None,
    relay_state: str | None = None,
    parameter: str = "SAMLRequest",
    algorithm: str = RSA_SHA256,
) -> str:
    """The query of the Redirect binding, signed where a key is given."""
    text = f"{parameter}={quote(packed(document), safe='')}"
    if relay_state is not None:
        text += f"&RelayState={quote(relay_state, safe='')}"
    return signed_query(text, by, algorithm) if by else text


def signed_query(text: str, by: Key, algorithm: str = RSA_SHA256) -> str:
    """This query with the algorithm's name and a signature over it."""
    text += f"&SigAlg={quote(algorithm, safe='')}"
    return f"{text}&Signature={quote(base64.b64encode(raw_signature(text.encode(), by, algorithm)), safe='')}"


def raw_signature(octets: bytes, by: Key, algorithm: str = RSA_SHA256) -> bytes:
    """The signature over these octets as XML Signature writes it."""
    digest = DIGESTS[algorithm.rpartition("sha")[2]]
    if isinstance(by.private, rsa.RSAPrivateKey):
        return by.private.sign(octets, padding.PKCS1v15(), digest)
    half = (by.private.curve.key_size + 7) // 8
    first, second = decode_dss_signature(by.private.sign(octets, ec.ECDSA(digest)))
    return first.to_bytes(half, "big") + second.to_bytes(half, "big")


def enveloped(document: str | bytes, by: Key) -> bytes:
    """The document with a signature over itself right after its issuer."""
    root = etree.fromstring(document.encode() if isinstance(document, str) else document)
    place = etree.SubElement(root, f"{{{NAMES['ds']}}}Signature", Id="placeholder", nsmap={"ds": NAMES["ds"]})
    root.remove(place)
    root.insert(1, place)
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm="rsa-sha256" if isinstance(by.private, rsa.RSAPrivateKey) else "ecdsa-sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(
        root, key=by.pem, cert=by.certificate_pem, reference_uri=f"#{root.get('ID')}", id_attribute="ID"
    )
    return etree.tostring(signed)


def form(
    document: str | bytes, *, relay_state: str | None = None, parameter: str = "SAMLRequest"
) -> dict[str, str]:
    """The fields of the POST binding."""
    octets = document.encode() if isinstance(document, str) else document
    fields = {parameter: base64.b64encode(octets).decode()}
    if relay_state is not None:
        fields["RelayState"] = relay_state
    return fields


def send(
    browser: HttpBrowser,
    request: Request,
    binding: str,
    *,
    by: Key | None,
    relay_state: str | None = None,
    expect: int | None = None,
) -> str:
    """The page that a browser sees in the end when it brings this request, our own redirects followed."""
    parameter = "SAMLResponse" if request.root == "LogoutResponse" else "SAMLRequest"
    service = "sso" if request.root == "AuthnRequest" else "slo"
    if binding == REDIRECT:
        text = query(request.xml(), by=by, relay_state=relay_state, parameter=parameter)
        return follow(browser, "GET", f"/saml/{service}/redirect?{text}", expect=expect)
    document = enveloped(request.xml(), by) if by else request.xml()
    fields = form(document, relay_state=relay_state, parameter=parameter)
    return post(browser, fields, expect=expect, service=service)


def post(
    browser: HttpBrowser, fields: dict[str, str], *, expect: int | None = None, service: str = "sso"
) -> str:
    """The page after another site's form: our cookies stay at home, as browsers keep them for SameSite=Lax."""
    kept, browser.cookies = browser.cookies, {}
    browser.ask(
        "POST", f"/saml/{service}/post", fields, expect=None, headers={"Origin": "https://sp.example.test"}
    )
    browser.cookies = kept | browser.cookies
    return _followed(browser, expect)


def follow(browser: HttpBrowser, method: str, address: str, *, expect: int | None = None) -> str:
    """The page at this address, our own redirects followed."""
    browser.ask(method, address, expect=None)
    return _followed(browser, expect)


def _followed(browser: HttpBrowser, expect: int | None) -> str:
    while browser.status in {302, 303} and browser.headers["location"].startswith("/"):
        browser.ask("GET", browser.headers["location"], expect=None)
    assert expect is None or browser.status == expect, f"{browser.status}:\n{browser.text[:2_000]}"
    return browser.text


def sign_in_on_page(browser: HttpBrowser, username: str, password: str) -> str:
    """What follows when the person types name and password into the form that is shown."""
    shown = Page.read(browser.text).password_form
    typed = {"username": username, "password": password, "next": shown.values("next")[0]}
    browser.post(shown.action, typed, expect=None)
    return _followed(browser, 200)


@dataclass(frozen=True)
class Received:
    """A response as the service reads it, once its signature has been verified."""

    acs: str
    relay_state: str | None
    root: etree._Element
    fields: list[str]

    @property
    def statuses(self) -> list[str]:
        """The last words of the status codes, outer first."""
        codes = self.root.iterfind(".//samlp:StatusCode", NAMES)
        return [code.get("Value", "").rpartition(":")[2] for code in codes]

    @property
    def assertion(self) -> etree._Element | None:
        """The assertion, if there is one."""
        return self.root.find("saml:Assertion", NAMES)

    def text(self, path: str) -> str:
        """The text of the one element at this path below the assertion."""
        assert self.assertion is not None, etree.tostring(self.root)
        [found] = self.assertion.findall(path, NAMES)
        return found.text or ""

    def get(self, path: str, name: str) -> str | None:
        """An attribute of the one element at this path below the assertion."""
        assert self.assertion is not None, etree.tostring(self.root)
        [found] = self.assertion.findall(path, NAMES)
        return found.get(name)


def received(page: str, site: Site) -> Received:
    """The response that this page posts; its signature must be the site's."""
    [posting] = [one for one in Page.read(page).forms if one.attributes.get("id") == "post"]
    return read(posting, site)


def read(posting: Form, site: Site) -> Received:
    """The response in this form; its signature must be the site's."""
    [text] = posting.values("SAMLResponse")
    document = base64.b64decode(text, validate=True)
    verified = XMLVerifier().verify(
        document,
        x509_cert=certificate_of(site),
        id_attribute="ID",
        expect_config=SignatureConfiguration(location="./"),
    )
    assert not isinstance(verified, list)
    assert verified.signed_xml is not None
    states = posting.values("RelayState")
    assert len(states) <= 1
    return Received(
        acs=posting.action,
        relay_state=states[0] if states else None,
        root=etree.fromstring(verified.signed_data),
        fields=[name for name, _ in posting.fields],
    )


@functools.cache
def certificate_of(site: Site) -> str:
    """The certificate that the site publishes, as PEM."""
    browser = HttpBrowser(site.url)
    root = etree.fromstring(browser.ask("GET", "/saml/metadata").encode())
    [text] = [element.text for element in root.iter(f"{{{NAMES['ds']}}}X509Certificate")][:1]
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def is_refused(browser: HttpBrowser) -> bool:
    """Whether the answer is a page of refusal and nothing else: no form, no redirect, no address of the request."""
    return (
        browser.status in {400, 404}
        and "location" not in browser.headers
        and not [one for one in Page.read(browser.text).forms if one.attributes.get("id") == "post"]
        and "SAMLResponse" not in browser.text
    )


@dataclass(frozen=True)
class Message:
    """A logout message of the site as the service reads it, once its signature has been verified."""

    address: str
    relay_state: str | None
    root: etree._Element

    @property
    def kind(self) -> str:
        """LogoutRequest or LogoutResponse."""
        return etree.QName(self.root).localname

    @property
    def statuses(self) -> list[str]:
        """The last words of the status codes, outer first."""
        codes = self.root.iterfind(".//samlp:StatusCode", NAMES)
        return [code.get("Value", "").rpartition(":")[2] for code in codes]


def logout_message(browser: HttpBrowser, site: Site) -> Message:
    """The message that the browser is to bring to a service now, by a redirect or by a form."""
    public = x509.load_pem_x509_certificate(certificate_of(site).encode()).public_key()
    going_on = Page.read(browser.text).goes_on_to
    if going_on:
        assert browser.status == 200
        address, _, text = going_on.partition("?")
        covered, _, signature = text.rpartition("&Signature=")
        assert isinstance(public, rsa.RSAPublicKey)
        public.verify(
            base64.b64decode(unquote(signature)), covered.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        values = dict(part.split("=", 1) for part in covered.split("&"))
        assert unquote(values["SigAlg"]) == RSA_SHA256
        coded = values.get("SAMLRequest") or values["SAMLResponse"]
        document = zlib.decompress(base64.b64decode(unquote(coded)), -15)
        state = values.get("RelayState")
        return Message(address, None if state is None else unquote(state), etree.fromstring(document))
    [posting] = [one for one in Page.read(browser.text).forms if one.attributes.get("id") == "post"]
    [text] = posting.values("SAMLRequest") + posting.values("SAMLResponse")
    verified = XMLVerifier().verify(
        base64.b64decode(text, validate=True),
        x509_cert=certificate_of(site),
        id_attribute="ID",
        expect_config=SignatureConfiguration(location="./"),
    )
    assert not isinstance(verified, list)
    states = posting.values("RelayState")
    return Message(posting.action, states[0] if states else None, etree.fromstring(verified.signed_data))


SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"


def logout_request(
    site: Site, sender: Provider, binding: str, *, name_id: str, index: str | None, **attributes: str | None
) -> Request:
    """A service's wish to end a session."""
    content = f'<saml:NameID Format="{PERSISTENT}">{escape(name_id)}</saml:NameID>'
    if index is not None:
        content += f"<samlp:SessionIndex>{escape(index)}</samlp:SessionIndex>"
    return Request(
        sender.entity_id,
        f"{site.url}/saml/slo/{binding}",
        dict(attributes),
        content=content,
        root="LogoutRequest",
    )


def logout_response(site: Site, sender: Provider, binding: str, *, to: str, status: str = SUCCESS) -> Request:
    """A service's answer to our request of this ID."""
    return Request(
        sender.entity_id,
        f"{site.url}/saml/slo/{binding}",
        {"InResponseTo": to},
        content=f'<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>',
        root="LogoutResponse",
    )
