"""Ending what AWS has given: from the click to the denial that was read back, and whatever makes it take longer."""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from django.db import connections
from pytest_django import Settings

from idp.domain.errors import NotFound
from idp.domain.events import AuditEvent
from idp.models import AccessSession, AuditRecord, EndingDue, RoleEnding, SiteSession
from idp.models.session import SessionStore
from idp.services.access_sessions import activate_access
from idp.services.ending_work import LEASED_FOR, lease_role, release_role
from idp.services.endings import (
    AccessEnds,
    demand_endings,
    end_all_accesses_of,
    end_own_access,
    end_role_sessions,
)
from sts_bridge.domain.denials import OURS, WHOLE_ROLE
from sts_bridge.services.end_sessions import end_due_sessions
from sts_bridge.services.keep_denials import clear_past_denials
from tests.integration.sts_bridge.broker_world import ENDER, FAR, HOME, NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, client_of, take
from tests.integration.sts_bridge.test_credentials_page import Visitor
from tests.integration.sts_bridge.world import forget_everything
from tests.servers.aws_world import allow, key_id, secret
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

DIRECT = f"arn:aws:iam::{NEAR}:role/Direct"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def may_end(settings: Settings) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER


def right_now() -> datetime:
    return datetime.now(UTC)


def works(issued: Any, broker: Broker) -> bool:
    """Whether AWS lets these credentials do anything; who one is can be asked whatever is denied."""
    client_of(issued, broker).get_caller_identity()
    code = ""
    try:
        client_of(issued, broker, "iam").list_account_aliases()
    except ClientError as error:
        code = error.response["Error"]["Code"]
    assert code in {"", "AccessDenied"}
    return not code


def administrator(broker: Broker, account: str = NEAR) -> Any:
    """Somebody who looks at a role in AWS's console."""
    sts = boto3.client(
        "sts",
        endpoint_url=broker.aws.url,
        region_name="us-east-1",
        aws_access_key_id=key_id("broker"),
        aws_secret_access_key=secret("broker"),
    )
    answer = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{ENDER}",
        RoleSessionName="somebody",
        ExternalId=broker.external_ids[account],
    )["Credentials"]
    return boto3.client(
        "iam",
        endpoint_url=broker.aws.url,
        region_name="us-east-1",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )


def policies(broker: Broker, role: str = "Direct", account: str = NEAR) -> dict[str, Any]:
    iam = administrator(broker, account)
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in names
        if name != "may"
    }


def posted_statement(broker: Broker) -> str:
    """The statement that this person's browser is going to post to AWS."""
    visitor = Visitor(broker.person)
    form = {"csrfmiddlewaretoken": visitor.csrf}
    page = visitor.client.post(f"/roles/{NEAR}/Posted/console", form, secure=True)
    assert page.status_code == 200
    found = re.search(r'name="SAMLResponse" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


def opens_anything(statement: str, broker: Broker) -> bool:
    """Whether what AWS gives for the statement may do anything."""
    sts = boto3.client(
        "sts",
        endpoint_url=broker.aws.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    given = sts.assume_role_with_saml(
        RoleArn=f"arn:aws:iam::{NEAR}:role/Posted",
        PrincipalArn=f"arn:aws:iam::{NEAR}:saml-provider/drawbridge",
        SAMLAssertion=statement,
    )["Credentials"]
    iam = boto3.client(
        "iam",
        endpoint_url=broker.aws.url,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    try:
        iam.list_account_aliases()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"  # noqa: PT017 - either answer is one
        return False
    return True


def test_a_person_ends_a_role_of_their_own_and_gets_a_receipt(broker: Broker) -> None:
    """By click: AWS denies what was given before, and only that person's; the page tells when it was read back."""
    mine, theirs = take(broker.person, NEAR, "Direct"), None
    broker.leave(f"BRK-{NEAR}-Direct")
    theirs = take(broker.stranger, NEAR, "Direct")
    broker.leave(f"BRK-{NEAR}-Direct", "nils")
    visitor = Visitor(broker.person)
    page = visitor.client.get("/sessions/", secure=True).content.decode()
    path = f"/sessions/{mine.access_number}/end"
    assert f'action="{path}"' in page
    answer = visitor.client.post(path, {"csrfmiddlewaretoken": visitor.csrf}, secure=True)
    assert (answer.status_code, answer["Location"]) == (302, "/sessions/")
    assert "being ended since" in visitor.client.get("/sessions/", secure=True).content.decode()
    assert works(mine, broker)
    assert end_due_sessions(now=right_now()) == 1
    assert not works(mine, broker)
    assert works(theirs, broker)
    page = visitor.client.get("/sessions/", secure=True).content.decode()
    assert "ended in AWS at" in page
    ending = EndingDue.objects.get()
    assert ending.denied_at is not None
    assert (ending.state, ending.asked_by, ending.reason) == (
        "denied",
        broker.person.username,
        "person:own-wish",
    )
    assert ending.due_since < ending.denied_at
    row = AccessSession.objects.get(pk=mine.access_number)
    assert row.ends_at == ending.denied_at
    events = [event.event for event in AuditRecord.objects.filter(details__access=str(row.pk)).order_by("pk")]
    assert events[-2:] == [AuditEvent.ENDING_DUE, AuditEvent.ENDING_DONE]
    assert set(policies(broker)) == {OURS}


def test_nobody_ends_what_is_not_theirs(broker: Broker) -> None:
    """Another person's access, one that is over and one that never was are all nothing here."""
    mine = take(broker.person, NEAR, "Direct")
    for person, number in ((broker.stranger, mine.access_number), (broker.person, uuid4())):
        with pytest.raises(NotFound):
            end_own_access(person, number, origin=ORIGIN, now=right_now())
    with pytest.raises(NotFound):
        end_own_access(broker.person, mine.access_number, origin=ORIGIN, now=right_now() + 9 * HOUR)
    assert not EndingDue.objects.exists()
    visitor = Visitor(broker.stranger)
    path = f"/sessions/{mine.access_number}/end"
    assert visitor.client.post(path, {"csrfmiddlewaretoken": visitor.csrf}, secure=True).status_code == 404
    assert visitor.client.post(path, secure=True).status_code == 403
    assert end_own_access(broker.person, mine.access_number, origin=ORIGIN, now=right_now()) == 1


def test_a_leaver_loses_everything_at_once_everywhere(broker: Broker) -> None:
    """Sign-ins gone, all roles in all accounts denied; what AWS cannot end says so and waits for its own end."""
    direct, chained, looker = (
        take(broker.person, account, role)
        for account, role in ((NEAR, "Direct"), (FAR, "Chained"), (HOME, "Lookers"))
    )
    session = SessionStore()
    session.create()
    session.sign_in(broker.person, browser="test", address="192.0.2.7", now=right_now())
    assert end_all_accesses_of(broker.person, reason="directory:gone", now=right_now()) == 3
    assert not SiteSession.objects.filter(user=broker.person).exists()
    assert end_due_sessions(now=right_now()) == 2
    assert not works(direct, broker)
    assert not works(chained, broker)
    client_of(looker, broker).get_caller_identity()
    states = dict(EndingDue.objects.values_list("role_arn", "state"))
    assert sorted(states.values()) == ["denied", "denied", "impossible"]
    impossible = EndingDue.objects.get(state="impossible")
    assert "does not end federation tokens" in impossible.problem
    assert impossible.access.ends_at > right_now()
    assert end_all_accesses_of(broker.person, reason="again", now=right_now()) == 0


def test_whoever_comes_back_afterwards_is_let_in(broker: Broker) -> None:
    """A denial is about what was issued before: what is issued after it works, and ending that moves it forward."""
    first = take(broker.person, NEAR, "Direct")
    asked_at = right_now() - timedelta(minutes=10)
    AccessSession.objects.update(started_at=asked_at - HOUR, issued_at=asked_at - HOUR)
    demand_endings(broker.person, reason="x", now=asked_at)
    end_due_sessions(now=right_now())
    assert works(first, broker), "issued after the moment that is denied: the twin of what follows"
    second = take(broker.person, NEAR, "Direct")
    assert works(second, broker)
    demand_endings(broker.person, reason="y", now=right_now())
    end_due_sessions(now=right_now())
    assert not works(first, broker)
    assert not works(second, broker)
    (statement,) = policies(broker)[OURS]["Statement"]
    assert len(statement["Condition"]["StringLike"]["aws:userid"]) == 1


def test_a_whole_role_ends_by_aws_s_own_name_and_its_moment_only_moves_forward(broker: Broker) -> None:
    """Everybody's sessions of the role end, recorded or not; a later moment of AWS's console is never undone."""
    mine = take(broker.person, NEAR, "Direct")
    end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    assert end_due_sessions(now=right_now()) == 1
    assert not works(mine, broker)
    row = AccessSession.objects.get()
    assert row.ends_at <= right_now()
    ending = RoleEnding.objects.get()
    assert (ending.state, ending.asked_by) == ("denied", "maria")
    assert set(policies(broker)) == {WHOLE_ROLE}
    later = "2999-01-01T00:00:00Z"
    document = policies(broker)[WHOLE_ROLE]
    document["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"] = later
    administrator(broker).put_role_policy(
        RoleName="Direct", PolicyName=WHOLE_ROLE, PolicyDocument=json.dumps(document)
    )
    end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria")
    assert end_due_sessions(now=right_now()) == 1
    assert policies(broker)[WHOLE_ROLE] == document
    events = AuditRecord.objects.filter(role_arn=DIRECT, person="maria")
    assert [event.event for event in events.order_by("pk")] == [
        AuditEvent.ROLE_ENDING_ASKED, AuditEvent.ROLE_ENDED, AuditEvent.ROLE_ENDING_ASKED, AuditEvent.ROLE_ENDED,
    ]  # fmt: skip


def test_a_posted_statement_that_is_still_young_is_ended_too(broker: Broker) -> None:
    """Nobody tells us when it is used: what it opens within its minutes is denied as well."""
    statement = posted_statement(broker)
    now = right_now()
    end_all_accesses_of(broker.person, reason="x", now=now)
    ending = EndingDue.objects.get()
    assert ending.denied_before is not None
    assert ending.denied_before >= ending.access.started_at + timedelta(minutes=6)
    assert end_due_sessions(now=now) == 1
    assert not opens_anything(statement, broker), "used after the denial, issued before its moment"
    with pytest.raises(AccessEnds):
        take(broker.person, NEAR, "Posted")


def test_what_fails_is_tried_again_and_told(broker: Broker, settings: Settings) -> None:
    """Without a right to end anything the problem is on record, with when it is tried next; with it, it is done."""
    mine = take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    settings.DRAWBRIDGE_ENDER_ROLE = ""
    forget_everything()
    now = right_now()
    assert end_due_sessions(now=now) == 0
    ending = EndingDue.objects.get()
    assert (ending.state, ending.tries) == ("due", 1)
    assert "no right to end sessions" in ending.problem
    assert ending.next_try_at is not None
    assert ending.next_try_at > now
    assert works(mine, broker)
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER
    forget_everything()
    assert end_due_sessions(now=now) == 0, "not before its time"
    assert end_due_sessions(now=ending.next_try_at) == 1
    assert not works(mine, broker)


@pytest.mark.fault(16)
def test_with_aws_down_nothing_is_lost_and_the_next_tick_does_it(broker: Broker) -> None:
    """Partial failure: one account done, AWS gone, AWS back: the rest is done, and nothing twice."""
    direct = take(broker.person, NEAR, "Direct")
    chained = take(broker.person, FAR, "Chained")
    demand_endings(broker.person, reason="x", now=right_now())
    assert end_due_sessions(now=right_now(), limit=1) == 1
    world, port = broker.aws.world, int(broker.aws.url.rpartition(":")[2])
    state = sorted(EndingDue.objects.values_list("state", flat=True))
    assert state == ["denied", "due"]
    broker.aws.stop()
    now = right_now()
    assert end_due_sessions(now=now) == 0
    assert EndingDue.objects.get(state="due").problem
    from tests.servers.local_aws import LocalAws  # noqa: PLC0415 - only this test starts another

    with LocalAws(world, port=port) as again:
        broker.aws = again
        assert end_due_sessions(now=now + HOUR / 60) == 1
        assert sorted(EndingDue.objects.values_list("state", flat=True)) == ["denied", "denied"]
        denied = [works(one, broker) for one in (direct, chained)]
        assert denied.count(False) == 1, (
            "what the first AWS had written is gone with it; the second is denied"
        )


def test_a_full_role_is_told_and_tried_again(broker: Broker) -> None:
    """Where the role has no room the session goes on, and everybody reads so; it ends as soon as there is room."""
    mine = take(broker.person, NEAR, "Direct")
    may = len(json.dumps(allow("iam:*", "sts:*"), separators=(",", ":")))
    actions = [f"s3:{'x' * 60}{number:03}" for number in range(130)]
    short = json.dumps(allow(*actions, "s3:"), separators=(",", ":"))
    actions.append(f"s3:{'y' * (10_240 - may - len(short) - 100)}")
    filling = json.dumps(allow(*actions), separators=(",", ":"))
    administrator(broker).put_role_policy(RoleName="Direct", PolicyName="filling", PolicyDocument=filling)
    demand_endings(broker.person, reason="x", now=right_now())
    assert end_due_sessions(now=right_now()) == 0
    ending = EndingDue.objects.get()
    assert (ending.state, ending.denied_at) == ("due", None)
    assert "Not ended yet: the role's policies in AWS have no room. End the whole role?" in ending.problem
    assert works(mine, broker)
    page = Visitor(broker.person).client.get("/sessions/", secure=True).content.decode()
    assert "not ended yet: the role has no room in AWS" in page
    assert end_due_sessions(now=right_now() + 24 * HOUR) == 0, "it has ended by itself"
    administrator(broker).delete_role_policy(RoleName="Direct", PolicyName="filling")
    assert ending.next_try_at is not None
    assert end_due_sessions(now=ending.next_try_at) == 1
    assert not works(mine, broker)


def test_our_denial_goes_when_it_no_longer_matters_and_nothing_else_does(broker: Broker) -> None:
    """While a session could live the denial stands; afterwards it is gone, and what others wrote there is not."""
    take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    end_due_sessions(now=right_now())
    ending = EndingDue.objects.get()
    assert ending.until is not None
    assert clear_past_denials(now=ending.until - timedelta(seconds=1)) == 0
    assert OURS in policies(broker)
    assert clear_past_denials(now=ending.until + timedelta(seconds=1)) == 1
    assert policies(broker) == {}
    ending.refresh_from_db()
    assert (ending.state, ending.cleared_at is not None) == ("cleared", True)
    assert clear_past_denials(now=ending.until + HOUR) == 0
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    administrator(broker).put_role_policy(
        RoleName="Direct",
        PolicyName=OURS,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}),
    )
    EndingDue.objects.update(state="denied")
    assert clear_past_denials(now=ending.until + HOUR) == 1
    assert policies(broker)[OURS]["Statement"] == [theirs]


@pytest.mark.fault(13)
def test_one_at_a_time_writes_a_role_and_a_lost_lease_ends_by_itself(broker: Broker) -> None:
    """While somebody works on a role, others leave it; whoever dies with the lease holds it for a while only."""
    take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    now = right_now()
    assert lease_role(DIRECT, now=now)
    assert not lease_role(DIRECT, now=now)
    assert end_due_sessions(now=now) == 0
    assert end_due_sessions(now=now + LEASED_FOR) == 1
    assert lease_role(DIRECT, now=now)
    assert lease_role(DIRECT, now=now + LEASED_FOR)
    release_role(DIRECT, leased_at=now)
    assert not lease_role(DIRECT, now=now + LEASED_FOR), "the lease of another is not given back"


@pytest.mark.postgresql
@pytest.mark.fault(13)
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_double_nothing(broker: Broker) -> None:
    """Four workers, one role: one writes, each access is audited once as denied."""
    take(broker.person, NEAR, "Direct")
    take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())

    def work() -> None:
        try:
            end_due_sessions(now=right_now())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert AuditRecord.objects.filter(event=AuditEvent.ENDING_DONE).count() == 2
    writes = [line for line in broker.aws.new_log_lines() if line.get("operation") == "PutRolePolicy"]
    assert len(writes) <= 1


def test_credentials_that_were_under_way_when_the_end_was_asked_do_not_leave(broker: Broker) -> None:
    """An offer that must end is not taken up: what AWS gave for it stays here."""
    issued = take(broker.person, NEAR, "Direct")
    AccessSession.objects.update(state="offered", access_key_id="")
    demand_endings(broker.person, reason="x", now=right_now())
    with pytest.raises(AccessEnds):
        activate_access(
            issued.access_number,
            ends_at=right_now() + HOUR,
            access_key_id="ASIAX",
            issued_at=right_now() + HOUR / 2,
            origin=ORIGIN,
            now=right_now(),
        )
