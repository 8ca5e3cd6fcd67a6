"""`manage.py connect_account`: what an AWS account needs before people can enter it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from idp.domain.errors import Refused, Unavailable
from sts_bridge.domain.account_setup import AccountSetup, as_cli, as_cloudformation, as_data, as_text
from sts_bridge.services.connect_account import account_setup


def as_json(setup: AccountSetup) -> str:
    """The setup as one JSON document."""
    return json.dumps(as_data(setup), indent=2) + "\n"


FORMATS = {"text": as_text, "cli": as_cli, "cloudformation": as_cloudformation, "json": as_json}


class Command(BaseCommand):
    help = (
        "Print the SAML provider to create in an AWS account and the trust policies of its registered roles."
        " Nothing is changed, here or in AWS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", help="the account's 12 digits")
        parser.add_argument(
            "--role", action="append", default=[], metavar="NAME", help="only this role; may be repeated"
        )
        parser.add_argument(
            "--region",
            action="append",
            default=[],
            metavar="REGION",
            help="allow the sign-in address of this region only (and the general one); may be repeated",
        )
        parser.add_argument(
            "--format", choices=sorted(FORMATS), default="text", help="how to print it (default: text)"
        )
        parser.add_argument(
            "--json", action="store_const", dest="format", const="json", help="the same as --format json"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            setup = account_setup(
                account=options["account"],
                role_names=tuple(options["role"]),
                regions=tuple(options["region"]),
            )
        except (Refused, Unavailable) as error:
            raise CommandError(f"{error.told} ({error.cause})") from error
        self.stdout.write(FORMATS[options["format"]](setup), ending="")
