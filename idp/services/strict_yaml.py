"""YAML that means one thing only: no aliases, no tags, no doubled keys, bounded; every refusal says where.

Values are read from the nodes and never made into objects by the library: nothing can be constructed, and
each field decides itself what it takes for a text, a moment or a length.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import yaml

from idp.domain.errors import Malformed

LARGEST_FILE = 16 << 20
DEEPEST = 8
MOST_PROBLEMS = 50

TEXT, NULL, BOOL, MOMENT = (f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "timestamp"))
length_grammar = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,6})s)?", re.ASCII)
moment_grammar = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)


class MalformedFile(Malformed):
    """A file that says something else than it should; `problems` says where and what."""

    code = "malformed-file"
    sentence = "The file cannot be taken over."

    def __init__(self, problems: list[str]) -> None:
        """Keep what is wrong, each with its place."""
        shown = problems[:MOST_PROBLEMS]
        if len(problems) > MOST_PROBLEMS:
            shown.append(f"and {len(problems) - MOST_PROBLEMS} more")
        super().__init__("; ".join(shown), sentence="\n".join(("Nothing was changed:", *shown)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong so far; reading goes on, so that one look tells everything."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, node: yaml.Node | None = None) -> None:
        """One more, with its line."""
        line = f" (line {node.start_mark.line + 1})" if node is not None else ""
        self.found.append(f"{where}: {what}{line}")

    def refuse_if_any(self) -> None:
        """Refuse with all of them."""
        if self.found:
            raise MalformedFile(self.found)


@dataclass(frozen=True, slots=True)
class Fields:
    """One mapping of the file: each value is asked for by its name and form; a wrong one is a problem."""

    where: str
    node: yaml.Node
    values: dict[str, yaml.Node]
    problems: Problems

    def problem(self, name: str, what: str) -> None:
        """Something is wrong with this value."""
        place = f"{self.where}.{name}" if name and self.where else self.where or name
        self.problems.add(place, what, self.values.get(name, self.node))

    def has(self, name: str) -> bool:
        """Whether the value is given and not null."""
        return name in self.values and self.values[name].tag != NULL

    def text(self, name: str, *, longest: int, default: str | None = "", lines: bool = False) -> str:
        """The text; `default` of None makes it required. Refuses numbers and control characters."""
        if not self.has(name):
            if default is None:
                self.problem(name, "is missing")
            return default or ""
        node = self.values[name]
        if not isinstance(node, yaml.ScalarNode) or node.tag != TEXT:
            self.problem(name, "must be a text; put numbers and dates in quotes")
            return ""
        text: str = node.value
        if len(text) > longest:
            self.problem(name, f"has {len(text)} characters, at most {longest} are possible")
        elif any(
            unicodedata.category(mark) in {"Cc", "Cs"} and not (lines and mark == "\n") for mark in text
        ):
            self.problem(name, "holds control characters")
        elif text != text.strip() or (default is None and not text):
            self.problem(name, "is empty, or begins or ends with a blank")
        else:
            return text
        return ""

    def choice(self, name: str, choices: tuple[str, ...], *, default: str | None) -> str:
        """One of these words."""
        text = self.text(name, longest=64, default=default)
        if text and text not in choices:
            self.problem(name, f"is {text!r}; possible are {', '.join(choices)}")
            return choices[0]
        return text or choices[0]

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        if not self.has(name):
            return default
        node = self.values[name]
        if not isinstance(node, yaml.ScalarNode) or node.tag != BOOL:
            self.problem(name, "must be true or false")
            return default
        return node.value.lower() in {"true", "yes", "on"}

    def length(self, name: str, *, default: timedelta | None) -> timedelta | None:
        """A length such as 4h, 90m, 1h30m or 3600s."""
        if not self.has(name):
            return default
        node = self.values[name]
        found = length_grammar.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if found is None or not any(found.groups()) or node.tag != TEXT:
            self.problem(name, "must be a length such as 4h, 90m or 3600s")
            return default
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)

    def moment(self, name: str) -> datetime | None:
        """A moment in UTC: a date is its midnight, a time without a zone is UTC; null is none."""
        if not self.has(name):
            return None
        node = self.values[name]
        found = moment_grammar.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if found is None or node.tag not in {TEXT, MOMENT}:
            self.problem(name, "must be a date such as 2026-01-31, or a time such as 2026-01-31T18:00:00Z")
            return None
        day, clock, zone = found.groups()
        try:
            if clock is None:
                return datetime.combine(date.fromisoformat(day), time(), UTC)
            offset = "+00:00" if zone is None else zone.upper()
            return datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(UTC)
        except (ValueError, OverflowError):
            self.problem(name, f"{node.value} is no moment of the calendar")
            return None

    def texts(self, name: str, *, longest: int) -> tuple[str, ...]:
        """A list of texts, each once."""
        if not self.has(name):
            return ()
        node = self.values[name]
        if not isinstance(node, yaml.SequenceNode) or any(
            not isinstance(item, yaml.ScalarNode) or item.tag != TEXT or not 0 < len(item.value) <= longest
            for item in node.value
        ):
            self.problem(name, "must be a list of texts")
            return ()
        return tuple(item.value for item in node.value)

    def pairs(self, name: str, *, longest: int) -> dict[str, str]:
        """A mapping from texts to texts, whatever their names."""
        if not self.has(name):
            return {}
        node = self.values[name]
        if not isinstance(node, yaml.MappingNode):
            self.problem(name, "must be a mapping of texts")
            return {}
        found: dict[str, str] = {}
        for part in node.value:
            if any(not isinstance(item, yaml.ScalarNode) or item.tag != TEXT for item in part):
                self.problem(name, "must be a mapping of texts; put numbers and dates in quotes")
            elif part[0].value in found or len(part[1].value) > longest:
                self.problem(name, f"holds {part[0].value!r} twice, or too long a text")
            else:
                found[part[0].value] = part[1].value
        return found

    def fields(self, name: str, keys: frozenset[str]) -> "Fields | None":
        """A mapping with these keys only."""
        if not self.has(name):
            return None
        return fields_of(self.values[name], f"{self.where}.{name}", keys, self.problems)

    def entries(self, name: str, keys: frozenset[str]) -> Iterator["Fields"]:
        """A list of mappings with these keys only; required, though it may be empty."""
        node = self.values.get(name)
        if not isinstance(node, yaml.SequenceNode):
            self.problem(name, "is missing, or is no list; an empty one is written []")
            return
        for index, item in enumerate(node.value):
            found = fields_of(item, f"{name}[{index}]", keys, self.problems)
            if found is not None:
                yield found


def read_document(octets: bytes, keys: frozenset[str], problems: Problems) -> Fields:
    """The one mapping of the file; refuses what is too large, no YAML, or more than plain data."""
    if len(octets) > LARGEST_FILE:
        raise MalformedFile([f"the file has {len(octets)} octets, at most {LARGEST_FILE} are read"])
    try:
        text = octets.decode("utf-8-sig")
        _check_events(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise MalformedFile([f"the file is not UTF-8 at octet {error.start}"]) from error
    except yaml.YAMLError as error:
        raise MalformedFile([f"the file is no YAML: {_one_line(error)}"]) from error
    if node is None:
        raise MalformedFile(["the file is empty"])
    document = fields_of(node, "", keys, problems)
    if document is None:
        raise MalformedFile(problems.found)
    return document


def fields_of(node: yaml.Node, where: str, keys: frozenset[str], problems: Problems) -> Fields | None:
    """The mapping at this place; unknown and doubled keys are problems."""
    place = where or "the file"
    if not isinstance(node, yaml.MappingNode):
        problems.add(place, f"must be a mapping with the keys {', '.join(sorted(keys))}", node)
        return None
    values: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name not in keys:
            problems.add(place, f"unknown key {name!r}; possible are {', '.join(sorted(keys))}", key)
        elif name in values:
            problems.add(place, f"the key {name!r} stands here twice", key)
        else:
            values[name] = value
    return Fields(where, node, values, problems)


def _check_events(text: str) -> None:
    """Refuse before anything is built: aliases (one octet may stand for a million), tags, depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise MalformedFile([f"line {line}: anchors and aliases are not read here"])
        if getattr(event, "tag", None):
            raise MalformedFile([f"line {line}: tags are not read here"])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise MalformedFile([f"line {line}: nested deeper than {DEEPEST}"])


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
