"""The bridge's settings, read once; the rest of it receives this frozen value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """Where STS is and how long we wait for it; `sts_endpoint` of None is AWS's own address in each region."""

    sts_endpoint: str | None
    sts_region: str
    connect_seconds: float
    read_seconds: float
    entity_id: str
    base_url: str
    stand_in: str | None
    demo: bool


@cache
def bridge_config() -> BridgeConfig:
    """The bridge as configured."""
    return BridgeConfig(
        sts_endpoint=configured_endpoint(os.environ),
        sts_region=settings.DRAWBRIDGE_STS_REGION,
        connect_seconds=settings.DRAWBRIDGE_STS_CONNECT_SECONDS,
        read_seconds=settings.DRAWBRIDGE_STS_READ_SECONDS,
        entity_id=settings.DRAWBRIDGE_ENTITY_ID,
        base_url=settings.DRAWBRIDGE_BASE_URL,
        stand_in=settings.DRAWBRIDGE_AWS_SIGNIN_URL,
        demo=settings.DRAWBRIDGE_DEMO,
    )


def configured_endpoint(variables: Mapping[str, str]) -> str | None:
    """AWS's own variables for another address of STS, the narrower first, as every AWS client reads them."""
    return variables.get("AWS_ENDPOINT_URL_STS") or variables.get("AWS_ENDPOINT_URL") or None
