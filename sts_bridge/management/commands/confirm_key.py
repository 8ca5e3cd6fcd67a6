"""`manage.py confirm_key`: which AWS accounts have the next signing certificate."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from sts_bridge.services.confirm_key import confirm_accounts


class Command(BaseCommand):
    help = (
        "While a signing key waits to be switched to (key_rollover), read from every account that is waited for "
        "whether its SAML provider has the next certificate, and confirm those that have. Needs "
        "DRAWBRIDGE_READER_ROLE, with iam:GetSAMLProvider. The timetable does the same every ten minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            seen = confirm_accounts(now=timezone.now())
        except (Refused, Unavailable) as refusal:
            raise CommandError(f"{refusal.told} ({refusal.cause})") from refusal
        if options["json"]:
            self.stdout.write(json.dumps({"accounts": [asdict(one) for one in seen]}, indent=2))
            return
        for one in seen:
            state = "has it" if one.has_it else one.problem or "does not have it"
            self.stdout.write(f"{one.account}  {state}")
        if not seen:
            self.stdout.write("No account is waited for that could be read.")
