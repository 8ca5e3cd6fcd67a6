"""RE2 patterns of rules: compiled once, and the plain text with which all that they match begins and ends."""

import re
from functools import lru_cache

import re2

from idp.domain.errors import Malformed

LONGEST_PATTERN = 512
LONGEST_PREFIX = 32
LONGEST_SUFFIX = 16

plain_piece = re.compile(r"[A-Za-z0-9_=@,:/ -]|\\[^A-Za-z0-9]", re.ASCII)
trailing_text = re.compile(r"[A-Za-z0-9_=@,:/ -]*\Z", re.ASCII)
# What changes the meaning of plain text: flags, quoting, and anything that begins with `(?` but a group.
meaning_changed = re.compile(r"\(\?(?!:|P<|<)|\\[QEC]", re.ASCII)
class_or_escape = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\]", re.ASCII | re.DOTALL)
innermost_group = re.compile(r"\([^()]*\)", re.ASCII)


class MalformedRule(Malformed):
    """A rule that could not be applied as it stands; `field` names what is wrong, where it is one thing."""

    code = "malformed-rule"
    sentence = "This rule cannot be applied as it stands."

    def __init__(self, cause: str = "", *, sentence: str | None = None, field: str = "") -> None:
        """Keep which field is wrong."""
        super().__init__(cause, sentence=sentence)
        self.field = field


# Rules are read again after every change; few of the patterns are new then, and compiling is dear.
@lru_cache(maxsize=16_384)
def compile_pattern(pattern: str) -> "re2._Regexp[str]":
    """The pattern ready to match whole names; refuses what RE2 does not know."""
    if len(pattern) > LONGEST_PATTERN or not pattern.isascii():
        raise MalformedRule(
            f"pattern of {len(pattern)} characters, or not ASCII",
            sentence=f"A pattern has at most {LONGEST_PATTERN} characters, all of them ASCII.",
            field="pattern",
        )
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise MalformedRule(
            f"{pattern!r}: {reason}", sentence=f"The pattern cannot be read (RE2): {reason}.", field="pattern"
        ) from error


def _options() -> "re2.Options":
    """Quiet, UTF-8, case kept, memory bounded; an automaton that outgrows it falls back to slower, equal ways."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 4 << 20
    return options


def literal_ends(pattern: str) -> tuple[str, str]:
    """Text with which every match begins, and text with which it ends; empty where that is not certain."""
    if meaning_changed.search(pattern) or _has_bare_choice(pattern):
        return "", ""
    return _prefix(pattern)[:LONGEST_PREFIX], _suffix(pattern)


def literal_start(pattern: str) -> str:
    """All the text with which every match begins; empty where that is not certain."""
    return "" if meaning_changed.search(pattern) or _has_bare_choice(pattern) else _prefix(pattern)


def _has_bare_choice(pattern: str) -> bool:
    """Whether a `|` may stand outside every group; where in doubt, yes."""
    bare = class_or_escape.sub("", pattern)
    while innermost_group.search(bare):
        bare = innermost_group.sub("", bare)
    return "|" in bare


def _prefix(pattern: str) -> str:
    position = 1 if pattern.startswith("^") else 0
    pieces = []
    while piece := plain_piece.match(pattern, position):
        pieces.append(piece[0][-1])
        position = piece.end()
    if pieces and position < len(pattern) and pattern[position] in "*?+{":
        pieces.pop()
    return "".join(pieces)


def _suffix(pattern: str) -> str:
    found = trailing_text.search(pattern)
    if not found or pattern[: found.start()].endswith("\\"):
        return ""
    return found[0][-LONGEST_SUFFIX:]
