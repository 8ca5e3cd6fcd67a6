"""The condition keys that a request can carry here (IAM User Guide, "Global condition keys", "STS keys")."""

import re
from typing import Final

SAML_SINGLE: Final = frozenset(
    f"saml:{name}"
    for name in (
        "aud", "doc", "edupersonorgdn", "edupersonprimaryaffiliation", "edupersonprimaryorgunitdn",
        "edupersonprincipalname", "iss", "namequalifier", "sub", "sub_type",
    )
)  # fmt: skip
SAML_LISTS: Final = frozenset(
    f"saml:{name}"
    for name in (
        "cn", "commonname", "edupersonaffiliation", "edupersonassurance", "edupersonentitlement",
        "edupersonnickname", "edupersonorgunitdn", "edupersonscopedaffiliation", "edupersontargetedid",
        "eduorghomepageuri", "eduorgidentityauthnpolicyuri", "eduorglegalname", "eduorgsuperioruri",
        "eduorgwhitepagesuri", "givenname", "mail", "name", "organizationstatus", "primarygroupsid", "surname",
        "uid", "x500uniqueidentifier",
    )
)  # fmt: skip

_SINGLE = SAML_SINGLE | {
    "aws:currenttime", "aws:epochtime", "aws:federatedprovider", "aws:multifactorauthage",
    "aws:multifactorauthpresent", "aws:principalaccount", "aws:principalarn", "aws:principalisawsservice",
    "aws:principaltype", "aws:referer", "aws:requestedregion", "aws:resourceaccount", "aws:securetransport",
    "aws:sourceidentity", "aws:sourceip", "aws:tokenissuetime", "aws:useragent", "aws:userid", "aws:username",
    "aws:viaawsservice", "sts:durationseconds", "sts:externalid", "sts:rolesessionname", "sts:signingalgorithm",
    "sts:sourceidentity",
}  # fmt: skip
_LISTS = SAML_LISTS | {"aws:tagkeys", "sts:identitytokenaudience", "sts:transitivetagkeys"}
_TAGS = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/", "iam:resourcetag/")
# The keys of a web identity begin with the address of its issuer, which holds a dot, a slash or a port.
_WEB_IDENTITY = re.compile(r"[a-z0-9][a-z0-9._~:/-]*[./:][a-z0-9._~:/-]*:(?:aud|azp|oaud|sub)", re.ASCII)
_WEB_IDENTITY_LIST = re.compile(r"[a-z0-9][a-z0-9._~:/-]*[./:][a-z0-9._~:/-]*:amr", re.ASCII)


def is_known(key: str) -> bool:
    """Tell whether a request could carry this key, in lower case, if it had a value for it."""
    return key in _SINGLE or is_list(key) or _is_tag(key) or _WEB_IDENTITY.fullmatch(key) is not None


def is_list(key: str) -> bool:
    """Tell whether a key has many values, so that an operator on it needs ForAnyValue or ForAllValues."""
    return key in _LISTS or _WEB_IDENTITY_LIST.fullmatch(key) is not None


def _is_tag(key: str) -> bool:
    return any(key.startswith(prefix) and key != prefix for prefix in _TAGS)
