"""Write our metadata to a file, or print it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from idp.domain.errors import Unavailable
from idp.services.metadata import our_metadata, write_metadata


class Command(BaseCommand):
    help = (
        "Print our SAML metadata, or write it to a file: what AWS wants for a SAML provider "
        "(aws iam create-saml-provider --saml-metadata-document file://FILE). The file appears whole or not at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it; printed without")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        out: Path | None = options["out"]
        try:
            document = our_metadata().decode()
            if out is not None:
                length = write_metadata(out)
        except Unavailable as problem:
            raise CommandError(f"There is no metadata without a key: {problem.cause}.") from problem
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        if out is None:
            self.stdout.write(json.dumps({"metadata": document}) if options["json"] else document)
        elif options["json"]:
            self.stdout.write(json.dumps({"out": str(out), "octets": length}))
        else:
            self.stdout.write(f"Wrote {length} octets of metadata to {out}.")
