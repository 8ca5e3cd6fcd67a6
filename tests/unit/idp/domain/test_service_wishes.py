"""What a service says of attributes, and what that lets out of what was agreed."""

import pytest

from idp.domain.released_attribute import ReleasedAttribute, Source, attributes_due
from idp.domain.service_wishes import (
    AttributeRequest,
    MalformedCondition,
    ReleaseCondition,
    ServiceWishes,
)

CATEGORY = "http://macedir.org/entity-category"
RESEARCH = "http://refeds.org/category/research-and-scholarship"
WISHES = ServiceWishes(
    (
        AttributeRequest(0, is_default=False, names={"mail": False}),
        AttributeRequest(7, is_default=True, names={"mail": True, "name": False}),
    ),
    frozenset({(CATEGORY, RESEARCH)}),
)


def due(*conditions: str, wishes: ServiceWishes = WISHES, index: int | None = None) -> list[str]:
    """The names that are sent of attributes under these conditions, each `name when`."""
    attributes = []
    for text in conditions:
        name, _, when = text.partition(" ")
        attributes.append(
            ReleasedAttribute(
                name, Source.parse("person:mail"), when=ReleaseCondition(when) if when else None
            )
        )
    return [attribute.name for attribute in attributes_due(attributes, wishes, index)]


@pytest.mark.spec("Kantara IIP", "IDP04", "release by requested attributes, chosen by index")
def test_requested_attributes_decide_where_it_was_agreed() -> None:
    """By default what the default request names; by index what that one names; required is less than requested."""
    agreed = ("mail requested", "name requested", "phone requested", "always")
    assert due(*agreed) == ["mail", "name", "always"]
    assert due(*agreed, index=7) == ["mail", "name", "always"]
    assert due(*agreed, index=0) == ["mail", "always"]
    assert due(*agreed, index=3) == ["always"]
    assert due("mail required", "name required", "phone required") == ["mail"]
    assert due("mail required", index=0) == []
    assert due(*agreed, wishes=ServiceWishes()) == ["always"]


def test_without_a_default_the_first_request_counts() -> None:
    """As SAML Metadata 2.2.3 has it for endpoints."""
    first = ServiceWishes((AttributeRequest(4, is_default=False, names={"mail": False}),))
    assert due("mail requested", wishes=first) == ["mail"]


@pytest.mark.spec("Kantara IIP", "IDP03", "release by entity attributes")
def test_entity_attributes_decide_where_it_was_agreed() -> None:
    """Name and value must be those of the agreement, letter by letter."""
    assert due(f"mail entity:{CATEGORY}={RESEARCH}") == ["mail"]
    for other in (f"{CATEGORY}={RESEARCH}/", f"{CATEGORY}={RESEARCH.upper()}", f"x={RESEARCH}"):
        assert due(f"mail entity:{other}") == []


@pytest.mark.parametrize(
    "text", ["", "always", "entity:", "entity:a", "entity:=b", "entity:a=", "requested "]
)
def test_conditions_that_say_nothing_are_refused(text: str) -> None:
    """The twins: each of the three forms."""
    with pytest.raises(MalformedCondition):
        ReleaseCondition(text)
    for lawful in ("requested", "required", "entity:a=b=c"):
        assert ReleaseCondition(lawful).text == lawful


def test_a_row_holds_all_of_it() -> None:
    """Reading gives the same again; an empty row says nothing."""
    assert ServiceWishes.of_json(WISHES.as_json()) == WISHES
    assert ServiceWishes.of_json({}) == ServiceWishes()
