"""Which regions of AWS may be used now, in the configured order: switched by hand, or by what probes have seen."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.aws.signin import PARTITIONS, home_region, in_partition
from idp.domain.events import AuditEvent
from idp.models import RegionHealth
from idp.services.audit import write_event

# Every click asks: an answer of the table holds for a moment.
REMEMBERED_SECONDS = 2.0


class Endpoint(StrEnum):
    """What we use of a region; each is probed and switched on its own."""

    STS = "sts"
    SIGN_IN = "sign-in"


BOTH = (Endpoint.STS, Endpoint.SIGN_IN)


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint of a region as it is known."""

    is_well: bool
    problem: str
    probed_at: datetime | None
    switched_off_by: str


def _views(row: RegionHealth) -> dict[Endpoint, EndpointView]:
    return {
        Endpoint.STS: EndpointView(row.is_well, row.problem, row.probed_at, row.switched_off_by),
        Endpoint.SIGN_IN: EndpointView(
            row.sign_in_is_well, row.sign_in_problem, row.sign_in_probed_at, row.sign_in_switched_off_by
        ),
    }


class _Known:
    """The table as this process read it last."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Endpoint, EndpointView]] = {}
        self.read_at = float("-inf")
        self.lock = threading.Lock()


_known = _Known()


def forget_regions() -> None:
    """The next question reads the table."""
    _known.read_at = float("-inf")


def known_regions() -> dict[str, dict[Endpoint, EndpointView]]:
    """Every region that was ever probed or switched, by name, with both endpoints."""
    with _known.lock:
        if time.monotonic() - _known.read_at > REMEMBERED_SECONDS:
            _known.rows = {row.region: _views(row) for row in RegionHealth.objects.all()}
            _known.read_at = time.monotonic()
        return _known.rows


def usable_regions(configured: tuple[str, ...], *, partition: str, sign_in: bool = False) -> tuple[str, ...]:
    """The configured regions of this partition: those that are well first, never one that was switched off by hand.

    Of STS, or of the sign-in: each has a probe and a switch of its own. Where nothing else is left, one that is not
    well is better than none: probes can be wrong, an operator is obeyed.
    """
    of = Endpoint.SIGN_IN if sign_in else Endpoint.STS
    known = {name: views[of] for name, views in known_regions().items()}
    ours = [region for region in configured if in_partition(region, partition)]
    on = [region for region in ours if region not in known or not known[region].switched_off_by]
    well = [region for region in on if region not in known or known[region].is_well]
    return (*well, *(region for region in on if region not in well))


def known_endpoints() -> Iterator[tuple[str, Endpoint, EndpointView]]:
    """What is known of the endpoints that are in use: nobody probes what is configured no more, or misses it."""
    config = saml_config()
    used = {Endpoint.STS: _in_use(config.sts_regions), Endpoint.SIGN_IN: _in_use(config.signin_regions)}
    for region, views in known_regions().items():
        for endpoint, view in views.items():
            if region in used[endpoint]:
                yield region, endpoint, view


def _in_use(configured: tuple[str, ...]) -> set[str]:
    """The configured regions, and the home region of each partition that has none among them."""
    homes = {
        home_region(partition)
        for partition in PARTITIONS
        if not any(in_partition(region, partition) for region in configured)
    }
    return {*configured, *homes}


def region_warnings() -> list[str]:
    """What somebody switched off, and what did not answer when last probed, in a few words each."""
    told = []
    for region, endpoint, view in known_endpoints():
        if view.switched_off_by:
            told.append(f"{endpoint} of {region} is switched off by {view.switched_off_by}")
        elif not view.is_well:
            told.append(f"{endpoint} of {region} does not answer")
    return told


def note_probe(region: str, *, problem: str, now: datetime, sign_in: bool = False) -> bool:
    """What a probe of STS or the sign-in saw is known to every process; tells whether that is new, then audited."""
    with transaction.atomic():
        row, _ = RegionHealth.objects.select_for_update().get_or_create(
            region=region, defaults={"changed_at": now}
        )
        changed = (row.sign_in_is_well if sign_in else row.is_well) == bool(problem)
        if changed:
            row.changed_at = now
        if sign_in:
            row.sign_in_is_well, row.sign_in_problem, row.sign_in_probed_at = not problem, problem[:300], now
        else:
            row.is_well, row.problem, row.probed_at = not problem, problem[:300], now
        row.save()
        if changed:
            reason = "probe:failed" if problem else "probe:well-again"
            write_event(
                AuditEvent.REGION_SWITCHED,
                at=now,
                reason=reason,
                details={"region": region, "of": "sign-in" if sign_in else "sts", "problem": problem},
            )
    forget_regions()
    return changed


def switch_region(region: str, *, off: bool, by: str, now: datetime, of: tuple[Endpoint, ...] = BOTH) -> None:
    """These endpoints of the region are not used any more, or used again, until somebody says otherwise; audited."""
    name, moment = (by, now) if off else ("", None)
    values: dict[str, str | datetime | None] = {}
    if Endpoint.STS in of:
        values |= {"switched_off_by": name, "switched_off_at": moment}
    if Endpoint.SIGN_IN in of:
        values |= {"sign_in_switched_off_by": name, "sign_in_switched_off_at": moment}
    with transaction.atomic():
        RegionHealth.objects.update_or_create(
            region=region, defaults=values, create_defaults={**values, "changed_at": now}
        )
        details = {"region": region, "of": ", ".join(of)}
        reason = "operator:off" if off else "operator:on"
        write_event(AuditEvent.REGION_SWITCHED, at=now, person=by, reason=reason, details=details)
    forget_regions()
