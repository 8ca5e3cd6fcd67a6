"""Each dangerous setting of the bridge has its number; one change away there is none."""

from dataclasses import replace

import pytest

from sts_bridge.checks import check_endpoint, check_region, check_time_limits
from sts_bridge.conf import BridgeConfig, configured_endpoint

SOUND = BridgeConfig(
    sts_endpoint=None,
    sts_regions=("eu-central-1",),
    connect_seconds=2,
    read_seconds=4,
    entity_id="https://idp.example.test/saml/metadata",
    base_url="https://idp.example.test",
    stand_in=None,
    demo=False,
)


def numbers(config: BridgeConfig) -> list[str]:
    found = [*check_endpoint(config), *check_region(config), *check_time_limits(config)]
    assert all(problem.msg and problem.hint for problem in found)
    return [problem.id or "" for problem in found]


def test_sound_settings_have_no_problem() -> None:
    """AWS's own address, and any address by https."""
    assert numbers(SOUND) == []
    assert numbers(replace(SOUND, sts_endpoint="https://vpce-1.sts.eu-central-1.vpce.amazonaws.com")) == []


@pytest.mark.parametrize(
    ("endpoint", "demo", "expected"),
    [
        ("http://127.0.0.1:8010", True, []),
        ("http://localhost:8010", True, []),
        ("http://[::1]:8010", True, []),
        ("http://127.0.0.1:8010", False, ["drawbridge.E101"]),
        ("http://192.0.2.1:8010", True, ["drawbridge.E101"]),
        ("http://127.0.0.1.evil.test", True, ["drawbridge.E101"]),
        ("http://localhost.evil.test", True, ["drawbridge.E101"]),
        ("ftp://127.0.0.1", True, ["drawbridge.E103"]),
        ("127.0.0.1:8010", True, ["drawbridge.E103"]),
        ("https://user:password@sts.amazonaws.com", False, ["drawbridge.E103"]),
        ("https://[", False, ["drawbridge.E103"]),
    ],
)
def test_statements_travel_in_the_clear_on_a_demo_s_loopback_only(
    endpoint: str,
    demo: bool,  # noqa: FBT001 - a table
    expected: list[str],
) -> None:
    """Plain http is for loopback in a demo; what is no address is none."""
    assert numbers(replace(SOUND, sts_endpoint=endpoint, demo=demo)) == expected


def test_a_stand_in_for_the_sign_in_alone_is_warned_of() -> None:
    """Half a stand-in would send the demo's statements to AWS."""
    half = replace(SOUND, stand_in="http://127.0.0.1:8010", demo=True)
    assert numbers(half) == ["drawbridge.W102"]
    assert numbers(replace(half, sts_endpoint="http://127.0.0.1:8010")) == []


@pytest.mark.parametrize(
    "region", ["", "europe", "eu-central-1 ", "eu-central-1\n", "us-east-1.evil.test/#", "mars-north-1x"]
)
def test_a_region_is_one_of_aws(region: str) -> None:
    """A word that is no region is refused; one of each partition is taken."""
    assert numbers(replace(SOUND, sts_regions=(region,))) == ["drawbridge.E104"]
    for sound in ("us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"):
        assert numbers(replace(SOUND, sts_regions=(sound, "us-east-1"))) == []


def test_one_try_fits_into_eight_seconds() -> None:
    """Time limits of eight seconds together are taken, nine are not."""
    assert numbers(replace(SOUND, connect_seconds=2, read_seconds=6)) == []
    assert numbers(replace(SOUND, connect_seconds=3, read_seconds=6)) == ["drawbridge.E105"]


def test_the_narrower_variable_wins() -> None:
    """AWS_ENDPOINT_URL_STS before AWS_ENDPOINT_URL; empty ones count as missing."""
    both = {"AWS_ENDPOINT_URL_STS": "https://a.test", "AWS_ENDPOINT_URL": "https://b.test"}
    assert configured_endpoint(both) == "https://a.test"
    assert configured_endpoint({"AWS_ENDPOINT_URL": "https://b.test"}) == "https://b.test"
    assert configured_endpoint(both | {"AWS_ENDPOINT_URL_STS": ""}) == "https://b.test"
    assert configured_endpoint({}) is None
