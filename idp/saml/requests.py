"""An arrived message into a domain value: first the gate, then the signature, then its values, each in one grammar.

Two steps, because the key depends on who says to have sent it: `gated` tells the unverified issuer, and with what
is registered for that name `authn_request`, `logout_request` and `logout_response` check and read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from idp.domain.authn_request import AuthnRequest, Comparison, NameIdPolicy, Subject, fingerprint
from idp.domain.saml_names import Binding
from idp.domain.single_logout import LogoutRequest, LogoutResponse
from idp.saml.bindings import Arrived
from idp.saml.constants import STATUS_SUCCESS
from idp.saml.errors import UntrustedMessage
from idp.saml.gate import GatedMessage, admit
from idp.saml.shapes import ASYNCHRONOUS, EXTENSIONS, MessageKind, saml, samlp
from idp.saml.verifying import signed_element, signer_of_query

KINDS_OF: Final = {
    "SAMLRequest": frozenset({MessageKind.AUTHN_REQUEST, MessageKind.LOGOUT_REQUEST}),
    "SAMLResponse": frozenset({MessageKind.LOGOUT_RESPONSE}),
}
LONGEST_VALUE: Final = 2_048
LARGEST_INDEX: Final = 65_535

# SAML Core 1.3.3: in UTC; nobody means more than nanoseconds.
instant_grammar = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?Z", re.ASCII
)
index_grammar = re.compile(r"[0-9]{1,5}", re.ASCII)
BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """A message whose shape was accepted and whose sender is not known yet."""

    arrived: Arrived
    message: GatedMessage

    @property
    def kind(self) -> MessageKind:
        """What it says to be."""
        return self.message.kind

    @property
    def unverified_issuer(self) -> str:
        """Who it says has sent it."""
        return self.message.unverified_issuer


def gated(arrived: Arrived, *, expected: frozenset[MessageKind]) -> Incoming:
    """The message behind the structural gate; refuses another kind than this door expects."""
    message = admit(arrived.document)
    if message.kind not in expected & KINDS_OF[arrived.parameter]:
        raise UntrustedMessage("saml.structure.root", f"{message.kind} as {arrived.parameter}")
    return Incoming(arrived, message)


def authn_request(incoming: Incoming, *, certificates: Iterable[str], signature_needed: bool) -> AuthnRequest:
    """What the service asked; refuses with UntrustedMessage a signature that does not hold, or is missing."""
    root, signer = _checked(incoming, certificates, signature_needed=signature_needed)
    policy = root.find(samlp("NameIDPolicy"))
    subject = root.find(f"{saml('Subject')}/{saml('NameID')}")
    contexts = root.find(samlp("RequestedAuthnContext"))
    providers = root.find(f"{samlp('Scoping')}/{samlp('IDPList')}")
    return AuthnRequest(
        id=_text_of(root, "ID"),
        issuer=_content(root[0]),
        issued_at=_instant(root, "IssueInstant"),
        binding=incoming.arrived.binding,
        signed_by=fingerprint(signer) if signer else "",
        destination=root.get("Destination"),
        relay_state=incoming.arrived.relay_state,
        acs_url=root.get("AssertionConsumerServiceURL"),
        acs_index=_index(root, "AssertionConsumerServiceIndex"),
        protocol_binding=root.get("ProtocolBinding"),
        attribute_index=_index(root, "AttributeConsumingServiceIndex"),
        force_authn=_boolean(root, "ForceAuthn") or False,
        is_passive=_boolean(root, "IsPassive") or False,
        name_id_policy=None
        if policy is None
        else NameIdPolicy(
            policy.get("Format"), policy.get("SPNameQualifier"), _boolean(policy, "AllowCreate")
        ),
        subject=None if subject is None else Subject(_content(subject), subject.get("Format")),
        has_conditions=root.find(saml("Conditions")) is not None,
        contexts=() if contexts is None else tuple(_content(element) for element in contexts),
        comparison=_comparison(contexts),
        named_providers=None
        if providers is None
        else tuple(entry.get("ProviderID", "") for entry in providers.iterfind(samlp("IDPEntry"))),
        has_further_providers=providers is not None and providers.find(samlp("GetComplete")) is not None,
    )


def logout_request(incoming: Incoming, *, certificates: Iterable[str]) -> LogoutRequest:
    """What the service asked, and it is signed: nobody else may end a session (SAML Profiles 4.4.4.1)."""
    root, _ = _checked(incoming, certificates, signature_needed=True)
    name_id = root.find(saml("NameID"))
    if name_id is None:
        raise UntrustedMessage("saml.structure.LogoutRequest", "no NameID")
    return LogoutRequest(
        id=_text_of(root, "ID"),
        issuer=_content(root[0]),
        issued_at=_instant(root, "IssueInstant"),
        binding=incoming.arrived.binding,
        name_id=_content(name_id),
        name_id_format=name_id.get("Format"),
        name_qualifier=name_id.get("NameQualifier"),
        sp_name_qualifier=name_id.get("SPNameQualifier"),
        session_indexes=tuple(_content(element) for element in root.iterfind(samlp("SessionIndex"))),
        destination=root.get("Destination"),
        relay_state=incoming.arrived.relay_state,
        not_on_or_after=_instant(root, "NotOnOrAfter") if "NotOnOrAfter" in root.attrib else None,
        wants_no_answer=root.find(f"{EXTENSIONS}/{ASYNCHRONOUS}") is not None,
    )


def logout_response(incoming: Incoming, *, certificates: Iterable[str]) -> LogoutResponse:
    """What the service answered, and it is signed."""
    root, _ = _checked(incoming, certificates, signature_needed=True)
    code = root.find(f"{samlp('Status')}/{samlp('StatusCode')}")
    return LogoutResponse(
        id=_text_of(root, "ID"),
        issuer=_content(root[0]),
        issued_at=_instant(root, "IssueInstant"),
        binding=incoming.arrived.binding,
        in_response_to=root.get("InResponseTo"),
        # Part of a logout is none: the person is told that the service may still know them.
        is_success=code is not None and code.get("Value") == STATUS_SUCCESS and not len(code),
        destination=root.get("Destination"),
        relay_state=incoming.arrived.relay_state,
    )


def _checked(
    incoming: Incoming, certificates: Iterable[str], *, signature_needed: bool
) -> tuple[etree._Element, str]:
    """The element to read, and the certificate whose key signed it, empty if none did.

    Every signature that is there must hold (RQ-04, RQ-05).
    """
    over_query, enveloped = incoming.arrived.query_signature, incoming.message.signature
    if enveloped is not None:
        if incoming.arrived.binding is Binding.HTTP_REDIRECT:
            # SAML Bindings 3.4.4.1: a message in a query carries no signature of its own.
            raise UntrustedMessage("saml.signature.enveloped_in_query")
        return signed_element(incoming.message, certificates)
    if over_query is not None:
        signer = signer_of_query(
            over_query.octets,
            signature=over_query.signature,
            algorithm=over_query.algorithm,
            certificates=certificates,
        )
        return incoming.message.root, signer
    if signature_needed:
        raise UntrustedMessage("saml.signature.missing")
    return incoming.message.root, ""


def _content(element: etree._Element) -> str:
    """The text of an element that the gate has found to hold nothing but text."""
    text = element.text or ""
    if not text or len(text) > LONGEST_VALUE or not text.isprintable():
        raise UntrustedMessage("saml.value.text", element.tag)
    return text


def _text_of(element: etree._Element, name: str) -> str:
    return element.get(name) or ""


def _instant(element: etree._Element, name: str) -> datetime:
    text = element.get(name, "")
    found = instant_grammar.fullmatch(text)
    if not found:
        raise UntrustedMessage("saml.value.instant", text)
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        raise UntrustedMessage("saml.value.instant", text) from None


def _boolean(element: etree._Element, name: str) -> bool | None:
    text = element.get(name)
    if text is None:
        return None
    if text not in BOOLEANS:
        raise UntrustedMessage("saml.value.boolean", text)
    return BOOLEANS[text]


def _index(element: etree._Element, name: str) -> int | None:
    text = element.get(name)
    if text is None:
        return None
    if not index_grammar.fullmatch(text) or int(text) > LARGEST_INDEX:
        raise UntrustedMessage("saml.value.index", text)
    return int(text)


def _comparison(contexts: etree._Element | None) -> Comparison:
    text = "exact" if contexts is None else contexts.get("Comparison", "exact")
    try:
        return Comparison(text)
    except ValueError:
        raise UntrustedMessage("saml.value.comparison", text) from None
