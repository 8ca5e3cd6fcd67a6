"""Our `DirectoryConfig` as the options that libldap and django-auth-ldap understand."""

from typing import Any

import ldap
from django_auth_ldap.config import LDAPSearch, LDAPSettings

from idp.conf.directories import DirectoryConfig
from idp.directory.account_state import BESIDE_ALL_SETS, STATE_ATTRIBUTES
from idp.domain.errors import DirectoryUnavailable

SETTINGS_PREFIX = "DRAWBRIDGE_AUTH_LDAP_"
# By what they sign in, what their groups are made of, and whether we may see which policy holds for them.
ACTIVE_DIRECTORY_ATTRIBUTES = (
    "sAMAccountName", "userPrincipalName", "objectSid", "primaryGroupID", BESIDE_ALL_SETS,
)  # fmt: skip
TLS_1_2 = 0x0303
GNUTLS_1_2_AND_NEWER = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"


def connection_options(config: DirectoryConfig, *, encrypted: bool, seconds: float) -> list[tuple[int, Any]]:
    """The options of one connection, in the order in which they must be set.

    No referral is followed: another server would be shown our password. Every step of opening it has `seconds`.
    """
    options = [
        (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
        (ldap.OPT_REFERRALS, 0),
        (ldap.OPT_NETWORK_TIMEOUT, seconds),
        (ldap.OPT_TIMEOUT, seconds),
        (ldap.OPT_X_KEEPALIVE_IDLE, 60),
        (ldap.OPT_X_KEEPALIVE_PROBES, 3),
        (ldap.OPT_X_KEEPALIVE_INTERVAL, 10),
    ]
    if encrypted:
        options += [
            (ldap.OPT_X_TLS_CACERTFILE, config.ca_file),
            (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
            _nothing_older_than_tls_1_2(),
            # Last: libldap reads all of the above when it makes the context, and never again.
            (ldap.OPT_X_TLS_NEWCTX, 0),
        ]
    return options


def _nothing_older_than_tls_1_2() -> tuple[int, Any]:
    """The option that holds in this build: a libldap with GnuTLS takes the minimum and ignores it."""
    if ldap.get_option(ldap.OPT_X_TLS_PACKAGE) == "GnuTLS":
        return ldap.OPT_X_TLS_CIPHER_SUITE, GNUTLS_1_2_AND_NEWER
    return ldap.OPT_X_TLS_PROTOCOL_MIN, TLS_1_2


def encryption(uri: str, config: DirectoryConfig) -> tuple[bool, bool]:
    """Whether the server speaks TLS, and whether StartTLS must be asked for it; refuses every road in clear text."""
    if uri.startswith("ldapi://"):
        return False, False
    if not config.ca_file:
        raise DirectoryUnavailable(f"{config.variable('CA_FILE')} is not set: no server can be recognised")
    if uri.startswith("ldaps://"):
        return True, False
    if uri.startswith("ldap://") and config.starttls:
        return True, True
    raise DirectoryUnavailable(f"{uri} would carry passwords in clear text: use ldaps:// or StartTLS")


def person_attributes(config: DirectoryConfig) -> list[str]:
    """What is asked about a person, and nothing else: no photograph, no password hash."""
    wanted = (
        config.id_attribute,
        config.username_attribute,
        config.display_name_attribute,
        config.mail_attribute,
        *config.extra_attributes,
        *STATE_ATTRIBUTES,
        *(ACTIVE_DIRECTORY_ATTRIBUTES if config.is_active_directory else ()),
    )
    return list(dict.fromkeys(wanted))


def password_check_settings(config: DirectoryConfig) -> LDAPSettings:
    """What django-auth-ldap does for us: find the name, bind; it caches, creates and mirrors nothing.

    Connections come to it encrypted and bound, so it knows no address and no secret. Whom a name means is
    decided where the search is made (`typed_names`).
    """
    # It puts the name in the place of `%(user)s`; ours has no such place.
    user_filter = config.user_filter.replace("%", "%%")
    return LDAPSettings(
        SETTINGS_PREFIX,
        {
            "USER_SEARCH": LDAPSearch(config.user_base, ldap.SCOPE_SUBTREE, user_filter),
            "ALWAYS_UPDATE_USER": False,
            "PERMIT_EMPTY_PASSWORD": False,
        },
    )
