"""Service providers: list, show, import, add, change, switch on and off, refresh, remove, release a name."""

import json
from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.domain.provider_kind import ProviderKind
from idp.management.commands.make_signing_key import operator
from idp.management.commands.mapping import octets_of, printable
from idp.services.entry_names import release_entry_name
from idp.services.provider_changes import Author, FieldChange
from idp.services.provider_listing import ProviderShown, all_providers, shown
from idp.services.provider_metadata import MetadataSource
from idp.services.provider_terms import Terms
from idp.services.provider_verbs import (
    add_by_hand,
    add_from_metadata,
    add_ready_made,
    change,
    refresh_now,
    remove,
    switch,
)

VERBS = (
    "list", "show", "import", "add", "add-aws", "change", "enable", "disable", "refresh", "remove", "release",
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "list and show tell. import makes a provider from metadata (--file, - for standard input, or --url, which "
        "is read again on the timetable; --pin trusts one signature only). add makes one by hand from --acs. "
        "add-aws makes the ready-made entry of an AWS partition. change changes what was agreed. enable, disable, "
        "refresh and remove do what they say. release lets the next person have the name (--value) by which the "
        "service knows somebody who has left or lent it. A new provider is switched off until enable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=VERBS)
        parser.add_argument("entity_id", nargs="?", metavar="ENTITY_ID", help="for import: one of several")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--value", default="", help="for release: the name, such as a mail address")
        source = parser.add_argument_group("metadata")
        source.add_argument("--file", help="a file with metadata, - for standard input")
        source.add_argument("--url", help="the https address of the metadata")
        source.add_argument("--pin", metavar="FILE", help="only metadata signed by this certificate's key")
        source.add_argument("--kind", choices=[kind.value for kind in ProviderKind])
        source.add_argument("--partition", default="aws", help="for add-aws")
        source.add_argument(
            "--region", action="append", default=[], help="for add-aws: further sign-in addresses"
        )
        terms = parser.add_argument_group("terms")
        terms.add_argument("--name")
        terms.add_argument("--acs", action="append", metavar="ADDRESS", help="the first is the default")
        terms.add_argument("--logout", action="append", metavar="post=ADDRESS|redirect=ADDRESS")
        terms.add_argument(
            "--name-id", metavar="FORMAT[=SOURCE]", help="persistent, transient, email=person:mail"
        )
        terms.add_argument(
            "--omit-name-id", action=BooleanOptionalAction, help="attributes only, and no logout"
        )
        terms.add_argument("--attribute", action="append", metavar="NAME=SOURCE[;FORMAT[;FRIENDLY[;WHEN]]]")
        terms.add_argument("--group", action="append", metavar="DN_OR_ID", help="whose members may use it")
        terms.add_argument("--everyone", action=BooleanOptionalAction, help="whether everybody may use it")
        terms.add_argument("--signed-requests", action=BooleanOptionalAction)
        terms.add_argument("--signing-certificate", action="append", metavar="FILE")
        terms.add_argument("--encrypt", action=BooleanOptionalAction)
        terms.add_argument("--encryption-certificate", metavar="FILE")
        terms.add_argument("--encryption-scheme", metavar="CIPHER/WRAPPING/DIGEST")
        terms.add_argument(
            "--algorithm", help="rsa-sha256, rsa-sha384, rsa-sha512, ecdsa-sha256, ecdsa-sha384"
        )
        terms.add_argument("--sign", choices=("assertion", "response", "both"))
        terms.add_argument("--session", type=int, metavar="SECONDS", help="300 to 86400")
        terms.add_argument("--relay-state")

    def handle(self, *_: Any, **options: Any) -> None:
        verb = options["verb"]
        if (
            verb in {"show", "add", "change", "enable", "disable", "refresh", "remove", "release"}
            and not options["entity_id"]
        ):
            raise CommandError(f"service_provider {verb} needs an ENTITY_ID.")
        try:
            if verb == "list":
                self._list(as_json=options["json"])
            elif verb == "show":
                self._show(shown(options["entity_id"]), as_json=options["json"])
            else:
                self._told(verb, self._done(verb, options), options)
        except Refused as refusal:
            raise CommandError(printable(f"{refusal.told} ({refusal.cause})")) from refusal
        except Unavailable as problem:
            raise CommandError(printable(f"{problem.told} ({problem.cause})")) from problem

    def _done(self, verb: str, options: dict[str, Any]) -> tuple[FieldChange, ...]:
        entity_id, terms = options["entity_id"] or "", terms_of(options)
        common: dict[str, Any] = {
            "author": Author(operator()),
            "now": timezone.now(),
            "dry_run": options["dry_run"],
        }
        if verb == "import":
            kind = ProviderKind(options["kind"]) if options["kind"] else None
            return add_from_metadata(source_of(options), terms, entity_id=entity_id, kind=kind, **common)
        if verb == "add":
            return add_by_hand(entity_id, terms, **common)
        if verb == "add-aws":
            return add_ready_made(options["partition"], tuple(options["region"]), **common)
        if verb == "change":
            return change(entity_id, terms, **common)
        of_one = {
            "enable": lambda: switch(entity_id, enabled=True, **common),
            "disable": lambda: switch(entity_id, enabled=False, **common),
            "refresh": lambda: refresh_now(entity_id, **common),
            "remove": lambda: remove(entity_id, **common),
            "release": lambda: release_entry_name(entity_id, options["value"], **common),
        }
        return of_one[verb]()

    def _list(self, *, as_json: bool) -> None:
        rows = all_providers()
        if as_json:
            self.stdout.write(json.dumps([row.as_json() for row in rows], indent=2))
            return
        for row in rows:
            self.stdout.write(printable(f"{row.state:10}{row.kind:17}{row.name}  {row.entity_id}"))
        self.stdout.write(f"{len(rows)} service providers.")

    def _show(self, row: ProviderShown, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(row.as_json(), indent=2))
            return
        for name, value in row.as_json().items():
            self.stdout.write(printable(f"{name + ':':24}{value}"))

    def _told(self, verb: str, changes: tuple[FieldChange, ...], options: dict[str, Any]) -> None:
        dry_run = options["dry_run"]
        if options["json"]:
            told = [{"field": one.field, "before": one.before, "after": one.after} for one in changes]
            self.stdout.write(json.dumps({"verb": verb, "dry_run": dry_run, "changes": told}, indent=2))
            return
        for one in changes:
            self.stdout.write(
                printable(
                    f"{one.field}: {one.before[:200] or '(nothing)'} -> {one.after[:200] or '(nothing)'}"
                )
            )
        if not changes:
            self.stdout.write("Everything is so already; nothing was changed.")
        elif dry_run:
            self.stdout.write(f"{len(changes)} values would change; nothing was changed.")
        else:
            self.stdout.write(f"Done: {verb}, {len(changes)} values changed.")


def source_of(options: dict[str, Any]) -> MetadataSource:
    """Where the metadata comes from; ends with one sentence unless exactly one place is named."""
    if bool(options["file"]) == bool(options["url"]):
        raise CommandError("service_provider import needs --file or --url.")
    return MetadataSource(
        document=octets_of(options["file"]) if options["file"] else b"",
        url=options["url"] or "",
        certificate=text_of(options["pin"]) if options["pin"] else "",
    )


def terms_of(options: dict[str, Any]) -> Terms:
    """What the options say of the agreement."""
    signing, encryption = options["signing_certificate"], options["encryption_certificate"]
    return Terms(
        name=options["name"],
        acs=options["acs"],
        logout=options["logout"],
        name_id=options["name_id"],
        omit_name_id=options["omit_name_id"],
        attributes=options["attribute"],
        groups=options["group"],
        for_everyone=options["everyone"],
        want_signed_requests=options["signed_requests"],
        signing_certificates=None if signing is None else [text_of(file) for file in signing],
        encrypt_assertions=options["encrypt"],
        encryption_certificate=None if encryption is None else text_of(encryption),
        encryption_scheme=options["encryption_scheme"],
        signature_algorithm=options["algorithm"],
        sign=options["sign"],
        session_seconds=options["session"],
        relay_state=options["relay_state"],
    )


def text_of(file: str) -> str:
    """The file's text; what is none becomes no certificate later."""
    return octets_of(file).decode("ascii", errors="replace")
