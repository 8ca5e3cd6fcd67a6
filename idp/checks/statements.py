"""What statements are made with and where they go: names, keys, AWS's partitions, service providers and issuers."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name
from django.utils import timezone

from idp.checks.site import is_loopback
from idp.conf.access import access_config
from idp.conf.saml import saml_config
from idp.domain.aws.account_limits import AccountLimits
from idp.domain.aws.arn import PARTITIONS
from idp.domain.aws.attributes import check_tag_keys
from idp.domain.errors import Refused
from idp.services.keys import key_status
from idp.services.partitions import partition_file_problems
from idp.services.token_issuers import token_issuers

LONGEST_ENTITY_ID = 1_024


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


def _is_private_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.is_private and network.prefixlen > 0 and not (network.is_loopback or network.is_link_local)


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
