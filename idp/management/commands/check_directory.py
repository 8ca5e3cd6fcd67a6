"""Try the directory, and show what would be read of a person."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.domain.identity import DirectoryIdentity
from idp.services.check_directory import DirectoryReport, check_directory


class Command(BaseCommand):
    help = (
        "Connect to every configured directory server, check its certificate, bind, and show what would be "
        "read of the person NAME: identifier, state, attributes, and each group with the way to it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="a user name, to show what would be read")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            report = check_directory(name=options["name"], now=timezone.now())
        except Refused as refusal:
            raise CommandError(f"{refusal.told} ({refusal.cause})") from refusal
        except Unavailable as problem:
            raise CommandError(f"{problem.told} ({problem.cause})") from problem
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report), indent=2))
        else:
            self.stdout.writelines(f"{line}\n" for line in lines(report))
        if not report.is_well:
            raise CommandError(
                "The directory is not well." if report.servers else "DRAWBRIDGE_LDAP_URI is empty."
            )


def lines(report: DirectoryReport) -> list[str]:
    """The report for people."""
    servers = [f"{server.uri}: {server.problem or 'ok'}" for server in report.servers]
    return servers + (person_lines(report.person) if report.person else [])


def person_lines(person: DirectoryIdentity) -> list[str]:
    """What is read of a person, for people."""
    told = [
        f"{person.display_name} ({person.username}), {person.state.value}",
        f"  name        {person.dn}",
        f"  account key {person.account_key}",
        f"  mail        {person.mail or '(none)'}",
    ]
    told += [f"  {name}: {', '.join(values)}" for name, values in person.attributes.items()]
    told.append(f"  {len(person.groups)} groups")
    told += [f"    {group.group_id} {' > '.join(group.way)}" for group in person.groups]
    return told


def as_json(report: DirectoryReport) -> dict[str, Any]:
    """The report for programs."""
    person = report.person
    return {
        "well": report.is_well,
        "servers": [{"uri": server.uri, "problem": server.problem} for server in report.servers],
        "person": person
        and {
            "account_key": person.account_key,
            "username": person.username,
            "dn": person.dn,
            "display_name": person.display_name,
            "mail": person.mail,
            "state": person.state.value,
            "attributes": {name: list(values) for name, values in person.attributes.items()},
            "groups": [
                {"id": group.group_id, "dn": group.dn, "way": list(group.way)} for group in person.groups
            ],
        },
    }
