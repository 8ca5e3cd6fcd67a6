"""The forms of these pages: they check shape and decide nothing."""

from dataclasses import dataclass
from typing import Self

from django.http import QueryDict

from idp.domain.errors import Malformed

LONGEST_SEARCH = 200


class AskedTwice(Malformed):
    """One field came with two values."""

    code = "asked-twice"
    sentence = "The address holds the same thing twice. Please remove one of them."


@dataclass(frozen=True, slots=True)
class Wish:
    """Where in the console somebody wants to land, and through which region; unchecked until it is issued."""

    to: str | None
    region: str | None

    @classmethod
    def read(cls, fields: QueryDict) -> Self:
        """What the address or form says; refuses two values for one thing. Empty means no wish."""
        return cls(to=only(fields, "to"), region=only(fields, "region"))


def only(fields: QueryDict, name: str) -> str | None:
    """The one value of this field, None if it is empty or absent."""
    values = fields.getlist(name)
    if len(values) > 1:
        raise AskedTwice(f"{len(values)} values of {name}")
    return values[0] or None if values else None


def search_words(fields: QueryDict) -> tuple[str, tuple[str, ...]]:
    """What was typed into the search, and its words as they are compared."""
    typed = fields.get("q", "")[:LONGEST_SEARCH].strip()
    return typed, tuple(typed.casefold().split())
