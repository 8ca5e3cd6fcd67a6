"""Session policies only ever take away, and their size is known before AWS is asked."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import Road
from sts_bridge.domain.errors import NarrowingTooLarge, NotNarrowedLikeThis
from sts_bridge.domain.session_policy import LONGEST_PLAIN_TEXT, SessionPolicy, session_policy
from tests.unit.sts_bridge.domain.made_up import made_up_role

ROLE = made_up_role()
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
FEDERATED = replace(ROLE, road=Road.FEDERATION, policies=("arn:aws:iam::aws:policy/job-function/Billing",))


def statements(policy: SessionPolicy) -> list[dict[str, object]]:
    return list(json.loads(policy.document)["Statement"]) if policy.document else []


def test_less_time_needs_no_policy() -> None:
    """The whole role for a shorter time is the whole role."""
    assert session_policy(Narrowing(duration=timedelta(minutes=15)), role=ROLE) == SessionPolicy()


@pytest.mark.parametrize(
    ("read_only", "region", "address"),
    list(product([False, True], [None, "eu-central-1"], [None, "192.0.2.0/24"])),
)
def test_exactly_one_part_allows_and_everything_else_denies(
    *, read_only: bool, region: str | None, address: str | None
) -> None:
    """Two allowing parts would allow what either does: reading only and an allow of everything never meet."""
    policy = session_policy(Narrowing(read_only=read_only, region=region, address=address), role=ROLE)
    allowing = [one for one in statements(policy) if one["Effect"] == "Allow"]
    assert policy.managed == ((READ_ONLY,) if read_only else ())
    anything = bool(region or address)
    assert bool(allowing) == (anything and not read_only)
    denying = [one for one in statements(policy) if one["Effect"] == "Deny"]
    assert len(denying) == sum(value is not None for value in (region, address))
    assert policy.size <= LONGEST_PLAIN_TEXT
    assert 0 <= policy.percent <= 100


def test_a_federation_token_is_never_widened_by_its_narrowing() -> None:
    """Its own policies are what allows; nothing of ours beside them does, and reading only is refused."""
    policy = session_policy(Narrowing(region="eu-central-1"), role=FEDERATED)
    assert policy.managed == FEDERATED.policies
    assert {one["Effect"] for one in statements(policy)} == {"Deny"}
    assert session_policy(Narrowing(), role=FEDERATED) == SessionPolicy(managed=FEDERATED.policies)
    with pytest.raises(NotNarrowedLikeThis):
        session_policy(Narrowing(read_only=True), role=FEDERATED)


def test_a_policy_over_aws_s_limit_is_refused_before_aws_is_asked() -> None:
    """Managed policies count with the document; one short enough is taken."""
    long_name = f"arn:aws:iam::111122223333:policy/{'p' * 128}"
    crowded = replace(FEDERATED, policies=tuple(f"{long_name[:-2]}{n:02}" for n in range(10)))
    with pytest.raises(NarrowingTooLarge):
        session_policy(Narrowing(region="eu-central-1", address="192.0.2.7/32"), role=crowded)
    assert session_policy(Narrowing(), role=crowded).size < LONGEST_PLAIN_TEXT


def test_a_partition_has_its_own_managed_policy() -> None:
    """GovCloud's ReadOnlyAccess is named by GovCloud's ARN."""
    arn = replace(ROLE.arn, partition="aws-us-gov")
    role = made_up_role(arn)
    assert session_policy(Narrowing(read_only=True), role=role).managed == (
        "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess",
    )
