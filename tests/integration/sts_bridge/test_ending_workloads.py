"""What a build holds is ended in AWS like what a person holds: by its session name, and nobody else with it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pytest_django import Settings

from idp.models import AccessSession, EndingDue, User
from idp.services.endings import demand_endings, end_role_sessions
from sts_bridge.services.end_sessions import end_due_sessions
from tests.integration.sts_bridge.broker_world import ENDER
from tests.integration.sts_bridge.test_workloads import DEPLOY, MAIN, deploy
from tests.integration.sts_bridge.token_world import Stand
from tests.servers.aws_world import key_id, secret

pytestmark = [pytest.mark.django_db, pytest.mark.attack("OI")]


@pytest.fixture(autouse=True)
def may_end(settings: Settings) -> None:
    settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID = key_id("broker")
    settings.DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY = secret("broker")
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER


def works(stand: Stand, given: dict[str, Any]) -> bool:
    """Whether AWS lets these credentials do anything."""
    session = boto3.session.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1"
    )
    code = ""
    try:
        session.client("iam", endpoint_url=stand.aws.url).list_account_aliases()
    except ClientError as error:
        code = error.response["Error"]["Code"]
    assert code in {"", "AccessDenied"}
    return not code


def test_what_one_build_holds_ends_in_aws_and_what_others_hold_goes_on(stand: Stand) -> None:
    """Two builds and a person in one account: the one that is to end is denied by its name, and gets more later."""
    mine, other = deploy(stand, stand.build()), deploy(stand, stand.build(MAIN, repository_owner_id="4711"))
    persons = json.loads(stand.ask(stand.token()).content)
    assert [works(stand, one) for one in (mine, other, persons)] == [True, True, True]
    workload = User.objects.get(accesses__rule_name="production")
    asked_at = datetime.now(UTC)
    assert demand_endings(workload, reason="administrator", now=asked_at, asked_by="root") == 1
    assert end_due_sessions(now=datetime.now(UTC)) == 1
    assert [works(stand, one) for one in (mine, other, persons)] == [False, True, True]
    ending = EndingDue.objects.get()
    assert (ending.state, ending.session_name, ending.role_arn) == ("denied", workload.session_name, DEPLOY)
    # What was given within the denied moments would be dead on arrival, and does not leave.
    answer = stand.ask(stand.build(), "Deploy")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "access-ends")
    assert (
        AccessSession.objects.filter(user=workload, state="active", ends_at__gt=datetime.now(UTC)).count()
        == 0
    )


def test_a_whole_role_ends_for_builds_too(stand: Stand) -> None:
    """Whoever holds it, by whatever road it was opened; the other role goes on."""
    mine, other = deploy(stand, stand.build()), deploy(stand, stand.build(MAIN, repository_owner_id="4711"))
    persons = json.loads(stand.ask(stand.token()).content)
    end_role_sessions(DEPLOY, reason="administrator", now=datetime.now(UTC), asked_by="root")
    assert end_due_sessions(now=datetime.now(UTC)) == 1
    assert [works(stand, one) for one in (mine, other, persons)] == [False, False, True]
    held = AccessSession.objects.open_at(datetime.now(UTC) + timedelta(seconds=1))
    assert [row.role_arn.rpartition("/")[2] for row in held] == ["Jobs"]
