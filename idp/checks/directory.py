"""The directories: their servers, their service accounts, and where people and groups stand in them."""

import os
from collections.abc import Iterator
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, register

from idp.conf.access import access_config
from idp.conf.directories import DirectoryConfig, GroupMethod, directory_configs
from idp.directory.entries import can_be_group_id
from idp.domain.errors import Refused
from idp.domain.groups import may_be_at_or_below, parse_dn
from idp.domain.identity import RESERVED


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
