"""AW-02: only allow-listed tags, only lawful values, only where the role says so."""

from collections.abc import Mapping
from typing import Any

import pytest

from idp.domain.aws.attributes import (
    LONGEST_TAG_VALUE,
    MOST_TAGS,
    PREFIX,
    UnlawfulTag,
    aws_attributes,
    check_tag_keys,
)
from idp.domain.aws.duration import shortest_duration
from tests.unit.idp.domain.made_up import role

pytestmark = pytest.mark.attack("AW-02")

SOURCES = {"CostCenter": "departmentNumber", "Team": "ou"}


def sent(
    attributes: Mapping[str, tuple[str, ...]], sources: dict[str, str] | None = None, **changes: Any
) -> dict[str, tuple[str, ...]]:
    given_role = role(**({"tags": ("CostCenter",)} | changes))
    made = aws_attributes(
        role=given_role,
        granted=shortest_duration(rule=None, role=given_role.longest),
        session_name="jane",
        directory_attributes=attributes,
        tag_sources=SOURCES if sources is None else sources,
    )
    return {
        attribute.name.removeprefix(PREFIX): attribute.values for attribute in made if "Tag" in attribute.name
    }


def test_tags_are_sent_only_where_the_role_says_so() -> None:
    """A role without tags gets none, whatever the directory holds; one with them gets exactly its own."""
    values = {"departmentNumber": ("4711",), "ou": ("red",), "userPassword": ("secret",)}
    assert sent(values, tags=()) == {}
    assert sent(values) == {"PrincipalTag:CostCenter": ("4711",)}
    assert sent(values, tags=("CostCenter", "Team"), transitive_tags=("Team",)) == {
        "PrincipalTag:CostCenter": ("4711",),
        "PrincipalTag:Team": ("red",),
        "TransitiveTagKeys": ("Team",),
    }


def test_an_attribute_that_is_not_there_sends_no_tag() -> None:
    """No value, no tag, and no transitive key for a tag that is not sent."""
    assert sent({}, transitive_tags=("CostCenter",)) == {}


@pytest.mark.parametrize(
    "value",
    [
        "x" * (LONGEST_TAG_VALUE + 1),
        " 4711",
        "4711 ",
        "47\n11",
        "47\t11",
        "47\x0011",
        "</saml:AttributeValue>",
        "a;b",
        "a,b",
        "a*b",
        "a&b",
        '"',
        "\N{ZERO WIDTH SPACE}",
        "\N{PILE OF POO}",
        "\ufffe",
        "\ud800",
    ],
)
def test_a_value_that_aws_would_refuse_is_refused(value: str) -> None:
    """Length, control characters, mark-up and blanks around: refused before anything is signed."""
    with pytest.raises(UnlawfulTag):
        sent({"departmentNumber": (value,)})
    assert sent({"departmentNumber": ("Zürich 4/7 a.b_c:d=e+f-g@h",)})
    assert sent({"departmentNumber": ("x" * LONGEST_TAG_VALUE,)})


def test_two_values_for_one_tag_are_refused() -> None:
    """Which of two values counts is not for us to guess."""
    with pytest.raises(UnlawfulTag):
        sent({"departmentNumber": ("4711", "4712")})


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [
        (("Unheard",), SOURCES),
        (("costcenter",), SOURCES),
        (("aws:Team",), {"aws:Team": "ou"}),
        (("AWS:Team",), {"AWS:Team": "ou"}),
        (("Team", "TEAM"), {"Team": "ou", "TEAM": "ou"}),
        (("Team", "Team"), SOURCES),
        (("x" * 129,), {"x" * 129: "ou"}),
        (("",), {"": "ou"}),
        (("a*b",), {"a*b": "ou"}),
        (
            tuple(f"k{number}" for number in range(MOST_TAGS + 1)),
            {f"k{number}": "ou" for number in range(MOST_TAGS + 1)},
        ),
    ],
)
def test_a_key_that_is_not_allowed_or_not_lawful_is_refused(
    keys: tuple[str, ...], allowed: dict[str, str]
) -> None:
    """Keys are allow-listed, not AWS's own, different but for their case, and at most fifty."""
    with pytest.raises(UnlawfulTag):
        check_tag_keys(keys, allowed=allowed)
    with pytest.raises(UnlawfulTag):
        sent({"ou": ("red",)}, sources=allowed, tags=keys)
    check_tag_keys(("CostCenter", "Team"), allowed=SOURCES)
    check_tag_keys(("x" * 128,), allowed={"x" * 128: "ou"})
