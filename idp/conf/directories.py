"""The directories as configured: where and how to look, and what is usual for each kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from django.conf import settings

from idp.domain.errors import Malformed
from idp.domain.groups import parse_dn

PLAIN = "DRAWBRIDGE_LDAP"
OBJECT_SID = "objectSid"


class DirectoryKind(StrEnum):
    """What a directory is: decides the usual filters and attributes, and how its names and groups work."""

    OPENLDAP = "openldap"
    ACTIVE_DIRECTORY = "active-directory"


class GroupMethod(StrEnum):
    """How the groups of a person, and the groups that these are in, are found."""

    WALK = "walk"
    IN_CHAIN = "in-chain"
    TOKEN_GROUPS = "token-groups"  # noqa: S105 - the name of a method


@dataclass(frozen=True, slots=True)
class DirectoryConfig:
    r"""One directory: its name (part of every account key), servers in order, and where and how to look.

    `setting` is what the names of its variables begin with. `domains` are the DNS domains of its people's
    names, in lower case; `netbios_name` is what stands before the backslash of `DOMAIN\name`. Where no server
    is named those of `srv_domain` are found in the DNS, first those of `srv_site`.
    """

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
    kind: DirectoryKind = DirectoryKind.OPENLDAP
    setting: str = PLAIN
    domains: tuple[str, ...] = ()
    netbios_name: str = ""
    srv_domain: str = ""
    srv_site: str = ""
    srv_ldaps: bool = False
    nameservers: tuple[str, ...] = ()
    global_catalog: bool = False
    group_method: GroupMethod = GroupMethod.WALK
    reuse_seconds: float = 0.0
    group_prefix: str = ""
    session_name_attribute: str = "mail"
    tag_sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_active_directory(self) -> bool:
        """Whether names, identifiers and groups are Active Directory's."""
        return self.kind is DirectoryKind.ACTIVE_DIRECTORY

    @property
    def group_id_attribute(self) -> str:
        """What never changes of a group: in Active Directory its SID, which is also what a logon token holds."""
        return OBJECT_SID if self.is_active_directory else self.id_attribute

    def variable(self, name: str) -> str:
        """The full name of one of this directory's variables, for those who must set it."""
        return f"{self.setting}_{name}"


# [MS-ADTS] 2.2.12: only security-enabled groups give anything in Active Directory, and so with us.
SECURITY_GROUP = "(groupType:1.2.840.113556.1.4.803:=2147483648)"
USUAL = {
    DirectoryKind.OPENLDAP: {
        "USER_FILTER": "(objectClass=inetOrgPerson)",
        "GROUP_FILTER": "(objectClass=groupOfNames)",
        "ID_ATTRIBUTE": "entryUUID",
        "USERNAME_ATTRIBUTE": "uid",
        "DISPLAY_NAME_ATTRIBUTE": "cn",
        "MAIL_ATTRIBUTE": "mail",
        "MEMBER_ATTRIBUTE": "member",
        "GROUP_METHOD": GroupMethod.WALK,
    },
    DirectoryKind.ACTIVE_DIRECTORY: {
        "USER_FILTER": "(&(objectCategory=person)(objectClass=user))",
        "GROUP_FILTER": f"(&(objectCategory=group){SECURITY_GROUP})",
        "ID_ATTRIBUTE": "objectGUID",
        "USERNAME_ATTRIBUTE": "sAMAccountName",
        "DISPLAY_NAME_ATTRIBUTE": "displayName",
        "MAIL_ATTRIBUTE": "mail",
        "MEMBER_ATTRIBUTE": "member",
        "GROUP_METHOD": GroupMethod.TOKEN_GROUPS,
    },
}


@cache
def directory_configs() -> tuple[DirectoryConfig, ...]:
    """Every directory as configured, in order."""
    return tuple(directory_config(prefix) for prefix in settings.DRAWBRIDGE_DIRECTORIES)


@cache
def directory_config(prefix: str = PLAIN) -> DirectoryConfig:
    """The directory whose settings begin with this prefix; what they leave empty is as usual for its kind."""
    kind = DirectoryKind(getattr(settings, f"{prefix}_KIND", "") or DirectoryKind.OPENLDAP)

    def given(name: str) -> Any:
        return getattr(settings, f"{prefix}_{name}", "")

    def usual(name: str) -> str:
        text: str = given(name)
        return text or USUAL[kind][name]

    tag_sources = dict(given("SESSION_TAGS") or settings.DRAWBRIDGE_SESSION_TAGS)
    session_name = given("SESSION_NAME_ATTRIBUTE") or settings.DRAWBRIDGE_SESSION_NAME_ATTRIBUTE
    extra = dict.fromkeys((*tag_sources.values(), session_name, *settings.DRAWBRIDGE_RELEASED_ATTRIBUTES))
    implied = _domain_of(given("USER_BASE")) if kind is DirectoryKind.ACTIVE_DIRECTORY else ()
    return DirectoryConfig(
        name=given("NAME"),
        kind=kind,
        setting=prefix,
        uris=tuple(given("URI")),
        bind_dn=given("BIND_DN"),
        bind_password=given("BIND_PASSWORD"),
        user_base=given("USER_BASE"),
        user_filter=usual("USER_FILTER"),
        group_base=given("GROUP_BASE"),
        group_filter=usual("GROUP_FILTER"),
        starttls=bool(given("STARTTLS")),
        ca_file=given("CA_FILE"),
        domains=tuple(domain.lower() for domain in given("DOMAINS")) or implied,
        netbios_name=given("NETBIOS_NAME"),
        srv_domain=given("SRV_DOMAIN").lower().strip("."),
        srv_site=given("SRV_SITE"),
        srv_ldaps=bool(given("SRV_LDAPS")),
        nameservers=tuple(given("NAMESERVERS")),
        global_catalog=bool(given("GLOBAL_CATALOG")),
        id_attribute=usual("ID_ATTRIBUTE"),
        username_attribute=usual("USERNAME_ATTRIBUTE"),
        display_name_attribute=usual("DISPLAY_NAME_ATTRIBUTE"),
        mail_attribute=usual("MAIL_ATTRIBUTE"),
        member_attribute=usual("MEMBER_ATTRIBUTE"),
        group_method=GroupMethod(usual("GROUP_METHOD")),
        group_prefix=f"{given('NAME')}:" if len(settings.DRAWBRIDGE_DIRECTORIES) > 1 else "",
        reuse_seconds=float(settings.DRAWBRIDGE_DIRECTORY_REUSE_SECONDS),
        extra_attributes=tuple(extra),
        session_name_attribute=session_name,
        tag_sources=MappingProxyType(tag_sources),
    )


def directory_calls_at_once() -> int:
    """How many threads of one process may wait for a directory at the same moment."""
    at_once: int = settings.DRAWBRIDGE_DIRECTORY_CALLS_AT_ONCE
    return at_once


def directory_config_of(name: str) -> DirectoryConfig | None:
    """The directory of this name, which people's account keys begin with; None if it is configured no more."""
    return next((config for config in directory_configs() if config.name == name), None)


def tag_sources_of(directory: str) -> Mapping[str, str]:
    """The attribute that fills each session tag for people of this directory; none for one that is no more."""
    config = directory_config_of(directory)
    return config.tag_sources if config is not None else MappingProxyType({})


def tags_of_any_directory() -> dict[str, str]:
    """Each tag that some directory can fill, and from which attributes."""
    sources: dict[str, dict[str, None]] = {}
    for config in directory_configs():
        for key, attribute in config.tag_sources.items():
            sources.setdefault(key, {})[attribute] = None
    return {key: " or ".join(attributes) for key, attributes in sources.items()}


def _domain_of(base: str) -> tuple[str, ...]:
    """The DNS domain that an Active Directory's base spells: `DC=corp,DC=example` is corp.example."""
    try:
        parts = [value for ((attribute, value), *_) in parse_dn(base) if attribute == "dc"]
    except Malformed:
        return ()
    return (".".join(parts),) if parts else ()
