"""Our messages of single logout, signed for the binding by which they travel (SAML Profiles 4.4)."""

import base64
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from lxml import etree

from idp.domain.saml_names import Binding
from idp.domain.single_logout import KnownSession
from idp.saml.bindings import signed_query, with_query
from idp.saml.constants import SAML, SAMLP, STATUS_SUCCESS
from idp.saml.responses import checked_identifier, instant_text, lawful
from idp.saml.signing import Signer, canonical, sign_enveloped
from idp.saml.xml import parse

REQUEST = parse(
    f"""<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" Version="2.0"><saml:Issuer/>\
<saml:NameID/></samlp:LogoutRequest>""".encode()
)
RESPONSE = parse(
    f"""<samlp:LogoutResponse xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" Version="2.0"><saml:Issuer/>\
<samlp:Status><samlp:StatusCode/></samlp:Status></samlp:LogoutResponse>""".encode()
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message says: its ID, from whom, to where, when, and by which binding it travels."""

    id: str
    issuer: str
    address: str
    binding: Binding
    issued_at: datetime
    relay_state: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to leave: an address to go to, or a form to post there."""

    address: str
    parameter: str = ""
    message: str = ""
    relay_state: str | None = None

    @property
    def is_form(self) -> bool:
        """Whether a browser has to post it."""
        return bool(self.parameter)


def ask_to_end(envelope: Envelope, sessions: Iterable[KnownSession], signer: Signer) -> Outgoing:
    """The request that these sessions of one person end at the service."""
    known = list(sessions)
    request = _begun(REQUEST, envelope)
    name_id = request[1]
    name_id.set("Format", lawful(known[0].name_id_format))
    if known[0].name_qualifier:
        name_id.set("NameQualifier", lawful(known[0].name_qualifier))
    if known[0].sp_name_qualifier:
        name_id.set("SPNameQualifier", lawful(known[0].sp_name_qualifier))
    name_id.text = lawful(known[0].name_id)
    for session in known:
        index = etree.SubElement(request, f"{{{SAMLP}}}SessionIndex")
        index.text = lawful(session.session_index)
    return _sealed(request, "SAMLRequest", envelope, signer)


def tell_the_end(
    envelope: Envelope, *, in_response_to: str, code: str | None, second_code: str | None, signer: Signer
) -> Outgoing:
    """The answer to a service's request; without a code everything that was asked has been done."""
    response = _begun(RESPONSE, envelope)
    response.set("InResponseTo", checked_identifier(in_response_to))
    status_code = response[1][0]
    status_code.set("Value", lawful(code or STATUS_SUCCESS))
    if second_code:
        etree.SubElement(status_code, f"{{{SAMLP}}}StatusCode", Value=lawful(second_code))
    return _sealed(response, "SAMLResponse", envelope, signer)


def _begun(shape: etree._Element, envelope: Envelope) -> etree._Element:
    message = copy(shape)
    message.set("ID", checked_identifier(envelope.id))
    message.set("IssueInstant", instant_text(envelope.issued_at))
    message.set("Destination", lawful(envelope.address))
    message[0].text = lawful(envelope.issuer)
    return message


def _sealed(message: etree._Element, parameter: str, envelope: Envelope, signer: Signer) -> Outgoing:
    signer.check_in_force(envelope.issued_at)
    if envelope.binding is Binding.HTTP_REDIRECT:
        query = signed_query(
            parameter,
            etree.tostring(message, encoding="utf-8", xml_declaration=False),
            relay_state=envelope.relay_state,
            algorithm=signer.algorithm,
        )
        signature = base64.b64encode(signer.sign(query.encode())).decode()
        return Outgoing(with_query(envelope.address, f"{query}&Signature={quote(signature, safe='')}"))
    sign_enveloped(message, canonical(message), signer)
    document = etree.tostring(message, encoding="utf-8", xml_declaration=False)
    return Outgoing(envelope.address, parameter, base64.b64encode(document).decode(), envelope.relay_state)
