"""The entitlements of one person: how long 10,000 rules take for somebody in hundreds and thousands of groups."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.role import AwsRole
from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.identity import AccountState, DirectoryIdentity, GroupMembership
from idp.domain.rules import Effect, Rule
from tests.bench.effort import Effort
from tests.bench.measuring import here, in_turns
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.bench.unit import cpu_seconds_of

SEED = 20260302
GROUPS_OF_PERSON = (500, 2_000)
RULES = 10_000
PATTERN_SHARE = 10
LIMIT = "50 ms"


def figures(stage: Stage) -> Iterator[Row]:
    """A person in so many groups against 10,000 rules, first time and afterwards."""
    for number in GROUPS_OF_PERSON:
        yield from figures_of(number, stage.effort, now=datetime.now(UTC))


def figures_of(groups_of_person: int, effort: Effort, *, now: datetime) -> Iterator[Row]:
    """The rows for a person in this many groups."""
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
    repeated = here(lambda: entitlements(person, book, now=now), times=100, effort=effort)
    books = iter([RuleBook(version=number, roles=roles, rules=rules) for number in range(2 * effort.turns)])
    first = in_turns(
        lambda: cpu_seconds_of(lambda: entitlements(person, next(books), now=now), times=1), effort
    )
    told = f"{RULES:,} rules, {RULES // PATTERN_SHARE:,} of them patterns"
    whose = f"entitlements of somebody in {groups_of_person:,} groups"
    yield Row(whose, *repeated, LIMIT, f"this process; {told}")
    yield Row(f"{whose}, never seen before", *first, LIMIT, "after each change of the rules")
