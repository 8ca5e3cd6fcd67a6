"""A SAML message made readable: what it is, what stands in it, and what is wrong with it."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused
from idp.management.commands.mapping import printable
from idp.services.decode import decode


class Command(BaseCommand):
    help = (
        "decode shows a pasted request or response: XML, base64 of it, a query, or a whole address. Nothing in it is "
        "verified, decrypted or fetched, and nothing is kept; what it says is held against what is registered here. "
        "A response may open a session: paste none that is younger than five minutes where others see it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("decode",))
        parser.add_argument("message", nargs="?", help="the message; - or nothing reads standard input")
        parser.add_argument("--file", help="a file that holds it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            found = decode(self._pasted(options), now=timezone.now())
        except Refused as refusal:
            raise CommandError(printable(refusal.told)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found)))
            return
        self.stdout.write(f"{found.kind}, pasted as {found.form}\n")
        width = max((len(name) for name, _ in found.facts), default=0)
        for name, value in found.facts:
            self.stdout.write(f"  {name:<{width}}  {printable(value)}")
        self.stdout.write("\n" + "\n".join(printable(line) for line in found.text.splitlines()) + "\n")
        for problem in found.problems:
            self.stdout.write(f"! {printable(problem)}")

    def _pasted(self, options: dict[str, Any]) -> str:
        if options["file"]:
            try:
                return Path(options["file"]).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{options['file']} cannot be read: {error}") from error
        if options["message"] and options["message"] != "-":
            return str(options["message"])
        return sys.stdin.read()
