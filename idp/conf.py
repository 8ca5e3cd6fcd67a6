"""Settings, read once: the only reader of Django's settings for our own; the rest receives frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.conf import settings

from idp.domain.aws.account_limits import AccountLimits
from idp.domain.aws.signin import PARTITIONS
from idp.domain.errors import Malformed
from idp.domain.groups import parse_dn
from idp.domain.password_policy import Lockout
from idp.domain.self_description import SelfDescription

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


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """Where the signing key lives, if not in files: a PKCS#11 library, the label of the token, and its PIN."""

    module: str
    label: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SamlConfig:
    """What our statements say of ourselves, and where AWS is."""

    entity_id: str
    base_url: str
    description: SelfDescription
    key_dir: Path
    token: TokenConfig | None
    tag_sources: Mapping[str, str]
    audiences: Mapping[str, str]
    signin_regions: tuple[str, ...]
    released_attributes: tuple[str, ...]
    stand_in: str | None
    metadata_networks: tuple[str, ...]
    metadata_validity: timedelta | None
    unsafe_loopback_providers: bool


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Who may read the counters: whoever has the token, this machine, and these networks."""

    token: str = field(repr=False)
    networks: tuple[str, ...]


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
    access_ends_with_sign_in: bool
    renewable_for: timedelta
    broker_is_role: bool
    ends_sessions: bool
    accounts: AccountLimits
    admin_groups: tuple[str, ...]
    password_change: bool
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThrottleConfig:
    """How many wrong passwords are let through, and when a directory that does not tell locks an account."""

    per_person: int
    per_person_known: int
    per_address: int
    per_network: int
    in_total: int
    window: timedelta
    waiting_per_address: int
    waiting_octets_per_address: int
    waiting_octets_in_total: int
    assumed: Lockout


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


def _every_tag() -> dict[str, str]:
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


@cache
def saml_config() -> SamlConfig:
    """Our side of SAML as configured."""
    return SamlConfig(
        entity_id=settings.DRAWBRIDGE_ENTITY_ID,
        base_url=settings.DRAWBRIDGE_BASE_URL,
        description=SelfDescription(
            display_name=settings.DRAWBRIDGE_DISPLAY_NAME,
            scope=settings.DRAWBRIDGE_SUBJECT_SCOPE,
            logo=f"{settings.DRAWBRIDGE_BASE_URL}{settings.STATIC_URL}portal/mark.svg",
            contact=settings.DRAWBRIDGE_TECHNICAL_CONTACT,
        ),
        key_dir=Path(settings.DRAWBRIDGE_KEY_DIR),
        tag_sources=MappingProxyType(_every_tag()),
        token=TokenConfig(
            settings.DRAWBRIDGE_PKCS11_MODULE,
            settings.DRAWBRIDGE_PKCS11_TOKEN,
            settings.DRAWBRIDGE_PKCS11_PIN,
        )
        if settings.DRAWBRIDGE_PKCS11_MODULE
        else None,
        released_attributes=settings.DRAWBRIDGE_RELEASED_ATTRIBUTES,
        audiences=MappingProxyType(dict(settings.DRAWBRIDGE_AUDIENCES)),
        signin_regions=settings.DRAWBRIDGE_SIGNIN_REGIONS,
        stand_in=settings.DRAWBRIDGE_AWS_SIGNIN_URL,
        metadata_networks=settings.DRAWBRIDGE_METADATA_NETWORKS,
        metadata_validity=timedelta(days=settings.DRAWBRIDGE_METADATA_VALIDITY_DAYS) or None,
        unsafe_loopback_providers=settings.DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS,
    )


@cache
def partition_file() -> Path | None:
    """Where an operator's file of partitions is, if there is one."""
    return Path(settings.DRAWBRIDGE_PARTITION_FILE) if settings.DRAWBRIDGE_PARTITION_FILE else None


def _partitions_on() -> frozenset[str]:
    """Those that are named, and what the operator's file says of each."""
    named = set(settings.DRAWBRIDGE_PARTITIONS)
    named |= {name for name, known in PARTITIONS.items() if known.enabled}
    return frozenset(named - {name for name, known in PARTITIONS.items() if known.enabled is False})


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
        access_ends_with_sign_in=settings.DRAWBRIDGE_ACCESS_ENDS_WITH_SIGN_IN,
        renewable_for=timedelta(seconds=settings.DRAWBRIDGE_RENEWAL_SECONDS),
        broker_is_role=settings.DRAWBRIDGE_BROKER_IS_ROLE,
        ends_sessions=bool(settings.DRAWBRIDGE_ENDER_ROLE),
        accounts=AccountLimits(_partitions_on(), settings.DRAWBRIDGE_HUBS),
        admin_groups=settings.DRAWBRIDGE_ADMIN_GROUPS,
        password_change=settings.DRAWBRIDGE_PASSWORD_CHANGE,
        trusted_proxies=settings.DRAWBRIDGE_TRUSTED_PROXIES,
    )


def web_identity_file() -> str | None:
    """The file that describes the issuers whose tokens stand for people; None where there is none."""
    path: str | None = settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS
    return path


@cache
def throttle_config() -> ThrottleConfig:
    """The budget of wrong passwords as configured."""
    return ThrottleConfig(
        per_person=settings.DRAWBRIDGE_FAILURES_PER_PERSON,
        per_person_known=settings.DRAWBRIDGE_FAILURES_OF_KNOWN_BROWSERS,
        per_address=settings.DRAWBRIDGE_FAILURES_PER_ADDRESS,
        per_network=settings.DRAWBRIDGE_FAILURES_PER_NETWORK,
        in_total=settings.DRAWBRIDGE_FAILURES_IN_TOTAL,
        window=timedelta(minutes=15),
        waiting_per_address=settings.DRAWBRIDGE_WAITING_PER_ADDRESS,
        waiting_octets_per_address=settings.DRAWBRIDGE_WAITING_MEGABYTES_PER_ADDRESS * 1_000_000,
        waiting_octets_in_total=settings.DRAWBRIDGE_WAITING_MEGABYTES_IN_TOTAL * 1_000_000,
        assumed=Lockout(
            threshold=settings.DRAWBRIDGE_LOCKOUT_THRESHOLD,
            window=timedelta(seconds=settings.DRAWBRIDGE_LOCKOUT_WINDOW_SECONDS),
        ),
    )


@cache
def metrics_config() -> MetricsConfig:
    """Who may read the counters, as configured."""
    return MetricsConfig(
        token=settings.DRAWBRIDGE_METRICS_TOKEN,
        networks=settings.DRAWBRIDGE_METRICS_NETWORKS,
    )
