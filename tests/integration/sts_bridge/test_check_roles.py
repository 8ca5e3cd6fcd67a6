"""Discovery against a local AWS: what is found, kept and told, and what happens when AWS does not answer."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from idp.domain.errors import NotFound
from idp.models import Account, AccountCheck, AuditRecord, Role, RoleFinding, Rule
from sts_bridge.domain.drift import Drift
from sts_bridge.services.check_roles import check_next_accounts, check_roles
from tests.integration.sts_bridge.broker_world import FAR, HOME, NEAR, READER, Broker
from tests.integration.sts_bridge.world import forget_everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def may_read(settings: Settings) -> None:
    settings.DRAWBRIDGE_READER_ROLE = READER


def found(*accounts: str) -> set[tuple[str, str]]:
    findings = check_roles(accounts=accounts, now=datetime.now(UTC))
    return {(one.drift.value, one.role.rpartition("/")[2] or one.account) for one in findings}


WITHOUT_EFFECT = Drift.WORKLOAD_RULE
NEVER_USED = {("unused", "Direct"), ("unused", "Posted"), ("unused", "Chained")}


def test_what_fits_is_no_finding_and_what_does_not_is_one(broker: Broker) -> None:
    """Nobody has used these roles yet; a role that AWS has not, a longer session and an unknown account are named."""
    assert found() == NEVER_USED
    near = Account.objects.get(number=NEAR)
    Role.objects.create(account=near, name="Vanished")
    Role.objects.filter(name="Direct").update(longest_seconds=43_200)
    Account.objects.create(number="555566667777", name="Elsewhere", environment="x")
    assert found() == NEVER_USED | {("role-missing", "Vanished"), ("account-not-read", "555566667777")}
    kept = {(row.kind, row.role_arn.rpartition("/")[2] or row.account) for row in RoleFinding.objects.all()}
    assert kept == NEVER_USED | {("role-missing", "Vanished"), ("account-not-read", "555566667777")}
    Account.objects.filter(number="555566667777").delete()
    Role.objects.filter(name="Chained").delete()
    Account.objects.filter(number=FAR).delete()
    assert ("account-not-registered", FAR) in found()
    assert AuditRecord.objects.filter(event="operator:roles:checked").exists()
    del broker


def test_an_account_that_cannot_be_read_keeps_what_was_known_of_it(broker: Broker) -> None:
    """With AWS gone the finding says so, beside those of the last look; with AWS there it goes."""
    found(NEAR)
    before = RoleFinding.objects.filter(account=NEAR).count()
    assert before == 2
    broker.aws.stop()
    assert found(NEAR) == {("account-not-read", NEAR)}
    assert RoleFinding.objects.filter(account=NEAR).count() == before + 1


def test_without_a_right_to_read_that_is_what_is_found(broker: Broker, settings: Settings) -> None:
    """Every account says so, and the timetable does nothing at all."""
    settings.DRAWBRIDGE_READER_ROLE = ""
    forget_everything()
    assert found(NEAR) == {("account-not-read", NEAR)}
    AccountCheck.objects.all().delete()
    assert check_next_accounts(now=datetime.now(UTC)) == 0
    with pytest.raises(NotFound):
        found("000000000000")
    del broker


def test_the_timetable_looks_at_each_account_once_a_day(broker: Broker) -> None:
    """Three accounts, then none, then all again a day later."""
    now = datetime.now(UTC)
    assert check_next_accounts(now=now) == 3
    assert check_next_accounts(now=now + timedelta(hours=23)) == 0
    assert check_next_accounts(now=now + timedelta(hours=25)) == 3
    assert set(AccountCheck.objects.values_list("account", flat=True)) == {NEAR, FAR, HOME}
    del broker


def test_the_command_tells_and_ends_non_zero_where_something_differs(broker: Broker) -> None:
    """As lines and as JSON; an account where all is well ends with zero."""
    out = StringIO()
    with pytest.raises(CommandError, match=r"^2 differences"):
        call_command("roles", "check", "--account", NEAR, stdout=out)
    assert (
        "unused  arn:aws:iam::111122223333:role/Direct: nobody has used it as far as AWS knows"
        in out.getvalue()
    )
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("roles", "check", "--account", NEAR, "--json", stdout=out)
    assert {one["drift"] for one in json.loads(out.getvalue())["findings"]} == {Drift.UNUSED.value}
    out = StringIO()
    call_command("roles", "check", "--account", HOME, stdout=out)
    assert out.getvalue() == "AWS is as it is registered.\n"
    with pytest.raises(CommandError, match="is not registered"):
        call_command("roles", "check", "--account", "000000000000")
    del broker


def test_rules_for_workloads_that_concern_nobody_are_found(
    broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    """Of an issuer that nobody configured, or to a role of another road; mended, there is nothing."""
    issuer, file = "https://builds.example", tmp_path / "issuers.yaml"
    role = Role.objects.get(account__number=NEAR, name="Direct")
    rule = Rule.objects.create(
        name="builds", role=role, workload_issuer=issuer, workload_subject="repo:acme/x:y"
    )
    told = [
        one.detail
        for one in check_roles(accounts=(NEAR,), now=datetime.now(UTC))
        if one.drift is WITHOUT_EFFECT
    ]
    assert [("the road" in one, issuer in one) for one in told] == [(True, False), (False, True)]
    agreed = {"issuer": issuer, "audiences": ["us"], "is": "workload", "seen_from": ["192.0.2.1/32"]}
    file.write_text(json.dumps({"issuers": [agreed]}))
    settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS = str(file)
    without = {"source_identity": False, "tags": [], "transitive_tags": []}
    Role.objects.filter(pk=role.pk).update(road="web-identity", **without)
    kinds = {one[0] for one in found(NEAR)}
    assert WITHOUT_EFFECT.value not in kinds
    assert Drift.PROVIDER_NOT_TRUSTED.value in kinds
    Rule.objects.filter(pk=rule.pk).delete()
    del broker
