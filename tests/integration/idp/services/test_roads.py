"""Roads, hubs and ExternalIds in the mapping: written, read, and never chosen by anybody but us."""

import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from pytest_django import Settings

from deploy.demo.slapd import Slapd
from idp import migrations
from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import Road
from idp.domain.identity import GroupMembership
from idp.models import Account, Role
from idp.services.mapping import export_mapping
from idp.services.rules import current_rules
from tests.integration.idp.services.mappings import (
    ACCOUNT,
    ADMIN,
    READ,
    auditors,
    document,
    problems,
    take_over,
)
from tests.servers.slapd import forget_settings

pytestmark = pytest.mark.django_db

(MIGRATION_FILE,) = (Path(migrations.__file__).parent).glob("*_roads_and_tracking.py")
MIGRATION = f"idp.migrations.{MIGRATION_FILE.stem}"
HUB = "arn:aws:iam::999900001111:role/Hub"
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
external_id_grammar = re.compile(r"drawbridge-[0-9a-f]{32}")


def with_roads() -> bytes:
    return document(
        auditors(),
        accounts=[{**ACCOUNT, "hub": HUB}],
        roles=[
            {"arn": READ, "longest": "4h", "road": "broker"},
            {"arn": ADMIN, "road": "federation", "policies": [POLICY]},
        ],
    )


@pytest.mark.attack("AW-06")
def test_roads_are_read_and_written_again_as_they_were(company: Slapd) -> None:  # noqa: ARG001 - names of groups are looked up
    """A role of the broker's road goes by way of its account's hub, for an hour; the file says so again."""
    take_over(with_roads())
    read, admin = (current_rules().roles[RoleArn.parse(arn)] for arn in (READ, ADMIN))
    assert (read.road, str(read.hub), read.is_chained) == (Road.BROKER, HUB, True)
    assert (admin.road, admin.policies) == (Road.FEDERATION, (POLICY,))
    group = GroupMembership(auditors()["group"]["id"], "cn=x", ("cn=x",))
    (lead,) = current_rules().leads_of(group)
    assert lead.granted is not None
    assert lead.granted.duration == timedelta(hours=1)
    written = export_mapping()
    assert not take_over(written.encode()).changes
    assert HUB in written
    assert POLICY in written


@pytest.mark.attack("AW-05")
def test_an_external_id_is_ours_alone_and_stays(company: Slapd) -> None:  # noqa: ARG001 - as above
    """Made for every account, no two alike, in no file, and unchanged by another import; a file cannot name one."""
    other = {**ACCOUNT, "id": "222233334444", "name": "Other"}
    take_over(document(auditors(), accounts=[ACCOUNT, other]))
    given = dict(Account.objects.values_list("number", "external_id"))
    assert all(external_id_grammar.fullmatch(value or "") for value in given.values())
    assert len(set(given.values())) == 2
    take_over(document(auditors(), accounts=[{**ACCOUNT, "name": "Renamed"}, other]))
    assert dict(Account.objects.values_list("number", "external_id")) == given
    assert "drawbridge-" not in export_mapping()
    assert current_rules().roles[RoleArn.parse(READ)].external_id == given[ACCOUNT["id"]]
    assert any(
        "external_id" in told for told in problems(document(accounts=[{**ACCOUNT, "external_id": "mine"}]))
    )


@pytest.mark.attack("AW-05")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"accounts": [{**ACCOUNT, "hub": HUB.replace("aws:", "aws-cn:", 1)}]},
            "An account's hub is another role",
        ),
        ({"accounts": [{**ACCOUNT, "hub": READ}]}, "An account's hub is another role"),
        ({"accounts": [{**ACCOUNT, "hub": "Hub"}]}, "accounts[0].hub"),
        (
            {"accounts": [{**ACCOUNT, "hub": HUB.replace("9999", "8888", 1)}]},
            "accounts[0].hub: arn:aws:iam::888800001111:role/Hub is not among the roles and accounts",
        ),
        (
            {"accounts": [{**ACCOUNT, "partition": "aws-eusc"}]},
            "accounts[0].partition: partition aws-eusc is off",
        ),
        ({"roles": [{"arn": READ, "road": "federation"}]}, "roles[0].policies: Policies are for the road"),
        ({"roles": [{"arn": READ, "policies": [POLICY]}]}, "roles[0].policies: Policies are for the road"),
        (
            {"roles": [{"arn": READ, "road": "federation", "policies": ["x"]}]},
            "roles[0].policies: A policy is named",
        ),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_saved(
    company: Slapd,  # noqa: ARG001 - as above
    changes: dict[str, object],
    told: str,
) -> None:
    """The place and the reason are named; nothing is changed."""
    assert any(told in one for one in problems(document(**changes)))


@pytest.mark.attack("AW-05")
@pytest.mark.parametrize("hubs", [(HUB,), ("999900001111",), ("888800001111", HUB)])
def test_a_hub_that_the_operator_names_is_taken_by_role_or_account(
    company: Slapd,  # noqa: ARG001 - as above
    settings: Settings,
    hubs: tuple[str, ...],
) -> None:
    """Named itself or by its account: saved; a role of the same name elsewhere, and any where none is named: not."""
    settings.DRAWBRIDGE_HUBS = hubs
    forget_settings()
    try:
        assert take_over(with_roads()).changes
        settings.DRAWBRIDGE_HUBS = (f"{HUB}2", "111122223333", "")
        forget_settings()
        assert any("accounts[0].hub" in told for told in problems(with_roads()))
    finally:
        settings.DRAWBRIDGE_HUBS = ("999900001111",)
        forget_settings()


def test_a_partition_that_is_switched_on_is_taken(company: Slapd, settings: Settings) -> None:  # noqa: ARG001 - as above
    """The twin of the refusal: once an operator has confirmed it, its accounts are saved."""
    settings.DRAWBRIDGE_PARTITIONS = ("aws", "aws-eusc")
    forget_settings()
    try:
        accounts = [{**ACCOUNT, "partition": "aws-eusc"}]
        take_over(document(accounts=accounts, roles=[{"arn": READ.replace("aws:", "aws-eusc:", 1)}]))
        assert Account.objects.get().partition == "aws-eusc"
    finally:
        settings.DRAWBRIDGE_PARTITIONS = ("aws", "aws-us-gov")
        forget_settings()


def test_a_broker_that_is_a_role_makes_every_role_it_takes_chained(
    company: Slapd,  # noqa: ARG001 - as above
    settings: Settings,
) -> None:
    """The setting says so before the click, and the hour is told."""
    settings.DRAWBRIDGE_BROKER_IS_ROLE = True
    forget_settings()
    try:
        take_over(document(auditors(), roles=[{"arn": READ, "longest": "4h", "road": "broker"}]))
        assert current_rules().roles[RoleArn.parse(READ)].is_chained
    finally:
        settings.DRAWBRIDGE_BROKER_IS_ROLE = False
        forget_settings()


def test_the_migration_gives_each_account_of_before_an_external_id() -> None:
    """Accounts without one get one each, no two alike; who has one keeps it."""
    rows = [
        Account(number=f"{number:012}", name="before", environment="x", partition="aws")
        for number in range(3)
    ]
    Account.objects.bulk_create(rows)
    Account.objects.exclude(number="000000000002").update(external_id=None)
    kept = Account.objects.get(number="000000000002").external_id
    importlib.import_module(MIGRATION).give_external_ids(apps, None)
    given = set(Account.objects.values_list("external_id", flat=True))
    assert len(given) == 3
    assert kept in given
    assert all(external_id_grammar.fullmatch(value or "") for value in given)
    assert not Role.objects.exists()
