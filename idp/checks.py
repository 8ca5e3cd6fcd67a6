"""Start-up checks with number and hint; a dangerous setting is an error outside the demo.

All are deployment checks: the web server's start runs them (`idp.project.wsgi`), and so does
`manage.py check --deploy`; the commands that mend what they find can still be run.
"""

import ipaddress
import os
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name
from django.utils import timezone

from idp.conf import DirectoryConfig, GroupMethod, access_config, directory_configs, saml_config
from idp.directory.entries import can_be_group_id
from idp.domain.aws.account_limits import AccountLimits
from idp.domain.aws.arn import PARTITIONS
from idp.domain.aws.attributes import check_tag_keys
from idp.domain.errors import Refused
from idp.domain.groups import may_be_at_or_below, parse_dn
from idp.domain.identity import RESERVED
from idp.services.keys import key_status
from idp.services.partitions import partition_file_problems
from idp.services.token_issuers import token_issuers

SHORTEST_SECRET = 50
FEWEST_CHARACTERS = 12
LONGEST_ENTITY_ID = 1_024
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

Check = Callable[..., list[CheckMessage]]


def is_loopback(address: str) -> bool:
    """Whether this address can be reached from this machine only."""
    return urlsplit(address).hostname in LOOPBACK_NAMES


@register(deploy=True)
def check_site(**_: Any) -> list[CheckMessage]:
    """The site's own address, secret and cookies are safe."""
    return list(_site_problems())


def _site_problems() -> Iterator[CheckMessage]:
    limits = access_config()
    plain_loopback = limits.base_url.startswith("http://") and is_loopback(limits.base_url)
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="It shows secrets to everybody; leave it off.", id="drawbridge.E001")
    if len(settings.SECRET_KEY) < SHORTEST_SECRET or len(set(settings.SECRET_KEY)) < FEWEST_CHARACTERS:
        yield Error(
            "SECRET_KEY is too short or too plain.",
            hint=f"At least {SHORTEST_SECRET} random characters, for instance from `openssl rand -base64 48`.",
            id="drawbridge.E002",
        )
    if limits.base_url.startswith("http://") and not (limits.demo and plain_loopback):
        yield Error(
            f"DRAWBRIDGE_BASE_URL is {limits.base_url}: passwords would travel in the clear.",
            hint="Use https; plain http is for a demo on loopback (DRAWBRIDGE_DEMO=true).",
            id="drawbridge.E003",
        )
    if limits.demo and not plain_loopback:
        yield Error(
            "DRAWBRIDGE_DEMO is on for an address that others can reach.",
            hint="Switch it off: the demo's passwords are public.",
            id="drawbridge.E004",
        )
    if limits.insecure_cookies and not (limits.demo and plain_loopback):
        yield Error(
            "DRAWBRIDGE_INSECURE_COOKIES is on outside a demo on loopback.",
            hint="Switch it off: session cookies must be Secure and bound to this host.",
            id="drawbridge.E005",
        )
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and not limits.demo:
        yield Error(
            "DATABASE_URL names SQLite.",
            hint="SQLite is for the demo; use PostgreSQL.",
            id="drawbridge.E006",
        )
    if limits.idle_for > limits.absolute_for:
        yield Error(
            "DRAWBRIDGE_SESSION_IDLE_SECONDS is longer than DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS.",
            hint="The idle limit must be the shorter one.",
            id="drawbridge.E007",
        )
    for network in limits.trusted_proxies:
        if not _is_network(network):
            yield Error(
                f"DRAWBRIDGE_TRUSTED_PROXIES names {network!r}, which is no address or network.",
                hint="For instance 10.0.0.5 or 10.0.0.0/24.",
                id="drawbridge.E008",
            )


def _is_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.prefixlen > 0


def _is_private_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.is_private and network.prefixlen > 0 and not (network.is_loopback or network.is_link_local)


@register(deploy=True)
def check_directory(**_: Any) -> list[CheckMessage]:
    """The directory is asked over an encrypted, verified connection, at places that exist as names."""
    return list(_directory_problems())


def _directory_problems() -> Iterator[CheckMessage]:
    for config in directory_configs():
        yield from _problems_of(config)
    names = [config.name.casefold() for config in directory_configs()]
    if len(set(names)) != len(names):
        yield Error(
            f"Two directories are named alike: {', '.join(names)}.",
            hint="Every person's key begins with the name of their directory.",
            id="drawbridge.E028",
        )
    for one, other in permutations(directory_configs(), 2):
        both_are_names = _is_dn(one.group_base) and _is_dn(other.group_base)
        if both_are_names and may_be_at_or_below(one.group_base, other.group_base):
            yield Error(
                f"{one.variable('GROUP_BASE')} lies in {other.variable('GROUP_BASE')}.",
                hint="Rules by name trust the base: each directory's groups need one of their own.",
                id="drawbridge.E030",
            )
    for group in access_config().admin_groups:
        if not (_is_dn(group) if "=" in group else _is_group_id(group.lower())):
            yield Error(
                f"DRAWBRIDGE_ADMIN_GROUPS names {group!r}.",
                hint=(
                    "DNs or immutable identifiers, separated by semicolons; in Active Directory SIDs, and of several"
                    " directories with the name before it (corp:S-1-5-21-...)."
                ),
                id="drawbridge.E027",
            )


def _is_group_id(group_id: str) -> bool:
    return any(can_be_group_id(group_id, config) for config in directory_configs())


def _problems_of(config: DirectoryConfig) -> Iterator[CheckMessage]:
    if not config.uris and not config.srv_domain:
        setting = config.variable("URI")
        yield Error(f"{setting} is not set.", hint="ldaps://dc1.example.com", id="drawbridge.E020")
    yield from _discovery_problems(config)
    for uri in config.uris:
        yield from _server_problems(uri, config)
    if not config.ca_file or not os.access(config.ca_file, os.R_OK):
        yield Error(
            f"{config.variable('CA_FILE')} {config.ca_file!r} cannot be read.",
            hint="Name the file with the certificate of the directory's authority.",
            id="drawbridge.E023",
        )
    if not config.bind_dn or not config.bind_password:
        account, password = config.variable("BIND_DN"), config.variable("BIND_PASSWORD")
        yield Error(
            f"{account} or {password} is empty: groups would be asked anonymously.",
            hint="Use a service account that may read people and groups, and nothing else.",
            id="drawbridge.E024",
        )
    if config.name in RESERVED or ":" in config.name or not config.name:
        yield Error(
            f"{config.variable('NAME')} is {config.name!r}.",
            hint="Any name without a colon but `local` and `workload`, which belong to those in no directory.",
            id="drawbridge.E025",
        )
    for name, base in (("USER_BASE", config.user_base), ("GROUP_BASE", config.group_base)):
        if not _is_dn(base):
            yield Error(
                f"{config.variable(name)} is {base!r}.",
                hint="A DN such as dc=example,dc=com.",
                id="drawbridge.E026",
            )

    if config.group_method is not GroupMethod.WALK and not config.is_active_directory:
        yield Error(
            f"{config.variable('GROUP_METHOD')} is {config.group_method.value}, which Active Directory alone knows.",
            hint=f"Leave it empty, or set {config.variable('KIND')}=active-directory.",
            id="drawbridge.E029",
        )


def _discovery_problems(config: DirectoryConfig) -> Iterator[CheckMessage]:
    domain = config.variable("SRV_DOMAIN")
    if config.uris and config.srv_domain:
        yield Error(
            f"{config.variable('URI')} and {domain} are both set.",
            hint="Servers are either named or found in the DNS: keep one of them.",
            id="drawbridge.E031",
        )
    if not config.srv_domain and (config.srv_site or config.srv_ldaps or config.nameservers):
        yield Error(
            f"{domain} is not set, so nothing is asked of the DNS.",
            hint="Set it to the directory's DNS domain, such as corp.example.com.",
            id="drawbridge.E031",
        )
    if config.srv_domain and not config.srv_ldaps and not config.starttls:
        yield Error(
            f"The servers of {config.srv_domain} would be asked in the clear.",
            hint=f"Leave {config.variable('STARTTLS')} on, or set {config.variable('SRV_LDAPS')}.",
            id="drawbridge.E022",
        )


def _server_problems(uri: str, config: DirectoryConfig) -> Iterator[CheckMessage]:
    scheme = urlsplit(uri).scheme
    if scheme not in {"ldap", "ldaps"} or not urlsplit(uri).hostname:
        yield Error(
            f"{config.variable('URI')} names {uri!r}.",
            hint="Addresses begin with ldaps:// or ldap:// and a host.",
            id="drawbridge.E021",
        )
    if scheme == "ldap" and not config.starttls:
        yield Error(
            f"{uri} would be asked in the clear.",
            hint=f"Leave {config.variable('STARTTLS')} on, or use ldaps://.",
            id="drawbridge.E022",
        )


def _is_dn(text: str) -> bool:
    try:
        parse_dn(text)
    except Refused:
        return False
    return True


@register(deploy=True)
def check_statements(**_: Any) -> list[CheckMessage]:
    """Statements are signed by a key that only we can read, and go to AWS or to a stand-in in a demo."""
    return list(_statement_problems())


def _statement_problems() -> Iterator[CheckMessage]:
    config = saml_config()
    if not urlsplit(config.entity_id).scheme or len(config.entity_id) > LONGEST_ENTITY_ID:
        yield Error(
            f"DRAWBRIDGE_ENTITY_ID is {config.entity_id!r}.",
            hint=f"An absolute URI of at most {LONGEST_ENTITY_ID} characters (SAML Core 8.3.6).",
            id="drawbridge.E040",
        )
    stand_in = config.stand_in
    if stand_in and not access_config().demo:
        yield Error(
            f"DRAWBRIDGE_AWS_SIGNIN_URL sends every statement to {stand_in} instead of AWS.",
            hint="Leave it empty; a stand-in is for a demo on loopback (DRAWBRIDGE_DEMO=true).",
            id="drawbridge.E041",
        )
    elif stand_in and not is_loopback(stand_in):
        yield Error(
            f"DRAWBRIDGE_AWS_SIGNIN_URL is {stand_in}, which is not on this machine.",
            hint="The demo's stand-in lives on 127.0.0.1.",
            id="drawbridge.E042",
        )
    try:
        check_tag_keys(tuple(config.tag_sources), allowed=config.tag_sources)
    except Refused as refusal:
        yield Error(
            f"DRAWBRIDGE_SESSION_TAGS: {refusal.cause}.",
            hint="Tag keys as AWS allows them: 1 to 128 letters, digits, spaces and _.:/=+-@, not aws:.",
            id="drawbridge.E043",
        )
    yield from _account_problems(access_config().accounts)
    for network in config.metadata_networks:
        if not _is_private_network(network):
            yield Error(
                f"DRAWBRIDGE_METADATA_NETWORKS names {network!r}, which is no private network.",
                hint="For instance 10.20.0.0/16; public addresses need no mention, this machine is never one.",
                id="drawbridge.E047",
            )
    site = access_config()
    if config.unsafe_loopback_providers and not (site.demo and is_loopback(site.base_url)):
        yield Error(
            "DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS is on outside a demo on loopback.",
            hint="Switch it off: service providers are reached by https.",
            id="drawbridge.E046",
        )
    try:
        token_issuers()
    except Refused as refusal:
        yield Error(
            f"DRAWBRIDGE_WEB_IDENTITY_ISSUERS: {refusal.cause}.",
            hint="Each issuer as the handbook describes it; leave the variable empty for none.",
            id="drawbridge.E051",
        )
    yield from _key_problems()


def _account_problems(limits: AccountLimits) -> Iterator[CheckMessage]:
    """What the operator allows of accounts can be read."""
    if unknown := limits.unknown_partitions():
        yield Error(
            f"DRAWBRIDGE_PARTITIONS names {', '.join(unknown)}, which is no partition.",
            hint=f"Those that are known are {', '.join(PARTITIONS)}.",
            id="drawbridge.E048",
        )
    if problems := partition_file_problems():
        yield Error(
            f"DRAWBRIDGE_PARTITION_FILE: {'; '.join(problems)}.",
            hint="Correct it, or leave the variable empty; nothing starts until then.",
            id="drawbridge.E050",
        )
    if unreadable := limits.unreadable_hubs():
        yield Error(
            f"DRAWBRIDGE_HUBS names {'; '.join(unreadable)}, which is neither a role nor an account.",
            hint="ARNs such as arn:aws:iam::111122223333:role/Hub, or account IDs, separated by semicolons.",
            id="drawbridge.E049",
        )


def _key_problems() -> Iterator[CheckMessage]:
    """A key that others can read or that does not fit must not serve; a missing one is for `/health/ready`."""
    status = key_status(now=timezone.now())
    if status.ok:
        return
    kind = Warning if status.may_start else Error
    number = "drawbridge.W044" if status.may_start else "drawbridge.E044"
    yield kind(f"Signing key: {status.cause}.", hint=status.hint, id=number)
