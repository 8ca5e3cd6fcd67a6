"""Who gains and who loses by a change, as the directory answers now."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.models import MappingVersion
from idp.services.mapping_plan import Difference, Plan, RoleChange, plan_mapping
from tests.integration.idp.services.mappings import ADMIN, READ, auditors, by_name, document, group, take_over
from tests.servers.slapd import Newcomers, directory_gone

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).resolve().parents[4] / "deploy/demo/mapping.yaml"
AUDITORS = ["helen", "ivan", "juergen"]


def plan(octets: bytes) -> Plan:
    return plan_mapping(octets, now=timezone.now())


def told(found: Plan) -> dict[str, list[tuple[Difference, str]]]:
    return {
        person.username: [(change.difference, change.role.name) for change in person.changes]
        for person in found.people
    }


def test_a_new_rule_tells_who_gains(company: Slapd) -> None:
    """Everyone in the group, whether they have ever signed in or not; nothing is changed."""
    assert company
    take_over(document())
    version = MappingVersion.current()
    found = plan(document(auditors(duration="2h")))
    assert told(found) == {name: [(Difference.GAINED, "ReadOnly")] for name in AUDITORS}
    [change] = found.people[0].changes
    assert (change.seconds_before, change.seconds_after, change.rule) == (None, 7_200, "auditors read")
    assert (found.people_asked, found.groups_asked) == (3, 1)
    assert MappingVersion.current() == version


def test_a_rule_that_goes_tells_who_loses(company: Slapd) -> None:
    """By whatever way the rule goes: removed, switched off, over, or outweighed by a denial."""
    assert company
    take_over(document(auditors()))
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    for octets in (
        document(),
        document(auditors(enabled=False)),
        document(auditors(until=yesterday)),
        document(auditors(), auditors(name="no", effect="deny")),
        document(roles=[{"arn": ADMIN}]),
    ):
        assert told(plan(octets)) == {name: [(Difference.LOST, "ReadOnly")] for name in AUDITORS}


def test_a_length_that_changes_is_told(company: Slapd) -> None:
    """By the rule or by the role, longer or shorter."""
    assert company
    take_over(document(auditors()))
    for octets, seconds in (
        (document(auditors(duration="1h")), 3_600),
        (document(auditors(), roles=[{"arn": READ, "longest": "8h"}, {"arn": ADMIN}]), 28_800),
    ):
        found = plan(octets)
        assert told(found) == {name: [(Difference.LENGTH, "ReadOnly")] for name in AUDITORS}
        [change] = found.people[0].changes
        assert (change.seconds_before, change.seconds_after) == (14_400, seconds)


def test_a_rule_that_moves_to_another_group_tells_both(company: Slapd) -> None:
    """Those of the old group lose, those of the new one gain, whoever is in both keeps."""
    assert company
    take_over(document(auditors()))
    found = told(plan(document(auditors(group=group("finance-team")))))
    lost, gained = [(Difference.LOST, "ReadOnly")], [(Difference.GAINED, "ReadOnly")]
    assert found == dict.fromkeys(("helen", "ivan"), lost) | dict.fromkeys(("julia", "karl", "laura"), gained)


def test_a_pattern_tells_of_every_group_that_it_meets(company: Slapd, newcomers: Newcomers) -> None:
    """Members by way of other groups too; look-alikes elsewhere and unregistered roles gain nobody anything."""
    assert company
    take_over(document())
    assert told(plan(document(by_name()))) == {
        name: [(Difference.GAINED, "ReadOnly")] for name in ("helen", "jane", "lena", "raj")
    }
    newcomers.group("AWS-111122223333-Admin", newcomers.person("newton"), below="ou=aws,ou=groups")
    assert told(plan(document(by_name())))["newton"] == [(Difference.GAINED, "Admin")]


def test_registering_a_role_tells_whom_existing_patterns_lead_to_it(
    company: Slapd, newcomers: Newcomers
) -> None:
    """The rules stay as they are, and yet somebody gains."""
    assert company
    newcomers.group("AWS-111122223333-Admin", newcomers.person("newton"), below="ou=aws,ou=groups")
    take_over(document(by_name(), roles=[{"arn": READ}]))
    assert told(plan(document(by_name(), roles=[{"arn": READ}, {"arn": ADMIN}]))) == {
        "newton": [(Difference.GAINED, "Admin")]
    }


def test_what_changes_nothing_asks_nobody(company: Slapd) -> None:
    """Notes and shown names are for reading: no group is affected."""
    assert company
    take_over(document(auditors()))
    found = plan(document(auditors(note="new words")))
    assert (found.people, found.people_asked, found.groups_asked) == ((), 0, 0)


def test_the_whole_demo_from_nothing(company: Slapd) -> None:
    """What the plan says people gain is what the company says by hand."""
    assert company
    found = plan(DEMO.read_bytes())
    gained = {
        person.username: sorted(str(change.role) for change in person.changes) for person in found.people
    }
    expected = {one.uid: cast.expected_roles(one.uid) for one in cast.PEOPLE if not one.disabled}
    assert gained == {uid: roles for uid, roles in expected.items() if roles}
    take_over(DEMO.read_bytes())
    without = yaml.safe_load(DEMO.read_text())
    without["rules"] = []
    lost = plan(yaml.safe_dump(without).encode())
    losses = {person.username: len(person.changes) for person in lost.people}
    assert losses == {uid: len(roles) for uid, roles in gained.items()}


def test_a_plan_refuses_like_an_import(company: Slapd) -> None:
    """Mistakes are told; without the directory there is no plan, for silence is no answer."""
    assert company
    take_over(document())
    with pytest.raises(Malformed):
        plan(document(auditors(duration="x")))
    with directory_gone(), pytest.raises(DirectoryUnavailable):
        plan(document(auditors()))


def test_a_rule_for_workloads_tells_what_changes_for_whoever_is_named_so(company: Slapd) -> None:
    """Gained, another length, and lost by a wider denial; nobody in the directory is asked."""
    assert company
    deploy = "arn:aws:iam::111122223333:role/Deploy"
    roles = [{"arn": deploy, "road": "web-identity", "longest": "2h"}]
    build = {"issuer": "https://builds.example", "subject": "repo:acme/x:environment:production"}
    every = {"issuer": "https://builds.example", "claims": {"sub": "repo:acme/.*"}}
    rule: dict[str, Any] = {"name": "build", "workload": build, "role": deploy, "effect": "allow"}
    denial: dict[str, Any] = {"name": "no", "workload": every, "role": deploy, "effect": "deny"}

    def workloads(*rules: dict[str, Any]) -> list[tuple[str, Difference, int | None]]:
        found = plan(document(*rules, roles=roles))
        assert (found.people, found.people_asked, found.groups_asked) == ((), 0, 0)
        return [(one.username, *_one(one.changes)) for one in found.workloads]

    named = f"{build['subject']} of {build['issuer']}"
    take_over(document(roles=roles))
    assert workloads(rule) == [(named, Difference.GAINED, 7_200)]
    take_over(document(rule, roles=roles))
    assert workloads(rule) == []
    assert workloads(rule | {"duration": "30m"}) == [(named, Difference.LENGTH, 1_800)]
    assert workloads() == [(named, Difference.LOST, None)]
    take_over(document(rule, denial, roles=roles))
    assert workloads(denial) == []
    assert workloads(rule) == []


def _one(changes: tuple[RoleChange, ...]) -> tuple[Difference, int | None]:
    [change] = changes
    return change.difference, change.seconds_after
