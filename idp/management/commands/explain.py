"""Why a person or a workload may, or may not, take a role."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.domain.aws.arn import RoleArn
from idp.domain.entitlements import Ground
from idp.domain.errors import Refused, Unavailable
from idp.domain.explanation import Consideration, Explanation, Outcome
from idp.domain.rules import Rule
from idp.services.entitlements import explain_access
from idp.services.token_issuers import workload_issuers
from idp.services.workloads import explain_workload

MOST_NOT_MET = 20


class Command(BaseCommand):
    help = (
        "Print why the person of this user name may, or may not, take the role, as the directory answers now: "
        "each rule that concerns it, the way through the groups, and which limit decided the length. Without "
        "--role, for every role to which a group of the person leads. A workload is named by --issuer and --subject, "
        "and by --claim NAME=VALUE for whatever else its token says."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", nargs="?", help="the user name in the directory")
        parser.add_argument("--issuer", metavar="URL", help="whose token the workload has")
        parser.add_argument("--subject", help="the sub of the workload's token")
        parser.add_argument("--claim", metavar="NAME=VALUE", action="append", default=[])
        parser.add_argument("--role", metavar="ARN")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        check_who(options)
        person, now = options["person"] or options["subject"], timezone.now()
        try:
            role = RoleArn.parse(options["role"]) if options["role"] is not None else None
            if options["person"] is not None:
                explanations = explain_access(person, role=role, now=now)
            else:
                explanations = explain_workload(options["issuer"], claims_of(options), role=role, now=now)
        except Refused as refusal:
            raise CommandError(refusal.told) from refusal
        except Unavailable as problem:
            raise CommandError(f"{problem.told} ({problem.cause})") from problem
        if options["json"]:
            kind = "person" if options["person"] is not None else "workload"
            answer: dict[str, object] = {kind: person}
            if options["issuer"] is not None:
                answer["issuer_is_configured"] = options["issuer"] in workload_issuers()
            answer["roles"] = [as_json(explanation) for explanation in explanations]
            self.stdout.write(json.dumps(answer, indent=2))
            return
        if not explanations:
            what = "No group of" if options["person"] is not None else "No claim of"
            self.stdout.write(f"{what} {person} is named by any rule, so that there is no access.")
        for explanation in explanations:
            self.stdout.writelines(f"{printable(line)}\n" for line in lines(person, explanation))
        if options["issuer"] is not None and options["issuer"] not in workload_issuers():
            self.stdout.write(
                "But no token of this issuer is taken: no issuer of workloads is configured so."
            )


def check_who(options: dict[str, Any]) -> None:
    """Ends unless either a person is named, or a workload by issuer and subject."""
    by_token = [options["issuer"] is not None, options["subject"] is not None]
    if (options["person"] is not None) == all(by_token) or any(by_token) != all(by_token):
        raise CommandError("Name a person, or a workload by --issuer and --subject.")
    if options["claim"] and not all(by_token):
        raise CommandError("--claim belongs to a workload.")


def claims_of(options: dict[str, Any]) -> dict[str, str]:
    """What the workload's token says, as far as it was told."""
    pairs = [claim.partition("=") for claim in options["claim"]]
    if any(not equals for _, equals, _ in pairs):
        raise CommandError("--claim is written NAME=VALUE.")
    return {name: value for name, _, value in pairs} | {"sub": options["subject"]}


def lines(person: str, explanation: Explanation) -> Iterator[str]:
    """The whole chain, for people."""
    name = explanation.arn or f"{explanation.role_name} in account {explanation.account}"
    entitlement = explanation.entitlement
    yield f"{'YES' if entitlement else 'NO '} {person}: {name}"
    if entitlement is not None:
        granted = entitlement.granted
        yield f"    for {granted.seconds} seconds, limited by: {granted.limit.value}"
        yield f"    decided by {rule_line(entitlement.ground.rule)}"
        yield from way_lines(entitlement.ground)
    else:
        yield f"    because {reason(explanation)}"
    shown = [one for one in explanation.considered if one.group is not None]
    others = [one for one in explanation.considered if one.group is None]
    for one in (*shown, *others[:MOST_NOT_MET]):
        yield from consideration_lines(one)
    if len(others) > MOST_NOT_MET:
        yield f"    and {len(others) - MOST_NOT_MET} more rules that name no group of this person"


def reason(explanation: Explanation) -> str:
    """Why the answer is no, in the order in which it is decided."""
    outcomes = {one.outcome for one in explanation.considered if one.group is not None}
    if not explanation.account_may_receive:
        return "the state of the account in the directory allows nothing"
    if explanation.role is None:
        return "the role is not registered"
    if Outcome.DENIES in outcomes:
        return "a rule denies it, and a denial wins over everything"
    if outcomes:
        return "no rule that names a group of this person is in force"
    return "no rule gives it to a group of this person"


def consideration_lines(one: Consideration) -> Iterator[str]:
    """One rule and what became of it, with the way to the group by which it was met."""
    yield f"  - {rule_line(one.rule)}: {one.outcome.value}"
    if one.group is not None:
        yield from way_lines(Ground(one.rule, one.group))


def way_lines(ground: Ground) -> Iterator[str]:
    """From the group that the person is directly in to the one that counts; what a rule for workloads names."""
    yield f"      by way of {'  >  '.join(ground.group.way) or ground.group_dn}"
    if ground.group_was_renamed:
        yield f"      note: the rule still shows {ground.rule.group_dn}; the identifier decides"


def rule_line(rule: Rule) -> str:
    """The rule in a few words."""
    what = f"group {rule.group_dn}"
    if rule.pattern is not None:
        what = f"pattern {rule.pattern} below {rule.base}"
    elif rule.workload is not None:
        what = f"workload {rule.workload}"
    return f"rule {rule.number} {rule.name!r} ({rule.effect.value}, {what})"


def as_json(explanation: Explanation) -> dict[str, object]:
    """The whole chain, for programs."""
    entitlement = explanation.entitlement
    return {
        "role": str(explanation.arn) if explanation.arn is not None else None,
        "account": explanation.account,
        "role_name": explanation.role_name,
        "registered": explanation.role is not None,
        "account_may_receive": explanation.account_may_receive,
        "granted": entitlement is not None,
        "reason": None if entitlement is not None else reason(explanation),
        "seconds": entitlement.granted.seconds if entitlement is not None else None,
        "limited_by": entitlement.granted.limit.value if entitlement is not None else None,
        "decided_by": entitlement.ground.rule.number if entitlement is not None else None,
        "rules": [consideration_as_json(one) for one in explanation.considered],
    }


def consideration_as_json(one: Consideration) -> dict[str, object]:
    """One rule and what became of it, for programs."""
    return {
        "number": one.rule.number,
        "name": one.rule.name,
        "effect": one.rule.effect.value,
        "outcome": one.outcome.name.lower(),
        "group": one.group.dn if one.group is not None else None,
        "way": list(one.group.way) if one.group is not None else [],
        "group_was_renamed": one.group is not None and Ground(one.rule, one.group).group_was_renamed,
    }


def printable(text: str) -> str:
    """The text as a terminal may show it: nothing in a name moves the cursor or begins a line."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)
