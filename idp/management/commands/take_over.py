"""Take over from another identity provider: its key, its name, and what its services call people."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.management.commands.make_signing_key import operator
from idp.management.commands.mapping import octets_of, printable
from idp.services.take_over import differences_to, take_over_key, take_over_names


class Command(BaseCommand):
    help = (
        "key takes --key and --certificate (PEM) as ours: current where there is none, next otherwise. name-ids "
        "reads FILE, CSV with the columns entity_id,username,name_id: people keep what services call them. check "
        "compares us with FILE, the other provider's metadata, and tells what its services would see change."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("key", "name-ids", "check"))
        parser.add_argument(
            "file", nargs="?", metavar="FILE", help="for name-ids and check; - for standard input"
        )
        parser.add_argument("--key", metavar="FILE", help="its private key")
        parser.add_argument("--certificate", metavar="FILE", help="the certificate of that key")
        parser.add_argument("--password-file", metavar="FILE", help="the password of the key, if it has one")
        parser.add_argument(
            "--replace", action="store_true", help="name-ids: also change names given already"
        )
        parser.add_argument("--dry-run", action="store_true", help="name-ids: tell, and change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        verb, file = options["verb"], options["file"]
        if verb == "key" and not (options["key"] and options["certificate"]):
            raise CommandError("take_over key needs --key and --certificate.")
        if verb != "key" and not file:
            raise CommandError(f"take_over {verb} needs a FILE, or - for standard input.")
        try:
            answer, said = getattr(self, f"_{verb.replace('-', '_')}")(options)
        except Refused as refusal:
            raise CommandError(printable(refusal.told)) from refusal
        except Unavailable as problem:
            raise CommandError(printable(f"{problem.told} ({problem.cause})")) from problem
        self.stdout.write(json.dumps(answer, indent=2) if options["json"] else printable(said))

    def _key(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        password = options["password_file"]
        key = take_over_key(
            key_pem=octets_of(options["key"]),
            certificate_pem=octets_of(options["certificate"]),
            password=octets_of(password).removesuffix(b"\n") if password else None,
            operator=operator(),
            now=timezone.now(),
        )
        answer = {"place": key.place, "bits": key.bits, "fingerprint": key.fingerprint}
        return answer, f"The key {key.fingerprint} (RSA {key.bits}) is the {key.place} one."

    def _name_ids(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        dry_run = options["dry_run"]
        report = take_over_names(
            octets_of(options["file"]),
            operator=operator(),
            now=timezone.now(),
            dry_run=dry_run,
            replace=options["replace"],
        )
        answer = {
            "dry_run": dry_run,
            "added": report.added,
            "known": report.known,
            "replaced": report.replaced,
        }
        said = f"{report.added} added, {report.replaced} replaced, {report.known} known already."
        return answer, f"{said} Nothing was changed: this was a dry run." if dry_run else said

    def _check(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        told = differences_to(octets_of(options["file"]))
        return {"differences": told}, "\n".join(told) or "No service would see a difference."
