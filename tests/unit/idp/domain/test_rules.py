"""Rules and roles are checked when they are made."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from idp.domain.aws.arn import ProviderArn
from idp.domain.aws.duration import UnlawfulLength
from idp.domain.aws.role import MalformedRole
from idp.domain.errors import Malformed
from idp.domain.re2_patterns import MalformedRule
from idp.domain.rules import Specificity
from tests.unit.idp.domain.made_up import ACCOUNT, NOW, OTHER_ACCOUNT, arn, by_name, exact, role


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"group_id": None}, ""),
        ({"pattern": "x", "base": "dc=x"}, ""),
        ({"role": None}, "role"),
        ({"base": "dc=x"}, ""),
        ({"account": ACCOUNT}, ""),
        ({"role_name": "X"}, ""),
        ({"group_id": "G1"}, "group_id"),
        ({"starts_at": NOW, "ends_at": NOW}, "ends_at"),
        ({"starts_at": datetime(2026, 1, 1)}, "starts_at"),  # noqa: DTZ001 - the zone is what is missing
    ],
)
def test_an_exact_rule_that_makes_no_sense_is_refused(changes: dict[str, Any], field: str) -> None:
    """A group, a role, and nothing of a pattern; moments in order; and the error names its field."""
    with pytest.raises(MalformedRule) as refusal:
        exact(**changes)
    assert refusal.value.field == field
    assert exact(starts_at=NOW, ends_at=NOW + timedelta(seconds=1)).specificity is Specificity.IDENTIFIER


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base": None}, "base"),
        ({"base": ""}, "base"),
        ({"base": "no name"}, "base"),
        ({"pattern": "("}, "pattern"),
        ({"pattern": r"(?P<account>\d+)(?=x)(?P<role>.)"}, "pattern"),
        ({"pattern": r"(?P<account>\d+)"}, "pattern"),
        ({"pattern": r"(?P<account>\d+)(?P<role>.)(?P<other>.)"}, "pattern"),
        ({"pattern": r"(?P<account>\d+)(?P<role>.)ä"}, "pattern"),
        ({"pattern": r"(?P<account>\d+)(?P<role>.)" + "x" * 512}, "pattern"),
        ({"account": ACCOUNT}, "pattern"),
        ({"role": arn()}, "pattern"),
        ({"pattern": "x", "account": "1", "role_name": "X"}, "account"),
        ({"pattern": "x", "account": ACCOUNT, "role_name": "X/Y"}, "role_name"),
        ({"pattern": "x", "account": ACCOUNT, "role": arn()}, "role"),
        ({"pattern": r"(?P<account>(?:[0-9]{900}){900})(?P<role>.)"}, "pattern"),
    ],
)
def test_a_pattern_rule_that_makes_no_sense_is_refused(changes: dict[str, Any], field: str) -> None:
    """A base, a pattern that RE2 reads, and each of account and role either captured or named, once."""
    with pytest.raises(MalformedRule) as refusal:
        by_name(**changes)
    assert refusal.value.field == field
    assert by_name().specificity is Specificity.NO_LITERAL


@pytest.mark.parametrize("seconds", [0, 899, 43_201, 900.5, -900])
def test_a_length_that_aws_refuses_is_refused(seconds: float) -> None:
    """15 minutes to 12 hours in whole seconds, for rules and roles."""
    span = timedelta(seconds=seconds)
    with pytest.raises(UnlawfulLength):
        exact(duration=span)
    with pytest.raises(UnlawfulLength):
        role(longest=span)
    for lawful in (900, 43_200):
        assert exact(duration=timedelta(seconds=lawful))
        assert role(longest=timedelta(seconds=lawful))


@pytest.mark.attack("MP-03")
def test_a_role_and_its_provider_are_of_one_account_and_partition() -> None:
    """A provider of another account or partition is refused; its own is accepted."""
    for provider in (ProviderArn("aws", OTHER_ACCOUNT, "x"), ProviderArn("aws-cn", ACCOUNT, "x")):
        with pytest.raises(MalformedRole):
            role(provider=provider)
    assert role(provider=ProviderArn("aws", ACCOUNT, "x"))


def test_a_transitive_tag_is_a_tag_of_the_role() -> None:
    """What is not sent cannot survive a chain of roles."""
    with pytest.raises(MalformedRole):
        role(tags=("Team",), transitive_tags=("CostCenter",))
    assert role(tags=("Team",), transitive_tags=("Team",))


def test_refusals_speak_to_people() -> None:
    """Every refusal has a sentence of its own beside its private cause."""
    with pytest.raises(Malformed) as refusal:
        by_name(pattern="(")
    assert "RE2" in refusal.value.told
