"""Whatever a service provider sends, the answer is a checked request or a refusal, soon and in little memory.

usage: python -m tests.fuzz.service_messages [libFuzzer's options] [folder of a corpus]
"""

import base64
import resource
import sys
import time
import zlib
from contextlib import suppress
from urllib.parse import quote

import atheris

with atheris.instrument_imports(include=["idp.saml", "idp.domain"]):
    from idp.domain.authn_request import AuthnRequest
    from idp.domain.single_logout import LogoutRequest, LogoutResponse
    from idp.saml.bindings import Arrived, read_form, read_query
    from idp.saml.errors import UntrustedMessage
    from idp.saml.requests import authn_request, gated, logout_request, logout_response
    from idp.saml.shapes import MessageKind

from tests.service_provider import enveloped, key

LONGEST_SECONDS = 0.1
MOST_MEMORY = 64 * 1024  # KiB, as the kernel counts
EVERY_KIND = frozenset(MessageKind)
MODES = 4


def check(octets: bytes) -> None:
    """One try; the first octet says in which form the rest comes. Raises what nobody foresaw."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = time.process_time()
    try:
        answer: object = understood(octets)
    except UntrustedMessage:
        answer = None
    spent = time.process_time() - before
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    if grown > MOST_MEMORY:
        raise MemoryError(f"{grown} KiB more for {len(octets)} octets")
    if answer is not None and not isinstance(answer, AuthnRequest | LogoutRequest | LogoutResponse):
        raise TypeError(f"neither a checked message nor a refusal: {answer!r}")
    if spent > LONGEST_SECONDS:
        # Something else may have had the processor's caches: a second time counts.
        again = time.process_time()
        with suppress(UntrustedMessage):
            understood(octets)
        if time.process_time() - again > LONGEST_SECONDS:
            raise TimeoutError(f"{spent:.3f} s of processor time for {len(octets)} octets")


def understood(octets: bytes) -> object:
    """The message as the site would understand it, signatures and all."""
    incoming = gated(arrived(octets[:1], octets[1:]), expected=EVERY_KIND)
    certificates = [key().certificate]
    if incoming.kind is MessageKind.AUTHN_REQUEST:
        return authn_request(incoming, certificates=certificates, signature_needed=False)
    if incoming.kind is MessageKind.LOGOUT_REQUEST:
        return logout_request(incoming, certificates=certificates)
    return logout_response(incoming, certificates=certificates)


def arrived(mode: bytes, rest: bytes) -> Arrived:
    """The rest as a raw query, as a document in a query or in a form, or as the field of a form."""
    chosen = (mode or b"\0")[0] % MODES
    if chosen == 0:
        return read_query(rest.decode("latin-1"))
    if chosen == 1:
        stream = zlib.compressobj(1, zlib.DEFLATED, -15)
        packed = stream.compress(rest) + stream.flush()
        return read_query(f"SAMLRequest={quote(base64.b64encode(packed).decode(), safe='')}")
    if chosen == 2:
        return read_form({"SAMLRequest": [base64.b64encode(rest).decode()], "RelayState": ["x"]})
    return read_form({"SAMLResponse": [rest.decode("latin-1")]})


def seeds() -> list[bytes]:
    """Genuine messages, so that the way through the gate need not be guessed."""
    head = 'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
    common = 'ID="_1" Version="2.0" IssueInstant="2026-03-02T09:30:00Z"'
    issuer = "<saml:Issuer>https://sp.example.test</saml:Issuer>"
    request = (
        f'<samlp:AuthnRequest {head} {common} ForceAuthn="true">{issuer}<samlp:NameIDPolicy/>'
        "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>x</saml:AuthnContextClassRef>"
        '</samlp:RequestedAuthnContext><samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID="x"/>'
        "</samlp:IDPList></samlp:Scoping></samlp:AuthnRequest>"
    )
    logout = (
        f"<samlp:LogoutRequest {head} {common}>{issuer}<saml:NameID>x</saml:NameID></samlp:LogoutRequest>"
    )
    response = (
        f'<samlp:LogoutResponse {head} {common}>{issuer}<samlp:Status><samlp:StatusCode Value="x"/>'
        "</samlp:Status></samlp:LogoutResponse>"
    )
    plain = [request.encode(), logout.encode()]
    signed = [enveloped(document, key()) for document in (request, logout)]
    field = base64.b64encode(enveloped(response, key()))
    return [
        *(bytes([mode]) + document for mode in (1, 2) for document in (*plain, *signed)),
        b"\3" + field,
        b"\0SAMLRequest=x&RelayState=y&SigAlg=z&Signature=w",
    ]


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
