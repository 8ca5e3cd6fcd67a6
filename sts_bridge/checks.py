"""Start-up checks of the bridge's dangerous settings, with number and hint.

Like those of the identity provider they are deployment checks: the web server's start runs them.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name

from idp.domain.aws.signin import PARTITIONS, in_partition
from sts_bridge.aws.clients import GIVEN_UP_AFTER
from sts_bridge.conf import BridgeConfig, bridge_config


@register(deploy=True)
def check_bridge(**_: Any) -> list[CheckMessage]:
    """Statements reach STS and nobody else, and nobody waits for it too long."""
    config = bridge_config()
    return [*check_endpoint(config), *check_region(config), *check_time_limits(config)]


def check_endpoint(config: BridgeConfig) -> Iterator[CheckMessage]:
    """Statements travel encrypted, or in a demo on this machine's loopback."""
    if config.sts_endpoint is None and config.stand_in is not None and not config.sts_endpoints:
        yield Warning(
            "DRAWBRIDGE_AWS_SIGNIN_URL names a stand-in, but statements for credentials would go to AWS.",
            hint="Set AWS_ENDPOINT_URL_STS to the stand-in too, or take both away.",
            id="drawbridge.W102",
        )
    if config.sts_endpoint is not None:
        yield from check_address("AWS_ENDPOINT_URL_STS", config.sts_endpoint, config)
    for region, address in config.sts_endpoints.items():
        yield from check_address(f"DRAWBRIDGE_STS_ENDPOINTS for {region}", address, config)
    for name, other in (("IAM", config.iam_endpoint), ("ORGANIZATIONS", config.organizations_endpoint)):
        if other is not None:
            yield from check_address(f"AWS_ENDPOINT_URL_{name}", other, config)


def check_address(name: str, address: str, config: BridgeConfig) -> Iterator[CheckMessage]:
    """Where credentials go is an address, and encrypted."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    if host is None or parts.scheme not in {"http", "https"} or parts.username is not None:
        yield Error(
            f"{name} is no address.",
            hint="It must look like https://sts.eu-central-1.amazonaws.com, or be left out.",
            id="drawbridge.E103",
        )
    elif parts.scheme == "http" and not (config.demo and is_loopback(host)):
        yield Error(
            f"{name} is plain http: statements and credentials could be read on the way.",
            hint="Use https. Plain http is allowed in a demo (DRAWBRIDGE_DEMO), on loopback only.",
            id="drawbridge.E101",
        )


def check_region(config: BridgeConfig) -> Iterator[CheckMessage]:
    """Every region is one of a partition we know."""
    named = (*config.sts_regions, *config.sts_endpoints, *config.signin_regions)
    unknown = [region for region in named if not any(in_partition(region, name) for name in PARTITIONS)]
    if unknown or not config.sts_regions:
        yield Error(
            f"{', '.join(unknown) or 'Nothing'} is no region of AWS.",
            hint="DRAWBRIDGE_STS_REGION, _STS_ENDPOINTS and _SIGNIN_REGIONS name regions such as eu-central-1.",
            id="drawbridge.E104",
        )


def check_time_limits(config: BridgeConfig) -> Iterator[CheckMessage]:
    """One try of STS fits into the time that a person is made to wait."""
    longest = int(GIVEN_UP_AFTER.total_seconds())
    if config.connect_seconds + config.read_seconds > longest:
        yield Error(
            f"DRAWBRIDGE_STS_CONNECT_SECONDS and DRAWBRIDGE_STS_READ_SECONDS are more than {longest} together.",
            hint=f"A person would wait longer than {longest} seconds for one try: make them shorter.",
            id="drawbridge.E105",
        )


def is_loopback(host: str) -> bool:
    """Whether the name stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
