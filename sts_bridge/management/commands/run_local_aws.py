"""`manage.py run_local_aws`: the local AWS in a process that sees no key of ours."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

ROOT = Path(__file__).resolve().parents[3]
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


class Command(BaseCommand):
    help = (
        "Start the local AWS of the demo: STS, sign-in and a console page, for the accounts of a world file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--world", type=Path, required=True, help="JSON file with accounts, providers and roles"
        )
        parser.add_argument("--port", type=int, default=8010, help="port to listen on (default: 8010)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--strict-replay", action="store_true", help="take every statement only once")
        parser.add_argument(
            "--state",
            type=Path,
            help="SQLite file for what calls change; without it that ends with the process",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        world: Path = options["world"]
        if not world.is_file():
            raise CommandError(f"There is no world file {world}.")
        arguments = ["--world", str(world), "--port", str(options["port"]), "--host", options["host"]]
        if options["strict_replay"]:
            arguments.append("--strict-replay")
        if options["state"]:
            arguments += ["--state", str(options["state"])]
        self.stdout.flush()
        replace_this_process(arguments)


def replace_this_process(arguments: list[str]) -> None:
    """From here on this process is the local AWS; no secret of the environment goes with it."""
    clean = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # -P keeps the folder that we stand in out of the search for modules.
    command = [sys.executable, "-P", "-m", "sts_bridge.local_aws", *arguments]
    os.execve(sys.executable, command, {**clean, "PYTHONPATH": str(ROOT)})  # noqa: S606 - that is its purpose
