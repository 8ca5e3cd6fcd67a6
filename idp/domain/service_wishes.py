"""`ServiceWishes`: what a service says of itself that can decide over attributes, and conditions that ask for it.

SAML Metadata 2.4.4.1 (AttributeConsumingService) and the Metadata Extension for Entity Attributes 1.0. A wish gives
nothing by itself: it can only take away from what was agreed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from idp.domain.errors import Malformed

LONGEST_CONDITION = 1_024
MOST_WISHES = 500
REQUESTED = "requested"
REQUIRED = "required"
ENTITY = "entity:"


class MalformedCondition(Malformed):
    """A condition that could never be told to hold."""

    code = "malformed-release-condition"
    sentence = "An attribute is sent always, or if it is requested, required, or entity:NAME=VALUE."
    field = "attributes"


@dataclass(frozen=True, slots=True)
class AttributeRequest:
    """One AttributeConsumingService: the names that it asks for, and whether it cannot do without each."""

    index: int
    is_default: bool
    names: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class ServiceWishes:
    """What the metadata of a service says of attributes, its own and those of people."""

    requests: tuple[AttributeRequest, ...] = ()
    entity_attributes: frozenset[tuple[str, str]] = frozenset()

    def asked(self, index: int | None) -> Mapping[str, bool]:
        """The names asked for by this index, or by default; an index that nobody knows asks for nothing."""
        if index is not None:
            return next((one.names for one in self.requests if one.index == index), {})
        chosen = next((one for one in self.requests if one.is_default), None)
        chosen = chosen or next(iter(self.requests), None)
        return chosen.names if chosen else {}

    def as_json(self) -> dict[str, Any]:
        """As a row holds it."""
        return {
            "requests": [
                {"index": one.index, "is_default": one.is_default, "names": dict(one.names)}
                for one in self.requests
            ],
            "entity_attributes": sorted(list(pair) for pair in self.entity_attributes),
        }

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """What a row holds; an empty one says nothing. Refuses with TypeError what is no table."""
        if not isinstance(values, Mapping):
            raise TypeError(f"{str(values)[:80]} says nothing of attributes")
        return cls(
            tuple(
                AttributeRequest(int(one["index"]), bool(one["is_default"]), dict(one["names"]))
                for one in values.get("requests", [])
            ),
            frozenset((str(name), str(value)) for name, value in values.get("entity_attributes", [])),
        )


@dataclass(frozen=True, slots=True)
class ReleaseCondition:
    """When an attribute is sent at all: `requested`, `required`, or `entity:NAME=VALUE`."""

    text: str

    def __post_init__(self) -> None:
        """Refuse every other text."""
        name, equals, value = self.text.removeprefix(ENTITY).partition("=")
        of_entity = self.text.startswith(ENTITY) and name and equals and value
        if self.text not in {REQUESTED, REQUIRED} and not of_entity:
            raise MalformedCondition(f"condition {self.text[:80]!r}")
        if len(self.text) > LONGEST_CONDITION or not self.text.isprintable():
            raise MalformedCondition(f"condition {self.text[:80]!r}")

    def holds(self, attribute: str, wishes: ServiceWishes, index: int | None) -> bool:
        """Whether the attribute of this name is sent to a service of these wishes, asked for by this index."""
        if self.text in {REQUESTED, REQUIRED}:
            is_required = wishes.asked(index).get(attribute)
            return is_required is True or (is_required is False and self.text == REQUESTED)
        name, _, value = self.text.removeprefix(ENTITY).partition("=")
        return (name, value) in wishes.entity_attributes
