"""The rules as a file: write it out, say what it would do, take it over."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.services.mapping import ImportReport, export_mapping, import_mapping
from idp.services.mapping_plan import Difference, PersonChange, Plan, RoleChange, plan_mapping

SIGNS = {Difference.GAINED: "+", Difference.LOST: "-", Difference.LENGTH: "~"}


class Command(BaseCommand):
    help = (
        "export writes accounts, roles and rules as YAML, to FILE or to standard output. import makes the "
        "tables say what FILE says, whole or not at all; with --dry-run it only tells. plan tells who would "
        "gain and who would lose, as the directory answers now. FILE may be - for standard input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("export", "import", "plan"))
        parser.add_argument("file", nargs="?", metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--dry-run", action="store_true", help="import: tell, and change nothing")

    def handle(self, *_: Any, **options: Any) -> None:
        verb, file = options["verb"], options["file"]
        if verb != "export" and file is None:
            raise CommandError(f"mapping {verb} needs a FILE, or - for standard input.")
        if options["dry_run"] and verb != "import":
            raise CommandError("--dry-run belongs to import; export and plan change nothing anyway.")
        try:
            getattr(self, f"_{verb}")(file, as_json=options["json"], dry_run=options["dry_run"])
        except Refused as refusal:
            raise CommandError(printable(refusal.told)) from refusal
        except Unavailable as problem:
            raise CommandError(printable(f"{problem.told} ({problem.cause})")) from problem

    def _export(self, file: str | None, *, as_json: bool, dry_run: bool) -> None:  # noqa: ARG002 - one form for all verbs
        text = export_mapping()
        if file in {None, "-"}:
            self.stdout.write(json.dumps({"mapping": text}) if as_json else text, ending="")
            return
        try:
            Path(str(file)).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(json.dumps({"file": file}) if as_json else f"The mapping was written to {file}.")

    def _import(self, file: str, *, as_json: bool, dry_run: bool) -> None:
        report = import_mapping(
            octets_of(file), actor="operator", origin=None, now=timezone.now(), dry_run=dry_run
        )
        if as_json:
            self.stdout.write(json.dumps(report_as_json(report, dry_run=dry_run), indent=2))
            return
        self.stdout.writelines(f"{printable(line)}\n" for line in report_lines(report, dry_run=dry_run))

    def _plan(self, file: str, *, as_json: bool, dry_run: bool) -> None:  # noqa: ARG002 - one form for all verbs
        plan = plan_mapping(octets_of(file), now=timezone.now())
        if as_json:
            self.stdout.write(json.dumps(plan_as_json(plan), indent=2))
            return
        self.stdout.writelines(f"{printable(line)}\n" for line in plan_lines(plan))


def octets_of(file: str) -> bytes:
    """What the file holds; ends with one sentence if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error


def report_lines(report: ImportReport, *, dry_run: bool) -> Iterator[str]:
    """What an import did, for people."""
    for warning in report.warnings:
        yield f"Warning: {warning}"
    for change in report.changes:
        yield f"{change.kind:8}{change.what:8} {change.name}"
    if not report.changes:
        yield "The tables say what the file says already; nothing was changed."
    elif dry_run:
        yield f"{len(report.changes)} changes would be made; nothing was changed."
    else:
        yield f"{len(report.changes)} changes were made."


def report_as_json(report: ImportReport, *, dry_run: bool) -> dict[str, object]:
    """What an import did, for programs."""
    changes = [{"kind": change.kind, "what": change.what, "name": change.name} for change in report.changes]
    return {"dry_run": dry_run, "changes": changes, "warnings": list(report.warnings)}


def plan_lines(plan: Plan) -> Iterator[str]:
    """Who gains and who loses, for people."""
    for warning in plan.warnings:
        yield f"Warning: {warning}"
    for person in plan.people:
        yield f"{person.display_name} ({person.username})"
        for change in person.changes:
            yield f"  {SIGNS[change.difference]} {change.role}  {lengths(change)}  by rule {change.rule!r}"
    for workload in plan.workloads:
        yield f"{workload.display_name} {workload.username}"
        for change in workload.changes:
            yield f"  {SIGNS[change.difference]} {change.role}  {lengths(change)}  by rule {change.rule!r}"
    counts = {kind: sum(_has(kind, person.changes) for person in plan.people) for kind in Difference}
    yield (
        f"Of {plan.people_asked} people in {plan.groups_asked} affected groups "
        f"{counts[Difference.GAINED]} would gain, "
        f"{counts[Difference.LOST]} would lose, {counts[Difference.LENGTH]} would have a role for another length."
    )
    if plan.workloads:
        yield f"Of workloads, {len(plan.workloads)} ways of naming them would give other roles or lengths."
    yield "Nothing was changed."


def plan_as_json(plan: Plan) -> dict[str, object]:
    """Who gains and who loses, for programs."""
    return {
        "people_asked": plan.people_asked,
        "groups_asked": plan.groups_asked,
        "warnings": list(plan.warnings),
        "people": [
            {"username": person.username, "display_name": person.display_name, "changes": _as_json(person)}
            for person in plan.people
        ],
        "workloads": [
            {"workload": workload.username, "changes": _as_json(workload)} for workload in plan.workloads
        ],
    }


def _as_json(person: PersonChange) -> list[dict[str, object]]:
    return [
        {
            "difference": change.difference.value,
            "role": str(change.role),
            "seconds_before": change.seconds_before,
            "seconds_after": change.seconds_after,
            "rule": change.rule,
        }
        for change in person.changes
    ]


def lengths(change: RoleChange) -> str:
    """The length, before and after where both are known."""
    told = [
        minutes(seconds) for seconds in (change.seconds_before, change.seconds_after) if seconds is not None
    ]
    return " -> ".join(told)


def minutes(seconds: int) -> str:
    """The length in hours and minutes, seconds only where there are some."""
    parts = ((seconds // 3_600, "h"), (seconds % 3_600 // 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def printable(text: str) -> str:
    """The text as a terminal may show it: nothing in a name moves the cursor or begins a line."""
    return "".join(
        mark if mark.isprintable() or mark == "\n" else "\N{REPLACEMENT CHARACTER}" for mark in text
    )


def _has(kind: Difference, changes: tuple[RoleChange, ...]) -> bool:
    return any(change.difference is kind for change in changes)
