"""Ask STS in one region, and in the next where the first does not answer; probe them all on the timetable."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from idp.domain.aws.signin import PARTITIONS, sign_in_endpoint
from idp.domain.errors import Unavailable
from idp.services.regions import note_probe, usable_regions
from sts_bridge.aws.sign_in import ask_sign_in
from sts_bridge.aws.sts import ask_sts
from sts_bridge.conf import SHORTEST_TRY, BridgeConfig, bridge_config
from sts_bridge.domain.errors import AwsUnavailable, RegionSwitchedOff
from sts_bridge.domain.regions import regions_in_order

Answer = TypeVar("Answer")
# So long a region that did not answer this process is asked last.
LEFT_ALONE_FOR = 15.0

logger = logging.getLogger("drawbridge.bridge")
_failed_at: dict[str, float] = {}
_lock = threading.Lock()


def forget_failures() -> None:
    """Every region is asked again in its turn."""
    with _lock:
        _failed_at.clear()


def in_some_region(partition: str, ask: Callable[[str, BridgeConfig], Answer]) -> Answer:
    """What STS answers in the first region that does; all together within the time that a person waits.

    A refusal of AWS is an answer, and is the same in every region: only "switched off here" is not. Raises what the
    last region said where none has answered.
    """
    began_at, config = time.monotonic(), bridge_config()
    regions = _order(partition, config)
    problem: AwsUnavailable | RegionSwitchedOff = AwsUnavailable(
        f"every region of {partition} is switched off"
    )
    for place, region in enumerate(regions):
        left = config.give_up_after - (time.monotonic() - began_at)
        try:
            return ask(region, _within(left, others=len(regions) - place - 1, config=config))
        except RegionSwitchedOff as refusal:
            problem = refusal
        except AwsUnavailable as unavailable:
            problem = unavailable
            with _lock:
                _failed_at[region] = time.monotonic()
        facts = {"region": region, "cause": problem.cause}
        logger.warning("sts.region_failed", extra={"facts": facts})
        if config.give_up_after - (time.monotonic() - began_at) < SHORTEST_TRY:
            break
    raise problem


def _within(left: float, *, others: int, config: BridgeConfig) -> BridgeConfig:
    """The limits of one region: while others are left it is asked once, and takes its share of the time only."""
    if not others:
        share = min(1.0, left / (config.connect_seconds + config.read_seconds))
        tries = config.most_tries
    else:
        share = min(1.0, left / (others + 1) / (config.connect_seconds + config.read_seconds))
        tries = 1
    # In steps: each pair of limits is a client of its own.
    share = max(0.1, math.floor(share * 10) / 10)
    return replace(
        config,
        connect_seconds=config.connect_seconds * share,
        read_seconds=config.read_seconds * share,
        most_tries=tries,
        give_up_after=left,
    )


def _order(partition: str, config: BridgeConfig) -> tuple[str, ...]:
    usable = usable_regions(regions_in_order(partition, preferred=config.sts_regions), partition=partition)
    now = time.monotonic()
    with _lock:
        failing = {region for region, at in _failed_at.items() if now - at < LEFT_ALONE_FOR}
    return (*(one for one in usable if one not in failing), *(one for one in usable if one in failing))


def probe_regions(*, partitions: tuple[str, ...], now: datetime) -> dict[str, str]:
    """Every configured region of these partitions is asked whether it answers; gives each one's problem, if any."""
    config, found = bridge_config(), {}
    for partition in partitions:
        for region in regions_in_order(partition, preferred=config.sts_regions):
            try:
                ask_sts(region=region, config=config)
                found[region] = ""
            except Unavailable as problem:
                found[region] = problem.cause
            note_probe(region, problem=found[region], now=now)
    return found


def probe_sign_ins(*, partitions: tuple[str, ...], now: datetime) -> dict[str, str]:
    """Every configured sign-in region of these partitions, or the usual one, is asked likewise."""
    config, found = bridge_config(), {}
    for partition in partitions:
        for region in regions_in_order(partition, preferred=config.signin_regions):
            address = sign_in_endpoint(
                partition=partition, region=region, stand_in=config.stand_in, audiences={}
            ).acs
            try:
                ask_sign_in(address, config)
                found[region] = ""
            except Unavailable as problem:
                found[region] = problem.cause
            note_probe(region, problem=found[region], now=now, sign_in=True)
    return found


def probe_where_there_is_a_choice(*, now: datetime) -> list[str]:
    """What did not answer, of partitions with more than one region configured; others have nothing to choose."""
    config = bridge_config()
    found = probe_regions(partitions=_with_a_choice(config.sts_regions), now=now)
    sign_ins = probe_sign_ins(partitions=_with_a_choice(config.signin_regions), now=now)
    return [
        *(region for region, problem in found.items() if problem),
        *(f"{region} (sign-in)" for region, problem in sign_ins.items() if problem),
    ]


def _with_a_choice(configured: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in PARTITIONS if len(regions_in_order(name, preferred=configured)) > 1)
