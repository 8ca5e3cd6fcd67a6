"""Patterns filed by their plain text find exactly what trying each of them finds."""

import re2
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.patterns import PatternIndex
from idp.domain.re2_patterns import compile_pattern, literal_ends
from tests.unit.idp.domain.made_up import arn, by_name

pieces = st.sampled_from(
    [
        "A",
        "W",
        "-",
        "AWS-",
        "1",
        ".",
        ".*",
        "[A-Z]",
        "[^a]",
        "[]|]",
        "[a\\]|b]",
        "[[:alpha:]|]",
        "(?:A|W)",
        "(A)",
        "|",
        "A?",
        "W*",
        "1+",
        "A{2}",
        "\\.",
        "\\-",
        "\\\\",
        "\\d",
        "\\w",
        "\\x41",
        "\\pL",
        "^",
        "$",
        "\\A",
        "\\z",
        "(?i)",
        "(?i:a)",
        "(?:)",
        "\\QA|\\E",
        "\\|",
        "\\[",
        "\\(",
    ]
)
patterns = st.lists(pieces, min_size=1, max_size=6).map("".join)
names = st.text(st.sampled_from("AWaw-1.|\\[]("), max_size=8)


def lawful(pattern: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


@given(st.lists(patterns.filter(lawful), min_size=1, max_size=5), st.lists(names, min_size=1, max_size=8))
def test_the_index_finds_what_trying_each_pattern_finds(shapes: list[str], texts: list[str]) -> None:
    """No match is lost and none is added, whatever the patterns look like."""
    rules = [by_name(number, shape, role=arn()) for number, shape in enumerate(shapes)]
    index = PatternIndex(rules)
    for text in texts:
        found = sorted(rule.number for match in index.matches(text) for rule in match.rules)
        expected = [rule.number for rule in rules if compile_pattern(rule.pattern or "").fullmatch(text)]
        assert found == expected


@given(patterns.filter(lawful), names)
def test_every_match_begins_and_ends_with_the_certain_text(pattern: str, text: str) -> None:
    """What a pattern is filed under stands in every name that it matches."""
    prefix, suffix = literal_ends(pattern)
    if compile_pattern(pattern).fullmatch(text):
        assert text.startswith(prefix)
        assert text.endswith(suffix)


def test_usual_patterns_are_filed_by_their_text() -> None:
    """The patterns that people write are told apart before any of them is tried."""
    assert literal_ends(r"AWS-(?P<account>[0-9]{12})-Admin") == ("AWS-", "-Admin")
    assert literal_ends(r"^team-7-(?P<role>.+)$") == ("team-7-", "")
    assert literal_ends(r"AWS-1|AWS-2") == ("", "")
    assert literal_ends(r"(?i)aws-x") == ("", "")
    assert literal_ends(r"AWSx?") == ("AWS", "")
    assert literal_ends(r"a\.b") == ("a.b", "b")
