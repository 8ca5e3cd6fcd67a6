"""Our metadata: who we are, which certificates verify us, and where requests go (SAML Metadata 2.4.3)."""

from saml2 import md, xmldsig

from idp.saml.constants import (
    DS,
    HTTP_POST,
    HTTP_REDIRECT,
    LOGOUT_POST_PATH,
    LOGOUT_REDIRECT_PATH,
    MD,
    NAME_ID_PERSISTENT,
    SAMLP,
    SIGN_ON_POST_PATH,
    SIGN_ON_REDIRECT_PATH,
)


def build_metadata(*, entity_id: str, base_url: str, certificates: tuple[str, ...]) -> bytes:
    """The document that AWS and other service providers register; every certificate in it may verify us.

    It is not signed: it is handed over by an administrator or fetched over TLS.
    """
    descriptor = md.IDPSSODescriptor(
        protocol_support_enumeration=SAMLP,
        want_authn_requests_signed="false",
        key_descriptor=[_key_descriptor(certificate) for certificate in certificates],
        single_logout_service=[
            md.SingleLogoutService(binding=HTTP_REDIRECT, location=f"{base_url}{LOGOUT_REDIRECT_PATH}"),
            md.SingleLogoutService(binding=HTTP_POST, location=f"{base_url}{LOGOUT_POST_PATH}"),
        ],
        name_id_format=[md.NameIDFormat(text=NAME_ID_PERSISTENT)],
        single_sign_on_service=[
            md.SingleSignOnService(binding=HTTP_REDIRECT, location=f"{base_url}{SIGN_ON_REDIRECT_PATH}"),
            md.SingleSignOnService(binding=HTTP_POST, location=f"{base_url}{SIGN_ON_POST_PATH}"),
        ],
    )
    entity = md.EntityDescriptor(entity_id=entity_id, idpsso_descriptor=[descriptor])
    document: bytes = entity.to_string({"md": MD, "ds": DS})
    return document


def _key_descriptor(certificate: str) -> md.KeyDescriptor:
    x509 = xmldsig.X509Data(x509_certificate=xmldsig.X509Certificate(text=certificate))
    return md.KeyDescriptor(use="signing", key_info=xmldsig.KeyInfo(x509_data=x509))
