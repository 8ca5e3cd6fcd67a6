"""Make a signing key, or promote the next one."""

import json
import os
import pwd
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.services.keys import Recorded, make_signing_key, next_key, place_of_a_new_key, promote_next_key
from idp.services.provider_changes import Author


class Command(BaseCommand):
    help = (
        "Make a signing key with its certificate in DRAWBRIDGE_KEY_DIR. The first one signs at once; a later one "
        "is the next key: its certificate stands in our metadata beside the current one. Give the new metadata "
        "to AWS in every account (write_metadata), then run this with --promote: the next statement is signed "
        "by the next key, and the former certificate stays in the metadata."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--promote", action="store_true", help="let the next key sign from now on")
        parser.add_argument("--bits", type=int, help="2048 (the default) or 3072; with --curve 256 or 384")
        parser.add_argument(
            "--curve",
            action="store_true",
            help="a key on a curve, beside the others, for those who ask for ECDSA",
        )
        parser.add_argument(
            "--days", type=int, default=1_095, help="how long the certificate holds, 1 to 3650 (1095)"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            if options["dry_run"]:
                answer = self._planned(promote=options["promote"], curve=options["curve"])
            else:
                bits = options["bits"] or (256 if options["curve"] else 2048)
                answer = self._done(
                    promote=options["promote"], bits=bits, days=options["days"], curve=options["curve"]
                )
        except Refused as refusal:
            raise CommandError(refusal.told) from refusal
        except Unavailable as problem:
            raise CommandError(f"{problem.cause}. Nothing was changed.") from problem
        except DatabaseError as error:
            raise CommandError(
                f"This could not be recorded, so no key was changed (run `manage.py migrate` first?): {error}"
            ) from error
        said = answer.pop("said")
        self.stdout.write(json.dumps(answer) if options["json"] else said)

    def _planned(self, *, promote: bool, curve: bool) -> dict[str, Any]:
        if promote:
            key = next_key(now=timezone.now(), curve=curve)
            said = f"The key {key.fingerprint} would sign from then on. Nothing was changed."
            return {"done": "nothing", "would_promote": key.fingerprint, "said": said}
        place = place_of_a_new_key(curve=curve)
        return {
            "done": "nothing",
            "would_make": place,
            "said": f"A key would be made as the {place} one. Nothing was changed.",
        }

    def _done(self, *, promote: bool, bits: int, days: int, curve: bool) -> dict[str, Any]:
        now, recorded = timezone.now(), Recorded(Author(operator()))
        if promote:
            key = promote_next_key(now=now, curve=curve, recorded=recorded)
            said = f"The key {key.fingerprint} signs from now on; the former certificate stays published."
        else:
            key = make_signing_key(now=now, bits=bits, days=days, curve=curve, recorded=recorded)
            kind = "EC" if curve else "RSA"
            until = f"{key.valid_until:%Y-%m-%d}"
            said = f"Made the {key.place} key, {kind} {key.bits}, until {until}: {key.fingerprint}"
        return {
            "done": "promoted" if promote else "made",
            "place": key.place,
            "bits": key.bits,
            "fingerprint": key.fingerprint,
            "valid_until": key.valid_until.isoformat(),
            "files": list(key.files),
            "said": said,
        }


def operator() -> str:
    """Who runs this, as the machine knows them; sudo tells who stands behind root."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        account = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{behind} as {account}" if behind else account
