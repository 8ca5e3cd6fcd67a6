"""What a statement will say, and for whom none is planned."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp.domain.assertion import AssertionPlan, NewIds, plan_assertion
from idp.domain.aws.signin import sign_in_endpoint
from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.errors import RoleNotGranted
from idp.domain.identity import AccountState
from tests.unit.idp.domain.made_up import NOW, exact, group, person, role

IDS = NewIds(response="_r", assertion="_a", session_index="_s")
BOOK = RuleBook(version=1, roles=[role()], rules=[exact()])


def plan(**changes: Any) -> AssertionPlan:
    someone = person(group())
    [given] = entitlements(someone, BOOK, now=NOW)
    values: dict[str, Any] = {
        "identity": someone,
        "entitlement": given,
        "granted": given.granted,
        "endpoint": sign_in_endpoint(partition="aws", region=None, stand_in=None, audiences={}),
        "issuer": "https://idp.example.test/saml/metadata",
        "name_id": "_persistent",
        "session_name": "jane@example.test",
        "tag_sources": {},
        "signed_in_at": NOW - timedelta(minutes=5, microseconds=3),
        "now": NOW + timedelta(microseconds=7),
        "ids": IDS,
    }
    return plan_assertion(**(values | changes))


def test_the_windows_of_a_statement() -> None:
    """Valid from a minute before its issue for five minutes, in whole seconds; the access ends after both."""
    made = plan()
    assert made.issued_at == NOW
    assert (made.not_before, made.not_on_or_after) == (NOW - timedelta(minutes=1), NOW + timedelta(minutes=5))
    assert made.signed_in_at.microsecond == 0
    assert made.access_ends_by == NOW + timedelta(minutes=5, hours=4)


@pytest.mark.parametrize(
    "identity",
    [
        person(group(), state=AccountState.DISABLED),
        person(),
        person(replace(group(), dn="cn=other,dc=example,dc=test")),
    ],
)
def test_nothing_is_planned_for_someone_without_the_entitlement(identity: Any) -> None:
    """Someone who may not sign in, or is not in the group that gave the role, gets no statement; a member does."""
    with pytest.raises(RoleNotGranted):
        plan(identity=identity)
    assert plan(identity=person(group("g2"), group())).name_id == "_persistent"
