"""Parts of the world file, each with its place: whoever finds a mistake can say where it stands."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sts_bridge.local_aws.errors import WorldError

Path = tuple[str | int, ...]

_BLANKS = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r"[^\s,\]}]+")
_STRINGS = json.JSONDecoder()
_MOST_TAGS = 50
_LONGEST_TAG_KEY, _LONGEST_TAG_VALUE = 128, 256


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the file and its place."""

    value: dict[str, Any]
    path: Path = ()

    def refuse(self, message: str, *at: str | int) -> WorldError:
        """Give the refusal of something in here, with its place."""
        return WorldError(message, at=(*self.path, *at))

    def hold_to(self, keys: Iterable[str]) -> None:
        """Refuse names that mean nothing here: a misspelt one would be missed in silence."""
        for name in sorted(self.value.keys() - set(keys)):
            raise self.refuse(f"unknown keys: {name}", name)

    def objects(self, name: str, *, required: bool = False) -> list["Node"]:
        """Give the objects of a list; one that is left out is empty, unless it is required."""
        entries = self.value.get(name, None if required else [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.refuse(f"{name} must be a list of objects", name)
        return [Node(entry, (*self.path, name, at)) for at, entry in enumerate(entries)]

    def text(self, name: str, default: str | None = None) -> str:
        """Give a text that is not empty."""
        value = self.value.get(name, default)
        if not isinstance(value, str) or (not value and value != default):
            raise self.refuse(f"{name} must be a text that is not empty", name)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a list of texts."""
        values = self.value.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
            raise self.refuse(f"{name} must be a list of texts", name)
        return tuple(values)

    def integer(self, name: str, default: int, allowed: range) -> int:
        """Give a whole number within its range."""
        value = self.value.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise self.refuse(f"{name} must be a whole number from {allowed[0]} to {allowed[-1]}", name)
        return value

    def flag(self, name: str) -> bool:
        """Give true or false; what is left out is false."""
        value = self.value.get(name, False)
        if not isinstance(value, bool):
            raise self.refuse(f"{name} must be true or false", name)
        return value

    def tags(self) -> dict[str, str]:
        """Give the tags of a thing, as IAM takes them."""
        tags = self.value.get("tags", {})
        lawful = (
            isinstance(tags, dict)
            and len(tags) <= _MOST_TAGS
            and len({key.casefold() for key in tags}) == len(tags)
            and all(
                1 <= len(key) <= _LONGEST_TAG_KEY and isinstance(value, str) and len(value) <= _LONGEST_TAG_VALUE
                for key, value in tags.items()
            )
        )  # fmt: skip
        if not lawful:
            raise self.refuse("tags must map at most fifty keys to texts", "tags")
        return dict(tags)


def parse(text: str) -> Node:
    """Give the whole file; refuses with WorldError what is not one JSON object, or names a key twice."""
    try:
        document = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as problem:
        raise WorldError(f"it cannot be read as JSON: {problem.msg}", line=problem.lineno) from problem
    except RecursionError as problem:
        raise WorldError("it cannot be read as JSON: it is nested too deeply") from problem
    if not isinstance(document, dict):
        raise WorldError("it must hold one JSON object", line=1)
    return Node(document)


def line_of(text: str, path: Path) -> int:
    """Give the line on which something stands in a JSON text, or of the nearest thing around it that is there."""
    at = _skip(text, 0)
    best = at
    for step in path:
        found = _enter(text, at, step)
        if found is None:
            break
        best, at = found
    return text.count("\n", 0, best) + 1


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise WorldError(f"{twice!r} stands twice in one object")
    return found


def _enter(text: str, at: int, step: str | int) -> tuple[int, int] | None:
    """Give where one member begins, with its name and without, or nothing if it is not there."""
    found: list[tuple[int, int]] = []

    def look(name: str | int, begins: int, value: int) -> None:
        if name == step:
            found.append((begins, value))

    if text[at] in "{[":
        _walk(text, at, look)
    return found[0] if found else None


def _walk(text: str, at: int, look: Callable[[str | int, int, int], None]) -> int:
    """Go over one value, tell of each of its members, and give where it ends."""
    if text[at] == '"':
        return _STRINGS.raw_decode(text, at)[1]
    if text[at] not in "{[":
        found = _PLAIN.match(text, at)
        return found.end() if found else at + 1
    is_object, index = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        begins, name = at, index
        told: str | int = name
        if is_object:
            told, at = _STRINGS.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        look(told, begins, at)
        at = _skip(text, _walk(text, at, _nobody))
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    return at + 1


def _nobody(*_: object) -> None:
    """Nothing is told."""


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
