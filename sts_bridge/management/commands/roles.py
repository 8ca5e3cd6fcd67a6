"""`manage.py roles check`: how AWS differs from what is registered."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from sts_bridge.services.check_roles import check_roles


class Command(BaseCommand):
    help = (
        "Read the accounts and roles of AWS and say how they differ from what is registered: roles that are missing,"
        " trust that does not fit, sessions that are too long, roles that nobody uses. AWS is not changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["check"])
        parser.add_argument(
            "--account", action="append", default=[], help="only this account; may come again"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            findings = check_roles(accounts=tuple(options["account"]), now=timezone.now())
        except (Refused, Unavailable) as refusal:
            raise CommandError(f"{refusal.told} ({refusal.cause})") from refusal
        if options["json"]:
            self.stdout.write(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
        for finding in findings if not options["json"] else ():
            self.stdout.write(
                f"{finding.drift.value}  {finding.role or finding.account or 'organization'}: {finding.detail}"
            )
        if findings:
            raise CommandError(f"{len(findings)} differences.")
        if not options["json"]:
            self.stdout.write("AWS is as it is registered.")
