"""Which regions of AWS may be used now, in the configured order: switched by hand, or by what probes have seen."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from idp.domain.aws.signin import in_partition
from idp.domain.events import AuditEvent
from idp.models import RegionHealth
from idp.services.audit import write_event

# Every click asks: an answer of the table holds for a moment.
REMEMBERED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RegionView:
    """One region as it is known."""

    region: str
    is_well: bool
    problem: str
    probed_at: datetime | None
    sign_in_is_well: bool
    sign_in_problem: str
    switched_off_by: str


class _Known:
    """The table as this process read it last."""

    def __init__(self) -> None:
        self.rows: dict[str, RegionView] = {}
        self.read_at = float("-inf")
        self.lock = threading.Lock()


_known = _Known()


def forget_regions() -> None:
    """The next question reads the table."""
    _known.read_at = float("-inf")


def known_regions() -> dict[str, RegionView]:
    """Every region that was ever probed or switched, by name."""
    with _known.lock:
        if time.monotonic() - _known.read_at > REMEMBERED_SECONDS:
            _known.rows = {
                row.region: RegionView(
                    row.region,
                    row.is_well,
                    row.problem,
                    row.probed_at,
                    row.sign_in_is_well,
                    row.sign_in_problem,
                    row.switched_off_by,
                )
                for row in RegionHealth.objects.all()
            }
            _known.read_at = time.monotonic()
        return _known.rows


def usable_regions(configured: tuple[str, ...], *, partition: str, sign_in: bool = False) -> tuple[str, ...]:
    """The configured regions of this partition: those that are well first, never one that was switched off by hand.

    Of STS, or of the sign-in: each has a probe of its own. Where nothing else is left, one that is not well is better
    than none: probes can be wrong, an operator is obeyed.
    """
    known = known_regions()
    ours = [region for region in configured if in_partition(region, partition)]
    on = [region for region in ours if region not in known or not known[region].switched_off_by]
    well = [
        region
        for region in on
        if region not in known or (known[region].sign_in_is_well if sign_in else known[region].is_well)
    ]
    return (*well, *(region for region in on if region not in well))


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


def switch_region(region: str, *, off: bool, by: str, now: datetime) -> None:
    """The region is not used any more, or is used again, until somebody says otherwise; that is audited."""
    with transaction.atomic():
        RegionHealth.objects.update_or_create(
            region=region,
            defaults={"switched_off_by": by if off else "", "switched_off_at": now if off else None},
            create_defaults={
                "switched_off_by": by if off else "",
                "switched_off_at": now if off else None,
                "changed_at": now,
            },
        )
        reason = "operator:off" if off else "operator:on"
        write_event(AuditEvent.REGION_SWITCHED, at=now, person=by, reason=reason, details={"region": region})
    forget_regions()
