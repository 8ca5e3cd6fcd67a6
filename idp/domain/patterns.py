"""Which of thousands of patterns can match a name at all: told by the plain text they begin and end with.

One automaton for all patterns would be shorter, but `re2.Set` does not compile for a few thousand usual
patterns, and where its memory runs out while matching it reports no match: a denial would be lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from idp.domain.re2_patterns import compile_pattern, literal_ends
from idp.domain.rules import Rule

if TYPE_CHECKING:
    import re2


@dataclass(frozen=True, slots=True)
class FiledPattern:
    """One pattern, compiled, where its named parts are (0: nowhere), and all rules that have it."""

    compiled: "re2._Regexp[str]"
    account_part: int
    role_part: int
    rules: tuple[Rule, ...]


class Match(NamedTuple):
    """What a whole name spells for one pattern, empty where the pattern captures nothing."""

    account: str
    role_name: str
    rules: tuple[Rule, ...]


BySuffix = dict[str, list[FiledPattern]]


class PatternIndex:
    """The pattern rules by the text their patterns begin and end with; equal patterns are one."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile each pattern once and file it."""
        by_pattern: dict[str, list[Rule]] = {}
        for rule in rules:
            if rule.pattern is not None:
                by_pattern.setdefault(rule.pattern, []).append(rule)
        self._filed: dict[str, BySuffix] = {}
        for pattern, sharing in by_pattern.items():
            prefix, suffix = literal_ends(pattern)
            compiled = compile_pattern(pattern)
            parts = compiled.groupindex
            filed = FiledPattern(compiled, parts.get("account", 0), parts.get("role", 0), tuple(sharing))
            self._filed.setdefault(prefix, {}).setdefault(suffix, []).append(filed)
        self._prefix_lengths = sorted({len(prefix) for prefix in self._filed})
        self._suffix_lengths = sorted({len(suffix) for filed in self._filed.values() for suffix in filed})

    def __bool__(self) -> bool:
        return bool(self._filed)

    def matches(self, name: str) -> list[Match]:
        """Every match of the whole name, with the rules of that pattern."""
        found: list[Match] = []
        for length in self._prefix_lengths:
            by_suffix = self._filed.get(name[:length])
            if by_suffix is not None and length <= len(name):
                self._add_matches(by_suffix, name, found)
        return found

    def _add_matches(self, by_suffix: BySuffix, name: str, found: list[Match]) -> None:
        octets = name.encode()
        for length in self._suffix_lengths:
            if length > len(name):
                return
            for filed in by_suffix.get(name[len(name) - length :], ()):
                # Octets: with text the binding spends twice the time of the match on counting characters.
                match = filed.compiled.fullmatch(octets)
                if match:
                    account = _part(match, filed.account_part)
                    found.append(Match(account, _part(match, filed.role_part), filed.rules))


def _part(match: "re2._Match[bytes]", part: int) -> str:
    captured: bytes | None = match[part] if part else None
    return captured.decode(errors="replace") if captured else ""
