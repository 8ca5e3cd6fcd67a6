"""Where to post a statement and where to land, per partition and region, as data.

Sources: AWS Sign-In endpoints and quotas; IAM User Guide "Configure SAML assertions"; the GovCloud
and China guides. The European sovereign partition publishes no audience: ours is configurable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from idp.domain.errors import Malformed

region_grammar = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}", re.ASCII)
host_grammar = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+", re.ASCII)
# Browsers take `%2e` for a dot in these; a semicolon may be cut off on the way.
dot_segment = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:[/;]|$)", re.ASCII | re.IGNORECASE)
plain_text = re.compile(r"[\x21-\x7e]+", re.ASCII)
LONGEST_RELAY_STATE = 2_048
LONGEST_REGION = 32


class MalformedDestination(Malformed):
    """A console address or region that is not one of the account's partition."""

    code = "malformed-destination"
    sentence = "The page to open is not an address of the AWS console, so nothing was opened."


@dataclass(frozen=True, slots=True)
class SignInEndpoint:
    """Where one statement goes: `acs` is also its Recipient; `form_action` are the hosts the post may be led to."""

    acs: str
    audience: str
    console: str
    form_action: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartitionSignIn:
    """What one partition calls its sign-in; `{region}` is filled in, the plain host serves `home_region`.

    Without `sts` it is where the SDK says; `enabled` is what an operator's file says, None where it says nothing.
    """

    acs: str
    regional_acs: str
    home_region: str
    audience: str
    console: str
    console_hosts: tuple[str, ...]
    regions: str
    sts: str = ""
    enabled: bool | None = None


DOCUMENTED: Mapping[str, PartitionSignIn] = MappingProxyType(
    {
        "aws": PartitionSignIn(
            acs="https://signin.aws.amazon.com/saml",
            regional_acs="https://{region}.signin.aws.amazon.com/saml",
            home_region="us-east-1",
            audience="urn:amazon:webservices",
            console="https://console.aws.amazon.com/",
            console_hosts=("console.aws.amazon.com", "signin.aws.amazon.com"),
            regions=r"(?:us-(?!gov|iso)|eu-(?!isoe|sc)|ap-|sa-|ca-|me-|af-|il-|mx-)[a-z-]+-[0-9]{1,2}",
        ),
        "aws-cn": PartitionSignIn(
            acs="https://signin.amazonaws.cn/saml",
            regional_acs="https://{region}.signin.amazonaws.cn/saml",
            home_region="cn-north-1",
            audience="urn:amazon:webservices:cn-north-1",
            console="https://console.amazonaws.cn/",
            console_hosts=("console.amazonaws.cn", "signin.amazonaws.cn"),
            regions=r"cn-[a-z]+-[0-9]{1,2}",
        ),
        "aws-us-gov": PartitionSignIn(
            acs="https://signin.amazonaws-us-gov.com/saml",
            regional_acs="https://{region}.signin.amazonaws-us-gov.com/saml",
            home_region="us-gov-west-1",
            audience="urn:amazon:webservices:govcloud",
            console="https://console.amazonaws-us-gov.com/",
            console_hosts=("console.amazonaws-us-gov.com", "signin.amazonaws-us-gov.com"),
            regions=r"us-gov-[a-z]+-[0-9]{1,2}",
        ),
        "aws-eusc": PartitionSignIn(
            acs="https://signin.amazonaws-eusc.eu/saml",
            regional_acs="https://{region}.signin.amazonaws-eusc.eu/saml",
            home_region="eusc-de-east-1",
            audience="urn:amazon:webservices",
            console="https://console.amazonaws-eusc.eu/",
            console_hosts=("console.amazonaws-eusc.eu", "signin.amazonaws-eusc.eu"),
            regions=r"eusc-[a-z]+-[a-z]+-[0-9]{1,2}",
        ),
    }
)

_in_force = dict(DOCUMENTED)
PARTITIONS: Mapping[str, PartitionSignIn] = MappingProxyType(_in_force)


def override_partitions(given: Mapping[str, PartitionSignIn]) -> None:
    """From here on these partitions are as given, and the others as documented; called once, at the start."""
    _in_force.update({**DOCUMENTED, **given})


def sts_endpoint_of(region: str) -> str | None:
    """Where STS is asked in this region by the operator's file; None where it says nothing."""
    for name, known in PARTITIONS.items():
        if known.sts and in_partition(region, name):
            return known.sts.format(region=region)
    return None


def in_partition(region: str, partition: str) -> bool:
    """Whether this is the name of a region of this partition."""
    known = PARTITIONS.get(partition)
    return (
        known is not None
        and len(region) <= LONGEST_REGION
        and bool(region_grammar.fullmatch(region) and re.fullmatch(known.regions, region, re.ASCII))
    )


def sign_in_endpoint(
    *, partition: str, region: str | None, stand_in: str | None, audiences: Mapping[str, str]
) -> SignInEndpoint:
    """Where a statement for this partition goes; `stand_in` is the address that replaces AWS altogether.

    `audiences` overrides the audience of a partition. Refuses a region of another partition.
    """
    known = _known(partition)
    audience = audiences.get(partition, known.audience)
    if region is not None and not in_partition(region, partition):
        raise MalformedDestination(f"region {region!r} is not one of partition {partition}")
    if stand_in is not None:
        return SignInEndpoint(f"{stand_in}/saml", audience, f"{stand_in}/console/", (stand_in,))
    acs = known.acs if region in {None, known.home_region} else known.regional_acs.format(region=region)
    hosts = tuple(f"https://{host}" for host in known.console_hosts)
    wildcards = tuple(f"https://*.{host}" for host in known.console_hosts)
    return SignInEndpoint(acs, audience, known.console, (*hosts, *wildcards))


@dataclass(frozen=True, slots=True)
class FederationEndpoint:
    """Where credentials are made into a console address, and what the console is called there."""

    partition: str
    address: str
    console: str


def federation_endpoint(partition: str, *, region: str | None, stand_in: str | None) -> FederationEndpoint:
    """The federation endpoint beside the sign-in of this region; refuses a region of another partition."""
    signs_in = sign_in_endpoint(partition=partition, region=region, stand_in=stand_in, audiences={})
    return FederationEndpoint(partition, signs_in.acs.removesuffix("/saml") + "/federation", signs_in.console)


def check_destination(destination: str, *, partition: str, stand_in: str | None) -> str:
    """The console address byte for byte; refuses all but a plain https address on a console host of the partition.

    With a stand-in only its own console is allowed. The check is on the text as a browser reads it:
    no control or blank characters, no backslash, no user part, no port of its own.
    """
    if len(destination) > LONGEST_RELAY_STATE or not plain_text.fullmatch(destination) or "\\" in destination:
        raise MalformedDestination(f"unlawful characters or length {len(destination)}")
    try:
        parts = urlsplit(destination)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise MalformedDestination(f"{destination!r} cannot be read: {error}") from error
    if dot_segment.search(parts.path):
        raise MalformedDestination(f"{destination!r} climbs out of its path")
    if stand_in is not None:
        if destination.startswith(f"{stand_in}/console/"):
            return destination
        raise MalformedDestination(f"{destination!r} is not on the stand-in's console")
    console_host = _known(partition).console_hosts[0]
    allowed = host_grammar.fullmatch(host) and f".{host}".endswith(f".{console_host}")
    spelt_plainly = destination.startswith(f"https://{host}/") or destination == f"https://{host}"
    if not (allowed and spelt_plainly and port is None and parts.username is None):
        raise MalformedDestination(f"{destination!r} is not on a console host of {partition}")
    return destination


def home_region(partition: str) -> str:
    """The region whose sign-in the usual address is; refuses an unknown partition."""
    return _known(partition).home_region


def _known(partition: str) -> PartitionSignIn:
    if partition not in PARTITIONS:
        raise MalformedDestination(f"unknown partition {partition!r}")
    return PARTITIONS[partition]
