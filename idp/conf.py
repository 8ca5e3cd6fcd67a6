"""Settings, read once: the only reader of Django's settings for our own; the rest receives frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType

from django.conf import settings


@dataclass(frozen=True, slots=True)
class DirectoryConfig:
    """One directory: its name (part of every account key), servers in order, and where and how to look."""

    name: str
    uris: tuple[str, ...]
    bind_dn: str
    bind_password: str = field(repr=False)
    user_base: str
    user_filter: str
    group_base: str
    group_filter: str
    starttls: bool
    ca_file: str
    id_attribute: str
    username_attribute: str
    display_name_attribute: str
    mail_attribute: str
    member_attribute: str
    extra_attributes: tuple[str, ...]
    connect_seconds: float = 3.0
    operation_seconds: float = 3.0
    sign_in_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class SamlConfig:
    """What our statements say of ourselves, and where AWS is."""

    entity_id: str
    base_url: str
    key_dir: Path
    session_name_attribute: str
    tag_sources: Mapping[str, str]
    audiences: Mapping[str, str]
    released_attributes: tuple[str, ...]
    stand_in: str | None
    unsafe_loopback_providers: bool


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """How long answers and sign-ins hold, and who may administer."""

    base_url: str
    demo: bool
    insecure_cookies: bool
    reuse_for: timedelta
    recheck_deadline: timedelta
    sweep_every: timedelta
    idle_for: timedelta
    absolute_for: timedelta
    admin_groups: tuple[str, ...]
    trusted_proxies: tuple[str, ...]


@cache
def directory_config() -> DirectoryConfig:
    """The company directory as configured."""
    tag_sources = tuple(settings.DRAWBRIDGE_SESSION_TAGS.values())
    extra = dict.fromkeys(
        (*tag_sources, settings.DRAWBRIDGE_SESSION_NAME_ATTRIBUTE, *settings.DRAWBRIDGE_RELEASED_ATTRIBUTES)
    )
    return DirectoryConfig(
        name=settings.DRAWBRIDGE_LDAP_NAME,
        uris=settings.DRAWBRIDGE_LDAP_URI,
        bind_dn=settings.DRAWBRIDGE_LDAP_BIND_DN,
        bind_password=settings.DRAWBRIDGE_LDAP_BIND_PASSWORD,
        user_base=settings.DRAWBRIDGE_LDAP_USER_BASE,
        user_filter=settings.DRAWBRIDGE_LDAP_USER_FILTER,
        group_base=settings.DRAWBRIDGE_LDAP_GROUP_BASE,
        group_filter=settings.DRAWBRIDGE_LDAP_GROUP_FILTER,
        starttls=settings.DRAWBRIDGE_LDAP_STARTTLS,
        ca_file=settings.DRAWBRIDGE_LDAP_CA_FILE,
        id_attribute=settings.DRAWBRIDGE_LDAP_ID_ATTRIBUTE,
        username_attribute=settings.DRAWBRIDGE_LDAP_USERNAME_ATTRIBUTE,
        display_name_attribute=settings.DRAWBRIDGE_LDAP_DISPLAY_NAME_ATTRIBUTE,
        mail_attribute=settings.DRAWBRIDGE_LDAP_MAIL_ATTRIBUTE,
        member_attribute=settings.DRAWBRIDGE_LDAP_MEMBER_ATTRIBUTE,
        extra_attributes=tuple(extra),
    )


def directory_calls_at_once() -> int:
    """How many threads of one process may wait for a directory at the same moment."""
    at_once: int = settings.DRAWBRIDGE_DIRECTORY_CALLS_AT_ONCE
    return at_once


@cache
def saml_config() -> SamlConfig:
    """Our side of SAML as configured."""
    return SamlConfig(
        entity_id=settings.DRAWBRIDGE_ENTITY_ID,
        base_url=settings.DRAWBRIDGE_BASE_URL,
        key_dir=Path(settings.DRAWBRIDGE_KEY_DIR),
        session_name_attribute=settings.DRAWBRIDGE_SESSION_NAME_ATTRIBUTE,
        tag_sources=MappingProxyType(dict(settings.DRAWBRIDGE_SESSION_TAGS)),
        released_attributes=settings.DRAWBRIDGE_RELEASED_ATTRIBUTES,
        audiences=MappingProxyType(dict(settings.DRAWBRIDGE_AUDIENCES)),
        stand_in=settings.DRAWBRIDGE_AWS_SIGNIN_URL,
        unsafe_loopback_providers=settings.DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS,
    )


@cache
def access_config() -> AccessConfig:
    """The limits on sign-ins and answers as configured."""
    return AccessConfig(
        base_url=settings.DRAWBRIDGE_BASE_URL,
        demo=settings.DRAWBRIDGE_DEMO,
        insecure_cookies=settings.DRAWBRIDGE_INSECURE_COOKIES,
        reuse_for=timedelta(seconds=settings.DRAWBRIDGE_DIRECTORY_REUSE_SECONDS),
        recheck_deadline=timedelta(seconds=settings.DRAWBRIDGE_RECHECK_DEADLINE_SECONDS),
        sweep_every=timedelta(seconds=settings.DRAWBRIDGE_SWEEP_SECONDS),
        idle_for=timedelta(seconds=settings.DRAWBRIDGE_SESSION_IDLE_SECONDS),
        absolute_for=timedelta(seconds=settings.DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS),
        admin_groups=settings.DRAWBRIDGE_ADMIN_GROUPS,
        trusted_proxies=settings.DRAWBRIDGE_TRUSTED_PROXIES,
    )
