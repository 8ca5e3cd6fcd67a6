"""A rollover of the signing key, step by step: see where it stands, go on, or take the last step back."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.management.commands.make_signing_key import operator
from idp.management.commands.mapping import printable
from idp.services.key_rollover import confirm, doubt, publish, retire, switch, take_step_back
from idp.services.provider_changes import Author
from idp.services.rollover_state import Rollover, rollover

VERBS = ("status", "publish", "confirm", "doubt", "switch", "take-back", "retire")


class Command(BaseCommand):
    help = (
        "status tells where the rollover stands and who is not known to have the next certificate. publish makes the "
        "next key and puts its certificate into our metadata. confirm records that AWS accounts (by number) and "
        "services (by entity ID) have it; --everybody confirms all; doubt takes a confirmation back. switch lets it "
        "sign, once everybody has it. "
        "take-back undoes the last step. retire removes the former key, a day after the switch."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=VERBS)
        parser.add_argument("party", nargs="*", metavar="ACCOUNT_OR_ENTITY_ID", help="for confirm and doubt")
        parser.add_argument("--everybody", action="store_true", help="confirm: all that are waited for")
        parser.add_argument("--anyway", action="store_true", help="switch, retire: without waiting")
        parser.add_argument("--curve", action="store_true", help="the keys on a curve")
        parser.add_argument("--bits", type=int, help="publish: 2048 or 3072; with --curve 256 or 384")
        parser.add_argument("--days", type=int, default=1_095, help="publish: how long the certificate holds")
        parser.add_argument("--dry-run", action="store_true", help="only tell where it stands")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        curve = options["curve"]
        try:
            said = "" if options["dry_run"] else self._done(options["verb"], options, curve=curve)
            state = rollover(curve=curve)
        except Refused as refusal:
            raise CommandError(printable(refusal.told)) from refusal
        except Unavailable as problem:
            raise CommandError(f"{problem.cause}. Nothing was changed.") from problem
        if options["json"]:
            self.stdout.write(json.dumps(as_json(state) | {"done": said}, indent=2))
            return
        for line in [said, *lines(state)]:
            if line:
                self.stdout.write(printable(line))

    def _done(self, verb: str, options: dict[str, Any], *, curve: bool) -> str:
        author, now = Author(operator()), timezone.now()
        if verb == "publish":
            key = publish(author=author, now=now, bits=options["bits"], days=options["days"], curve=curve)
            return f"Published the {key.place} key {key.fingerprint}."
        if verb in {"confirm", "doubt"}:
            return self._known(verb, options, author=author, curve=curve)
        if verb == "switch":
            key = switch(author=author, now=now, anyway=options["anyway"], curve=curve)
            return f"The key {key.fingerprint} signs from now on."
        if verb == "take-back":
            key = take_step_back(author=author, now=now, curve=curve)
            done = "was withdrawn" if key.place == "next" else "signs again"
            return f"Taken back: the key {key.fingerprint} {done}."
        if verb == "retire":
            key = retire(author=author, now=now, anyway=options["anyway"], curve=curve)
            return f"The key {key.fingerprint} is gone, and its certificate is published no more."
        return ""

    def _known(self, verb: str, options: dict[str, Any], *, author: Author, curve: bool) -> str:
        parties, now = options["party"], timezone.now()
        if verb == "doubt":
            return f"Waited for again: {len(doubt(parties, author=author, now=now, curve=curve))}."
        if options["everybody"]:
            parties = [*parties, *(party.party for party in rollover(curve=curve).waiting_for)]
        return f"Confirmed: {len(confirm(parties, author=author, now=now, curve=curve))}."


def lines(state: Rollover) -> list[str]:
    """Where it stands, for people."""
    told = [f"{state.stage}:"]
    told += [
        f"  {key.place:9}until {key.valid_until:%Y-%m-%d}  {key.fingerprint}" for key in state.keys.values()
    ]
    if state.waited_for is not None:
        told += [
            f"  {'has it ' if party.confirmed_at else 'WAITING'}  {party.party}  {party.title}: {party.told}"
            for party in state.parties
        ]
        told.append(
            f"{len(state.waiting_for)} of {len(state.parties)} are not known to have the {state.waited_for.place}"
            " certificate."
        )
    told += [
        f"Next: manage.py key_rollover {verb.value}{' --curve' if state.curve else ''}"
        for verb in state.possible
    ]
    if state.retire_from is not None:
        told.append(f"The former key may be retired from {state.retire_from:%Y-%m-%d %H:%M} UTC on.")
    return told


def as_json(state: Rollover) -> dict[str, Any]:
    """Where it stands, for programs."""
    return {
        "stage": state.stage.value,
        "keys": {
            place: {"fingerprint": key.fingerprint, "valid_until": key.valid_until.isoformat()}
            for place, key in state.keys.items()
        },
        "parties": [
            {
                "party": party.party,
                "title": party.title,
                "confirmed_at": party.confirmed_at.isoformat() if party.confirmed_at else None,
                "confirmed_by": party.confirmed_by,
                "looked_at": party.looked_at.isoformat() if party.looked_at else None,
                "problem": party.problem,
            }
            for party in state.parties
        ],
        "waiting_for": [party.party for party in state.waiting_for],
        "steps": {step.name: step.progress.value for step in state.steps},
        "possible": [verb.value for verb in state.possible],
        "retire_from": state.retire_from.isoformat() if state.retire_from else None,
    }
