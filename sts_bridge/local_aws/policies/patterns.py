"""Patterns of `*` and `?`, and policy variables in them: `${aws:username}` stands for a value of the request."""

import functools
import re
from collections.abc import Mapping
from typing import Final

from sts_bridge.local_aws.policies.keys import is_known, is_list

# Two signs each, so that no single sign of a text is ever one of them.
STAR: Final = "**"
ONE: Final = "??"

Pattern = tuple[str, ...]
# Condition key in lower case to its values; what is absent is not in it.
Context = Mapping[str, tuple[str, ...]]

_VARIABLE = re.compile(
    r"\$\{(?:(?P<sign>[*?$])|(?P<key>[^{},]+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?)\}", re.ASCII
)
_WILDCARDS: Final = {"*": STAR, "?": ONE}


def matches_pattern(pattern: str, text: str) -> bool:
    """Tell whether the text fits a pattern of `*` and `?`."""
    return fits(wildcards(pattern), text)


@functools.lru_cache(maxsize=4_096)
def wildcards(text: str) -> Pattern:
    """Give the text as a pattern whose `*` and `?` stand for other signs."""
    return tuple(_WILDCARDS.get(sign, sign) for sign in text)


def plain(pattern: Pattern) -> str:
    """Give the pattern as a text in which no sign stands for another one."""
    return "".join(sign[0] for sign in pattern)


def fits(pattern: Pattern, text: str) -> bool:
    """Tell whether the text fits the pattern, in time bounded by the product of the lengths."""
    at = start = 0
    star = -1
    for_star = 0
    while start < len(text):
        if at < len(pattern) and pattern[at] == STAR:
            star, for_star = at, start
            at += 1
        elif at < len(pattern) and pattern[at] in {ONE, text[start]}:
            at += 1
            start += 1
        elif star >= 0:
            for_star += 1
            at, start = star + 1, for_star
        else:
            return False
    return all(sign == STAR for sign in pattern[at:])


def has_variables(text: str) -> bool:
    """Tell whether the text means something else in each request."""
    return "${" in text


def is_understood(text: str) -> bool:
    """Tell whether every variable of the text names a single value that this reader knows."""
    for found in _VARIABLE.finditer(text):
        key = (found["key"] or "").lower()
        if not found["sign"] and (not is_known(key) or is_list(key)):
            return False
    return "${" not in _VARIABLE.sub(" ", text)


def filled(text: str, context: Context) -> Pattern | None:
    """Give the pattern with each variable replaced, or nothing where the request has no value for one.

    What comes from the request stands for itself: a `*` in somebody's name is no wildcard.
    """
    parts: list[str] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += wildcards(text[end : found.start()])
        end = found.end()
        if found["sign"]:
            parts.append(found["sign"])
            continue
        values = context.get(found["key"].lower())
        value = found["default"] if values is None else values[0]
        if value is None:
            return None
        parts += value
    return (*parts, *wildcards(text[end:]))
