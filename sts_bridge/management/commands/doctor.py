"""`manage.py doctor`: each part ok, or what to do."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sts_bridge.services.health import Finding, examine


class Command(BaseCommand):
    help = (
        "Look at settings, database, broker, signing key, DNS, directory, bind, clock and the AWS endpoints,"
        " and say of each that it is ok or what to do. Nothing is changed."
    )
    # What the checks find is part of what the doctor says.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: Any, **options: Any) -> None:
        findings = examine(now=timezone.now())
        ill = [finding for finding in findings if not finding.is_well]
        if options["json"]:
            document = {
                "well": not ill,
                "findings": [{"well": finding.is_well, **asdict(finding)} for finding in findings],
            }
            self.stdout.write(json.dumps(document, indent=2))
        else:
            for finding in findings:
                self.stdout.write(line_of(finding))
        if ill:
            parts = ", ".join(finding.part for finding in ill)
            raise CommandError(f"Not well: {parts}.")


def line_of(finding: Finding) -> str:
    """One part in one line, and what to do in the next."""
    if finding.is_well:
        return f"ok   {finding.part}{': ' if finding.remark else ''}{finding.remark}"
    return f"ILL  {finding.part}: {finding.cause}\n     {finding.advice}".rstrip()
