"""MP-01: exact beats pattern; whole names, ASCII classes, linear time."""

import time
from datetime import timedelta

import pytest

from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.rules import Rule
from tests.unit.idp.domain.made_up import ACCOUNT, BASE, NOW, arn, by_name, exact, group, person, role

pytestmark = pytest.mark.attack("MP-01")

NAMED = group("g1", f"cn=AWS-{ACCOUNT}-ReadOnly,{BASE}")


def granted(dn: str, *rules: Rule) -> list[tuple[str, timedelta]]:
    book = RuleBook(version=1, roles=[role()], rules=rules)
    found = entitlements(person(group("g1", dn)), book, now=NOW)
    return [(given.role.arn.name, given.granted.duration) for given in found]


def test_the_exact_rule_decides_before_any_pattern() -> None:
    """However much longer the pattern's rule is, and whatever its number, the exact one decides."""
    long, short = timedelta(hours=4), timedelta(hours=1)
    rules = (
        by_name(1, duration=long),
        by_name(2, "AWS-.*", role=arn(), duration=long),
        exact(3, duration=short),
    )
    assert granted(NAMED.dn, *rules) == [("ReadOnly", short)]
    assert granted(NAMED.dn, *rules[:2]) == [("ReadOnly", long)]


def test_classes_are_ascii() -> None:
    """Digits and letters of other scripts are none; the ASCII twin is accepted."""
    rule = by_name(1, r"AWS-(?P<account>\d{12})-(?P<role>\w+)")
    assert granted(NAMED.dn, rule)
    arabic = "".join(chr(0x660 + int(digit)) for digit in ACCOUNT)
    wide = "".join(chr(0xFF10 + int(digit)) for digit in ACCOUNT)
    for spelt in (arabic, wide):
        assert not granted(f"cn=AWS-{spelt}-ReadOnly,{BASE}", rule)
    kelvin = by_name(1, "(?i)kings", role=arn())
    assert granted(f"cn=Kings,{BASE}", kelvin)
    assert not granted(f"cn=\N{KELVIN SIGN}ings,{BASE}", kelvin)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "(?:a?){500}a{500}", "([a-z]+)*\\d"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """Patterns that stall backtracking engines are decided at once, match or no match."""
    rule = by_name(1, pattern, role=arn())
    book = RuleBook(version=1, roles=[role()], rules=[rule])
    someone = person(*(group(f"g{number}", f"cn={'a' * number}!,{BASE}") for number in range(100, 200)))
    began = time.process_time()
    assert entitlements(someone, book, now=NOW) == ()
    assert time.process_time() - began < 1
