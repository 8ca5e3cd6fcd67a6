"""Make a local administrator, or give one a new password."""

import getpass
import json
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused
from idp.services.break_glass import create_local_administrator, reset_local_administrator

VERBS = {"create": create_local_administrator, "reset": reset_local_administrator}
DONE = {"create": "was made", "reset": "has a new password and is signed in nowhere"}


class Command(BaseCommand):
    help = (
        "Make a local administrator for the day on which the directory is gone (create), or give one a new "
        "password (reset). They sign in at /admin/ only and never get a role. The password is asked for twice, "
        "or read from standard input where that is no terminal; --generate makes one and prints it once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=sorted(VERBS))
        parser.add_argument("name", help="2 to 64 of a-z 0-9 . _ -")
        parser.add_argument("--generate", action="store_true", help="make a password and print it, once")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        verb, name = options["verb"], options["name"]
        generated = secrets.token_urlsafe(24) if options["generate"] else None
        try:
            VERBS[verb](name=name, password=generated or asked_password(), now=timezone.now())
        except Refused as refusal:
            raise CommandError(refusal.told) from refusal
        if options["json"]:
            answer = {"name": name, "done": verb, "sign_in": "/admin/login/"}
            self.stdout.write(json.dumps(answer | ({"password": generated} if generated else {})))
            return
        self.stdout.write(f"The local administrator {name} {DONE[verb]}. Sign in at /admin/login/.")
        if generated:
            self.stdout.write(f"Password, shown only now: {generated}")


def asked_password() -> str:
    """What was typed, twice alike, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise CommandError("The two passwords differ.")
    return first
