"""Every finding against a local AWS that is wrong in just that: it is told, and after mending it is gone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from deploy.demo.slapd import Slapd
from idp.models import Account, Role, RoleFinding
from sts_bridge.services.check_roles import check_roles
from tests.integration.sts_bridge.broker_world import (
    BROKER,
    FAR,
    HUB,
    NEAR,
    READER,
    Broker,
    broker_at,
    broker_world,
    by_external_id,
    by_statement,
    role,
)
from tests.integration.sts_bridge.world import forget_everything
from tests.servers.aws_in_between import FAILING, LOST, STALLED, THROTTLED, AwsInBetween
from tests.servers.aws_world import trusts
from tests.servers.local_aws import LocalAws

pytestmark = pytest.mark.django_db

PROVIDER = f"arn:aws:iam::{NEAR}:saml-provider/drawbridge"
LIST_ACCOUNTS = "AWSOrganizationsV20161128.ListAccounts"
STRANGERS = [f"{number:012}" for number in range(1, 46)]


@pytest.fixture
def broker(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Broker]:
    """Two more roles than others have, and an organization of fifty accounts with empty pages between."""
    settings.DRAWBRIDGE_READER_ROLE = READER
    settings.DRAWBRIDGE_STS_CONNECT_SECONDS = settings.DRAWBRIDGE_STS_READ_SECONDS = 1
    with broker_at(company, settings, monkeypatch, str(tmp_path / "keys")) as running:
        near = Account.objects.get(number=NEAR)
        for name in ("Elsewhere", "Idle"):
            Role.objects.create(account=near, name=name)
        yield running


def world(broker: Broker, *, wrong: bool, **changes: Any) -> dict[str, Any]:
    """AWS as it should be, or with one mistake in each role."""
    url, now = broker.aws.url, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    base = broker_world(url, broker.external_ids, **changes)
    helpers = [one for one in base["roles"] if one["arn"].rpartition("/")[2].startswith("Drawbridge")]
    right = by_external_id(BROKER, broker.external_ids[NEAR])
    without_tags = trusts(
        BROKER,
        "sts:AssumeRole",
        "sts:SetSourceIdentity",
        StringEquals={"sts:ExternalId": broker.external_ids[NEAR]},
    )
    posted, other = by_statement(PROVIDER, url), by_statement(f"{PROVIDER}-old", url)
    elsewhere = by_statement(PROVIDER, "https://eu-west-1.signin.aws.amazon.com")
    mine = [
        role(
            f"arn:aws:iam::{NEAR}:role/Direct", 1, without_tags if wrong else right,
            max_session_duration=3_600 if wrong else 14_400, last_used_at=now,
        ),
        role(f"arn:aws:iam::{NEAR}:role/Posted", 2, other if wrong else posted, last_used_at=now),
        role(f"arn:aws:iam::{NEAR}:role/Elsewhere", 3, elsewhere if wrong else posted, last_used_at=now),
        role(
            f"arn:aws:iam::{NEAR}:role/Idle", 4, posted,
            last_used_at="2020-01-01T00:00:00Z" if wrong else now,
        ),
        role(HUB, 5, trusts(BROKER, "sts:AssumeRole")),
        role(
            f"arn:aws:iam::{FAR}:role/team/{'Gone' if wrong else 'Chained'}", 6,
            by_external_id(HUB, broker.external_ids[FAR]), last_used_at=now,
        ),
    ]  # fmt: skip
    # Enough of them for a second page.
    others = [
        role(f"arn:aws:iam::{NEAR}:role/a/Other{n}", 500 + n, trusts(BROKER, "sts:x")) for n in range(120)
    ]
    accounts = [
        *(
            {"id": number} | ({"state": "SUSPENDED"} if wrong and number == FAR else {})
            for number in broker.external_ids
        ),
        *({"id": number} for number in (STRANGERS if wrong else ())),
    ]
    return base | {"roles": [*mine, *others, *helpers], "accounts": accounts}


def aws_of(broker: Broker, *, wrong: bool) -> LocalAws:
    """Another AWS at the address of the last one."""
    broker.aws.stop()
    forget_everything()
    return LocalAws(world(broker, wrong=wrong), port=urlsplit(broker.aws.url).port or 0)


def kept() -> set[tuple[str, str]]:
    return {(row.kind, row.role_arn.rpartition("/")[2] or row.account) for row in RoleFinding.objects.all()}


def look() -> set[tuple[str, str]]:
    """What is found; the same is on record."""
    found = check_roles(now=datetime.now(UTC))
    told = {(one.drift.value, one.role.rpartition("/")[2] or one.account) for one in found}
    assert told <= kept()
    return told


MISTAKES = {
    ("role-missing", "Chained"),
    ("provider-not-trusted", "Posted"),
    ("audience-missing", "Elsewhere"),
    ("session-too-long", "Direct"),
    ("tags-not-allowed", "Direct"),
    ("unused", "Idle"),
    ("account-not-active", FAR),
    *(("account-not-registered", number) for number in STRANGERS),
}


def test_every_mistake_is_found_and_gone_when_it_is_mended(broker: Broker) -> None:
    """Role missing, provider, address in saml:aud, length, tags, use, accounts of the organization; then nothing."""
    with aws_of(broker, wrong=True):
        assert look() == kept() == MISTAKES
    with aws_of(broker, wrong=False):
        assert look() == kept() == set()


@pytest.mark.fault(16)
def test_a_list_that_was_read_by_half_takes_nothing_back(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS fails, stalls, throttles or is lost between two pages: all findings stay, and what was not read is told."""
    with aws_of(broker, wrong=True) as aws, AwsInBetween(aws.url) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
        forget_everything()
        assert look() == MISTAKES
        for trouble in (FAILING, THROTTLED, STALLED, LOST):
            between.release.clear()
            between.trouble, between.spared = {LIST_ACCOUNTS: trouble}, {LIST_ACCOUNTS: 2}
            unread = look() - MISTAKES
            assert unread == {("account-not-read", "")}
            assert kept() == MISTAKES | unread
            between.heal()
            assert look() == kept() == MISTAKES
        for trouble in (FAILING, THROTTLED):
            between.trouble, between.spared = {"ListRoles": trouble}, {"ListRoles": 1}
            unread = look() - MISTAKES
            assert ("account-not-read", NEAR) in unread
            assert kept() == MISTAKES | unread
            between.heal()
        assert look() == kept() == MISTAKES
