"""Figures that need no server: signing alone, and the entitlements of one person."""

import os
import random
from datetime import UTC, datetime, timedelta

from tests.bench.unit import cpu_seconds_of

SEED = 20260302
GROUPS_OF_PERSON = (500, 2_000)
RULES = 10_000
PATTERN_SHARE = 10


def signing_figures() -> list[tuple[str, float, str]]:
    """Signing alone: building, canonicalising and signing one AssertionPlan, once and twice."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django  # noqa: PLC0415 - the settings must be named first

    django.setup()
    from tests.bench.statements import figures  # noqa: PLC0415 - needs Django's settings

    return figures(now=datetime.now(UTC))


def entitlement_figures(*, now: datetime) -> list[tuple[str, float, str]]:
    """A person in so many groups against 10,000 rules, first time and afterwards."""
    return [figure for number in GROUPS_OF_PERSON for figure in figures_of(number, now=now)]


def figures_of(groups_of_person: int, *, now: datetime) -> list[tuple[str, float, str]]:
    """The rows for a person in this many groups."""
    from idp.domain.aws.arn import ProviderArn, RoleArn  # noqa: PLC0415 - the bench's parts load what they measure
    from idp.domain.aws.role import AwsRole  # noqa: PLC0415 - likewise
    from idp.domain.entitlements import RuleBook, entitlements  # noqa: PLC0415 - likewise
    from idp.domain.identity import AccountState, DirectoryIdentity, GroupMembership  # noqa: PLC0415 - likewise
    from idp.domain.rules import Effect, Rule  # noqa: PLC0415 - likewise

    chance = random.Random(SEED)
    base = "ou=groups,dc=example,dc=test"
    roles = [
        AwsRole(
            arn=RoleArn("aws", f"{100_000_000_000 + number // 20:012d}", "/", f"Role{number % 20}"),
            provider=ProviderArn("aws", f"{100_000_000_000 + number // 20:012d}", "drawbridge"),
            account_name=f"Account {number // 20}",
            environment="production",
            colour="red",
            longest=timedelta(hours=8),
        )
        for number in range(2_000)
    ]
    rules = [
        Rule(
            number=number,
            name=f"pattern {number}",
            effect=Effect.ALLOW,
            pattern=rf"AWS{number}-(?P<account>[0-9]{{12}})-(?P<role>[A-Za-z0-9]{{1,64}})",
            base=f"ou=aws,{base}",
        )
        if number % PATTERN_SHARE == 0
        else Rule(
            number=number,
            name=f"exact {number}",
            effect=Effect.DENY if number % 97 == 0 else Effect.ALLOW,
            group_id=f"{number % 5_000:036d}",
            group_dn=f"cn=g{number % 5_000},{base}",
            role=chance.choice(roles).arn,
            duration=timedelta(hours=1 + number % 4),
        )
        for number in range(1, RULES + 1)
    ]
    groups = []
    for number in chance.sample(range(5_000), groups_of_person):
        role = chance.choice(roles).arn
        by_pattern = number % 5 == 0
        dn = (
            f"cn=AWS{number * 10 % RULES}-{role.account}-{role.name},ou=aws,{base}"
            if by_pattern
            else f"cn=g{number},{base}"
        )
        groups.append(GroupMembership(f"{number:036d}", dn, (dn,)))
    person = DirectoryIdentity(
        directory="directory",
        immutable_id="0" * 36,
        username="jane",
        dn=f"uid=jane,{base}",
        display_name="Jane",
        mail="jane@example.test",
        state=AccountState.ENABLED,
        groups=tuple(groups),
        asked_at=now,
    )
    book = RuleBook(version=1, roles=roles, rules=rules)
    if not entitlements(person, book, now=now):
        raise SystemExit("the bench's person has no role: the figure would mean nothing")
    repeated = cpu_seconds_of(lambda: entitlements(person, book, now=now), times=100)
    books = iter([RuleBook(version=number, roles=roles, rules=rules) for number in range(6)])
    first = cpu_seconds_of(lambda: entitlements(person, next(books), now=now), times=5)
    remark = f"{groups_of_person:,} groups, {RULES:,} rules, {RULES // PATTERN_SHARE:,} of them patterns"
    return [
        ("entitlements of one person, rules compiled", repeated, remark),
        ("the same, groups never seen before by this process", first, remark),
    ]
