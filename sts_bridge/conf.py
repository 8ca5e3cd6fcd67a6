"""The bridge's settings, read once; the rest of it receives this frozen value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from django.conf import settings

from idp.domain.aws.signin import sts_endpoint_of

# Less than this is no try at all.
SHORTEST_TRY = 0.5


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """Where AWS is, how long we wait for it, and who we are there; an endpoint of None is AWS's own.

    Without an access key of its own the broker is whoever AWS's well-known variables, files or roles of the
    machine say it is, and nobody where they say nothing. Partitions trust nobody of another one: `broker_profiles`
    names who the broker is in those.
    """

    sts_endpoint: str | None
    sts_regions: tuple[str, ...]
    connect_seconds: float
    read_seconds: float
    entity_id: str
    base_url: str
    stand_in: str | None
    demo: bool
    sts_endpoints: Mapping[str, str] = field(default_factory=dict)
    most_tries: int = 3
    give_up_after: float = 8.0
    iam_endpoint: str | None = None
    organizations_endpoint: str | None = None
    signin_regions: tuple[str, ...] = ()
    broker_is_role: bool = False
    ender_role: str = ""
    reader_role: str = ""
    broker_profile: str | None = None
    broker_access_key_id: str | None = None
    broker_secret_access_key: str | None = field(default=None, repr=False)
    broker_profiles: Mapping[str, str] = field(default_factory=dict)

    def shortened(self, seconds: float) -> "BridgeConfig":
        """The same with so much less time in all; one try takes no longer than what is left of it."""
        left = max(self.give_up_after - seconds, SHORTEST_TRY)
        share = min(1.0, left / (self.connect_seconds + self.read_seconds))
        return replace(
            self,
            connect_seconds=self.connect_seconds * share,
            read_seconds=self.read_seconds * share,
            give_up_after=left,
        )

    def endpoint_of(self, service: str, region: str) -> str | None:
        """Where this service is asked in this region, if not at AWS's own address."""
        if service == "sts" and region in self.sts_endpoints:
            return self.sts_endpoints[region]
        configured = {
            "sts": self.sts_endpoint,
            "iam": self.iam_endpoint,
            "organizations": self.organizations_endpoint,
        }
        return configured[service] or (sts_endpoint_of(region) if service == "sts" else None)


@cache
def bridge_config() -> BridgeConfig:
    """The bridge as configured."""
    return BridgeConfig(
        sts_endpoint=configured_endpoint(os.environ),
        iam_endpoint=os.environ.get("AWS_ENDPOINT_URL_IAM") or os.environ.get("AWS_ENDPOINT_URL") or None,
        organizations_endpoint=(
            os.environ.get("AWS_ENDPOINT_URL_ORGANIZATIONS") or os.environ.get("AWS_ENDPOINT_URL") or None
        ),
        sts_regions=settings.DRAWBRIDGE_STS_REGION,
        connect_seconds=settings.DRAWBRIDGE_STS_CONNECT_SECONDS,
        read_seconds=settings.DRAWBRIDGE_STS_READ_SECONDS,
        entity_id=settings.DRAWBRIDGE_ENTITY_ID,
        base_url=settings.DRAWBRIDGE_BASE_URL,
        stand_in=settings.DRAWBRIDGE_AWS_SIGNIN_URL,
        demo=settings.DRAWBRIDGE_DEMO,
        sts_endpoints=MappingProxyType(dict(settings.DRAWBRIDGE_STS_ENDPOINTS)),
        signin_regions=settings.DRAWBRIDGE_SIGNIN_REGIONS,
        broker_is_role=settings.DRAWBRIDGE_BROKER_IS_ROLE,
        ender_role=settings.DRAWBRIDGE_ENDER_ROLE,
        reader_role=settings.DRAWBRIDGE_READER_ROLE,
        broker_profile=settings.DRAWBRIDGE_BROKER_PROFILE,
        broker_access_key_id=settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID,
        broker_secret_access_key=settings.DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY,
        broker_profiles=MappingProxyType(dict(settings.DRAWBRIDGE_BROKER_PROFILES)),
    )


def configured_endpoint(variables: Mapping[str, str]) -> str | None:
    """AWS's own variables for another address of STS, the narrower first, as every AWS client reads them."""
    return variables.get("AWS_ENDPOINT_URL_STS") or variables.get("AWS_ENDPOINT_URL") or None
