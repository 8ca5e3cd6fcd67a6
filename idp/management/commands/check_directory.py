"""Try the directories, and show what one person looks like to us."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.errors import Refused, Unavailable
from idp.domain.identity import DirectoryIdentity
from idp.services.check_directory import DirectoryReport, PersonReport, check_directory

MOST_GROUPS = 200


class Command(BaseCommand):
    help = (
        "Try everything that must work in every configured directory, once: each server with its certificate, "
        "the service account, bases, people, groups. What is amiss is named with LDAP's result and what to do. "
        "With --person, show step by step what this name looks like to us: how it is understood, which filter "
        "finds it, the entry, its state and why, attributes, groups with the way to each, rules, roles. No "
        "password is asked for, and no secret is printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="the same as --person NAME")
        parser.add_argument("--person", metavar="NAME", help="a name as people type it at the sign-in")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        name = options["person"] or options["name"]
        try:
            report = check_directory(name=name, now=timezone.now())
        except Refused as refusal:
            raise CommandError(f"{refusal.told} ({refusal.cause})") from refusal
        except Unavailable as problem:
            raise CommandError(f"{problem.told} ({problem.cause})") from problem
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report), indent=2))
        else:
            told = [*directory_lines(report), *(person_lines(report.person) if report.person else ())]
            self.stdout.writelines(f"{printable(line)}\n" for line in told)
        if why := why_not_well(report):
            raise CommandError(why)


def why_not_well(report: DirectoryReport) -> str:
    """One sentence for the end; empty where there is nothing to say."""
    for one in report.directories:
        if not one.servers:
            return f"{one.setting} is empty."
    if not report.is_well:
        return "The directory is not well."
    person = report.person
    if person is None or person.is_known:
        return ""
    if person.found == 0:
        return f"Nobody goes by the name {person.typed.whole!r}."
    if person.found > 1:
        return f"{person.found} entries go by the name {person.typed.whole!r}, so that it means nobody."
    return f"{person.typed.whole!r} cannot be read completely."


def directory_lines(report: DirectoryReport) -> Iterator[str]:
    """Everything that was tried, for people."""
    for one in report.directories:
        yield f"{one.name} ({one.kind})"
        for finding in one.findings:
            yield f"  {'ok   ' if finding.is_well else 'AMISS'} {finding.what:<20} {finding.told}"
            if finding.result:
                yield f"        {'LDAP result':<20} {finding.result}"
            if finding.todo:
                yield f"        {'what to do':<20} {finding.todo}"


def person_lines(report: PersonReport) -> Iterator[str]:
    """Each step from the typed name to the roles, for people."""
    typed = report.typed
    domain = f", domain '{typed.domain}'" if typed.domain else ", no domain"
    yield ""
    yield f"{typed.whole}: understood as account '{typed.account}'{domain}"
    for look in report.looks:
        yield f"  {look.directory}: {'the domain is its own' if look.is_claimed else 'no domain names it'}"
        yield f"    below  {look.base}"
        yield f"    filter {look.filter_text}"
        yield f"    {len(look.found)} found"
        yield from (f"      {dn}" for dn in look.found)
        if look.state is not None:
            why = "; ".join(f"{name}={', '.join(values)}" for name, values in look.decided_by.items())
            yield f"    state  {look.state.value} ({why or 'the entry shows nothing against it'})"
        if look.problem is not None:
            yield f"    AMISS  {look.problem.told}"
            yield f"           {look.problem.result} {look.problem.todo}".rstrip()
    yield from identity_lines(report)


def identity_lines(report: PersonReport) -> Iterator[str]:
    """What is read of the person, and what follows from it."""
    person = report.person
    if person is None:
        return
    yield f"  {person.display_name} ({person.username})"
    yield f"    account key {person.account_key}"
    yield f"    mail        {person.mail or '(none)'}"
    yield from (f"    {name}: {', '.join(values)}" for name, values in person.attributes.items())
    method = next(look.group_method for look in report.looks if look.identity is not None)
    yield f"    {len(person.groups)} groups, found by {method}"
    for group in person.groups[:MOST_GROUPS]:
        yield f"      {group.group_id} {' > '.join(group.way) or group.dn or '(not below the group base)'}"
    if len(person.groups) > MOST_GROUPS:
        yield f"      and {len(person.groups) - MOST_GROUPS} more; --json shows them all"
    yield f"    {len(report.explanations)} roles to which a rule leads"
    for explanation in report.explanations:
        role = explanation.arn or f"{explanation.role_name} in account {explanation.account}"
        yield f"      {'YES' if explanation.entitlement else 'NO '} {role}"
        for one in explanation.considered:
            if one.group is not None:
                by = one.group.dn or one.group.group_id
                yield f"          rule {one.rule.number} {one.rule.name!r}: {one.outcome.value}, by {by}"
    if report.is_staff:
        yield "    administers here"


def printable(line: str) -> str:
    """The line without what could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


def as_json(report: DirectoryReport) -> dict[str, Any]:
    """The report for programs."""
    return {
        "well": report.is_well,
        "servers": [
            {
                "directory": one.name,
                "uri": server.uri,
                "problem": server.problem,
                "milliseconds": server.milliseconds,
                "breaker": server.state,
            }
            for one in report.directories
            for server in one.servers
        ],
        "directories": [
            {
                "name": one.name,
                "kind": one.kind,
                "well": one.is_well,
                "findings": [asdict(finding) | {"well": finding.is_well} for finding in one.findings],
            }
            for one in report.directories
        ],
        "person": report.person and person_as_json(report.person),
    }


def person_as_json(report: PersonReport) -> dict[str, Any]:
    """The steps and what follows, for programs."""
    person = report.person
    return {
        "typed": {
            "whole": report.typed.whole,
            "account": report.typed.account,
            "domain": report.typed.domain,
        },
        "looks": [
            {
                "directory": look.directory,
                "claimed": look.is_claimed,
                "base": look.base,
                "filter": look.filter_text,
                "group_method": look.group_method,
                "found": list(look.found),
                "state": look.state and look.state.value,
                "decided_by": {name: list(values) for name, values in look.decided_by.items()},
                "problem": look.problem and look.problem.told,
                "todo": look.problem and look.problem.todo,
            }
            for look in report.looks
        ],
        "roles": [
            {
                "role": str(explanation.arn) if explanation.arn is not None else None,
                "account": explanation.account,
                "role_name": explanation.role_name,
                "granted": explanation.entitlement is not None,
                "rules": [one.rule.number for one in explanation.considered if one.group is not None],
            }
            for explanation in report.explanations
        ],
        "staff": report.is_staff,
        **(identity_as_json(person) if person else {}),
    }


def identity_as_json(person: DirectoryIdentity) -> dict[str, Any]:
    """What is read of the person, for programs."""
    return {
        "account_key": person.account_key,
        "username": person.username,
        "dn": person.dn,
        "display_name": person.display_name,
        "mail": person.mail,
        "state": person.state.value,
        "attributes": {name: list(values) for name, values in person.attributes.items()},
        "groups": [{"id": group.group_id, "dn": group.dn, "way": list(group.way)} for group in person.groups],
    }
