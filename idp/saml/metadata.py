"""Our metadata: who we are, which certificates verify us, and where requests go (SAML Metadata 2.4.3)."""

import hashlib
from datetime import UTC, datetime, timedelta

from lxml import etree
from saml2 import SamlBase, element_to_extension_element, md, xmldsig
from saml2.extension import algsupport, mdui, shibmd

from idp.domain.saml_names import NameIdFormat, SignatureAlgorithm
from idp.domain.self_description import HELP_PATH, SelfDescription
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
from idp.saml.signature_shape import DIGESTS
from idp.saml.signing import Signer, canonical, sign_enveloped
from idp.saml.xml import parse

LOGO_SIDE = "64"
PREFIXES = {
    "md": MD,
    "ds": DS,
    "alg": algsupport.NAMESPACE,
    "shibmd": shibmd.NAMESPACE,
    "mdui": mdui.NAMESPACE,
}


def build_metadata(
    *, entity_id: str, base_url: str, certificates: tuple[str, ...], description: SelfDescription
) -> bytes:
    """The document that AWS and other service providers register; every certificate in it may verify us.

    As it stands it is handed over by an administrator: without an end, for nobody would bring a newer one.
    """
    descriptor = md.IDPSSODescriptor(
        protocol_support_enumeration=SAMLP,
        want_authn_requests_signed="false",
        error_url=f"{base_url}{HELP_PATH}",
        extensions=_extensions(base_url, description),
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
    entity = md.EntityDescriptor(
        entity_id=entity_id, idpsso_descriptor=[descriptor], contact_person=_contacts(description)
    )
    document: bytes = entity.to_string(PREFIXES)
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


def _extensions(base_url: str, description: SelfDescription) -> md.Extensions:
    """Which signatures we verify, in which scope our subject identifiers are, and how people see us."""
    shown: list[SamlBase] = [
        *(algsupport.DigestMethod(algorithm=name) for name in DIGESTS),
        *(algsupport.SigningMethod(algorithm=str(name)) for name in SignatureAlgorithm),
        shibmd.Scope(regexp="false", text=description.scope),
        mdui.UIInfo(
            display_name=[mdui.DisplayName(lang="en", text=description.display_name)],
            information_url=[mdui.InformationURL(lang="en", text=f"{base_url}{HELP_PATH}")],
            logo=[mdui.Logo(height=LOGO_SIDE, width=LOGO_SIDE, text=description.logo)],
        ),
    ]
    return md.Extensions(extension_elements=[element_to_extension_element(one) for one in shown])


def _contacts(description: SelfDescription) -> list[md.ContactPerson]:
    if not description.contact:
        return []
    address = md.EmailAddress(text=f"mailto:{description.contact}")
    return [md.ContactPerson(contact_type="technical", email_address=[address])]


def _key_descriptor(certificate: str) -> md.KeyDescriptor:
    x509 = xmldsig.X509Data(x509_certificate=xmldsig.X509Certificate(text=certificate))
    return md.KeyDescriptor(use="signing", key_info=xmldsig.KeyInfo(x509_data=x509))
