"""What a statement says, as condition keys (IAM User Guide, "Configure SAML assertions", mapped attributes)."""

from collections.abc import Mapping
from typing import Final

from sts_bridge.local_aws.policies.keys import SAML_SINGLE

_EDU_PERSON = "urn:oid:1.3.6.1.4.1.5923.1.1.1."
_EDU_ORG = "urn:oid:1.3.6.1.4.1.5923.1.2.1."
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_X500 = "urn:oid:2.5.4."

KEYS: Final[Mapping[str, str]] = {
    f"{_EDU_PERSON}1": "edupersonaffiliation",
    f"{_EDU_PERSON}2": "edupersonnickname",
    f"{_EDU_PERSON}3": "edupersonorgdn",
    f"{_EDU_PERSON}4": "edupersonorgunitdn",
    f"{_EDU_PERSON}5": "edupersonprimaryaffiliation",
    f"{_EDU_PERSON}6": "edupersonprincipalname",
    f"{_EDU_PERSON}7": "edupersonentitlement",
    f"{_EDU_PERSON}8": "edupersonprimaryorgunitdn",
    f"{_EDU_PERSON}9": "edupersonscopedaffiliation",
    f"{_EDU_PERSON}10": "edupersontargetedid",
    f"{_EDU_PERSON}11": "edupersonassurance",
    f"{_EDU_ORG}2": "eduorghomepageuri",
    f"{_EDU_ORG}3": "eduorgidentityauthnpolicyuri",
    f"{_EDU_ORG}4": "eduorglegalname",
    f"{_EDU_ORG}5": "eduorgsuperioruri",
    f"{_EDU_ORG}6": "eduorgwhitepagesuri",
    f"{_X500}3": "cn",
    f"{_XMLSOAP}name": "name",
    f"{_XMLSOAP}givenname": "givenname",
    f"{_XMLSOAP}surname": "surname",
    f"{_XMLSOAP}emailaddress": "mail",
    "http://schemas.xmlsoap.org/claims/CommonName": "commonname",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": "uid",
    "2.5.4.3": "commonname",
    "2.5.4.4": "surname",
    "2.5.4.42": "givenname",
    "2.5.4.45": "x500uniqueidentifier",
    "0.9.2342.19200300100.1.1": "uid",
    "0.9.2342.19200300100.1.3": "mail",
    "0.9.2342.19200300100.1.45": "organizationstatus",
}


def attribute_keys(attributes: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Give the condition keys of the directory's attributes; of two for one key the first counts."""
    context: dict[str, tuple[str, ...]] = {}
    for name, values in attributes.items():
        if name not in KEYS or not values:
            continue
        key = f"saml:{KEYS[name]}"
        context.setdefault(key, values[:1] if key in SAML_SINGLE else values)
    return context
