"""Parameters of an operation held to the limits of the service model, refused in AWS's words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sts_bridge.local_aws.errors import validation_error

NAME: Final = r"[\w+=,.@-]*"
ARN: Final = "[\u0009\u000a\u000d\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+"

_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_LONGEST_ECHO = 256


@dataclass(slots=True)
class Validator:
    """Reads parameters and gathers what is wrong with them, because AWS tells all of it at once."""

    parameters: Mapping[str, str]
    service: str = "sts"
    problems: list[str] = field(default_factory=list)

    def text(
        self, name: str, *, shortest: int, longest: int, pattern: str | None = None, secret: bool = False
    ) -> str:
        """Give a required text of a lawful length and form."""
        value = self.parameters.get(name)
        if value is None:
            self._missing(name)
            return ""
        if len(value) < shortest:
            self._too("length", "greater", name, value, shortest, secret=secret)
        elif len(value) > longest:
            self._too("length", "less", name, value, longest, secret=secret)
        if pattern is not None and not re.fullmatch(pattern, value, re.ASCII):
            self.problem(
                name,
                f"Member must satisfy regular expression pattern: {_shown(pattern)}",
                value,
                secret=secret,
            )
        return value

    def optional(
        self, name: str, *, shortest: int, longest: int, pattern: str | None = None, secret: bool = False
    ) -> str | None:
        """Give a text that may be left out."""
        if name not in self.parameters:
            return None
        return self.text(name, shortest=shortest, longest=longest, pattern=pattern, secret=secret)

    def number(self, name: str, *, smallest: int, largest: int, default: int) -> int:
        """Give a whole number within its range."""
        value = self.parameters.get(name)
        if value is None:
            return default
        if not _NUMBER.fullmatch(value):
            self.problem(name, "Member must be an integer")
            return default
        if int(value) < smallest:
            self._too("value", "greater", name, value, smallest)
        elif int(value) > largest:
            self._too("value", "less", name, value, largest)
        return int(value)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Give one of a few values, or nothing where it is left out."""
        value = self.parameters.get(name)
        if value is not None and value not in allowed:
            self.problem(name, f"Member must satisfy enum value set: [{', '.join(allowed)}]", value)
        return value

    def members(self, name: str, *, most: int, least: int = 0) -> list[str]:
        """Give the names under which the members of a list stand, in their order."""
        member = re.compile(rf"({re.escape(name)}\.member\.([1-9][0-9]{{0,3}}))(?:\..+)?", re.ASCII)
        found = {}
        for parameter in self.parameters:
            named = member.fullmatch(parameter)
            if named:
                found[int(named[2])] = named[1]
        if len(found) > most:
            self._too("length", "less", name, f"{len(found)} members", most)
        if len(found) < least:
            if name in self.parameters:
                self._too("length", "greater", name, "[]", least)
            else:
                self._missing(name)
        return [found[number] for number in sorted(found)][:most]

    def refuse_problems(self) -> None:
        """Let the call go on, or refuse it with everything that was found wrong."""
        if self.problems:
            count = len(self.problems)
            raise validation_error(
                f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(self.problems)}",
                f"{self.service}.validation",
            )

    def problem(self, name: str, constraint: str, value: str | None = None, *, secret: bool = False) -> None:
        """Note that a parameter breaks a constraint; what is secret is not repeated."""
        shown = "Value" if value is None or secret else f"Value '{value[:_LONGEST_ECHO]}'"
        self.problems.append(f"{shown} at '{_label(name)}' failed to satisfy constraint: {constraint}")

    def _missing(self, name: str) -> None:
        self.problems.append(
            f"Value null at '{_label(name)}' failed to satisfy constraint: Member must not be null"
        )

    def _too(self, kind: str, side: str, name: str, value: str, bound: int, *, secret: bool = False) -> None:
        self.problem(name, f"Member must have {kind} {side} than or equal to {bound}", value, secret=secret)


def _shown(pattern: str) -> str:
    """Give a pattern as AWS prints it, with numbers for the signs that have no picture."""
    return "".join(sign if " " <= sign <= "~" else f"\\u{ord(sign):04X}" for sign in pattern)


def _label(name: str) -> str:
    """Give a parameter's name as AWS writes it in its sentences: `Tags.member.1.Key` is `tags.1.member.key`."""
    parts = re.sub(r"\.member\.([0-9]+)", r".\1.member", name).split(".")
    return ".".join(part[0].lower() + part[1:] for part in parts)
