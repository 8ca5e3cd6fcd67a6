"""Our metadata: who we are, which certificates verify us, and where requests go (SAML Metadata 2.4.3)."""

import hashlib
from datetime import UTC, datetime, timedelta

from lxml import etree
from saml2 import md, xmldsig

from idp.domain.saml_names import NameIdFormat
from idp.saml.constants import (
    DS,
    HTTP_POST,
    HTTP_REDIRECT,
    LOGOUT_POST_PATH,
    LOGOUT_REDIRECT_PATH,
    MD,
    SAMLP,
    SIGN_ON_POST_PATH,
    SIGN_ON_REDIRECT_PATH,
)
from idp.saml.signing import Signer, canonical, sign_enveloped
from idp.saml.xml import parse


def build_metadata(*, entity_id: str, base_url: str, certificates: tuple[str, ...]) -> bytes:
    """The document that AWS and other service providers register; every certificate in it may verify us.

    As it stands it is handed over by an administrator: without an end, for nobody would bring a newer one.
    """
    descriptor = md.IDPSSODescriptor(
        protocol_support_enumeration=SAMLP,
        want_authn_requests_signed="false",
        key_descriptor=[_key_descriptor(certificate) for certificate in certificates],
        single_logout_service=[
            md.SingleLogoutService(binding=HTTP_REDIRECT, location=f"{base_url}{LOGOUT_REDIRECT_PATH}"),
            md.SingleLogoutService(binding=HTTP_POST, location=f"{base_url}{LOGOUT_POST_PATH}"),
        ],
        name_id_format=[md.NameIDFormat(text=name) for name in NameIdFormat],
        single_sign_on_service=[
            md.SingleSignOnService(binding=HTTP_REDIRECT, location=f"{base_url}{SIGN_ON_REDIRECT_PATH}"),
            md.SingleSignOnService(binding=HTTP_POST, location=f"{base_url}{SIGN_ON_POST_PATH}"),
        ],
    )
    entity = md.EntityDescriptor(entity_id=entity_id, idpsso_descriptor=[descriptor])
    document: bytes = entity.to_string({"md": MD, "ds": DS})
    return document


def sign_metadata(
    document: bytes, *, signer: Signer, valid_until: datetime, refresh_after: timedelta
) -> bytes:
    """The same document for those who fetch it: with an end, and signed as a whole (SAML Metadata 2.3.2 and 3).

    Whoever has pinned our certificate knows the key; the signature names none, for none that it named would count.
    """
    root = parse(document)
    # One document, one name: readers tell by it whether they have this one already.
    root.set("ID", f"_{hashlib.sha256(document + valid_until.isoformat().encode()).hexdigest()[:32]}")
    root.set("validUntil", f"{valid_until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    root.set("cacheDuration", f"PT{int(refresh_after.total_seconds())}S")
    sign_enveloped(root, canonical(root), signer, place=0)
    signature = root[0]
    signature.remove(signature[2])
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _key_descriptor(certificate: str) -> md.KeyDescriptor:
    x509 = xmldsig.X509Data(x509_certificate=xmldsig.X509Certificate(text=certificate))
    return md.KeyDescriptor(use="signing", key_info=xmldsig.KeyInfo(x509_data=x509))
