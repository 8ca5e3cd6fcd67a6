"""The moment of a denial, by whose clock it is; who comes first, wish or hand-out; and a role that gets full."""

import json
import logging
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from pytest_django import Settings

from idp.domain.access_session import AccessKind, AccessState
from idp.domain.events import AuditEvent
from idp.models import AccessSession, Account, AuditRecord, EndingDue, RoleEnding, RoleRoom, User
from idp.services.access_sessions import activate_access
from idp.services.endings import AccessEnds, demand_endings, end_role_sessions
from idp.services.offer_access import offer_access
from sts_bridge.aws.clients import broker_client, forget_clients
from sts_bridge.conf import bridge_config
from sts_bridge.domain.denials import OURS, ROOM
from sts_bridge.services import redeem
from sts_bridge.services.end_sessions import end_due_sessions
from sts_bridge.services.keep_denials import clear_past_denials, look_at_denials_again
from tests.integration.sts_bridge.broker_world import ENDER, FAR, NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, take
from tests.integration.sts_bridge.test_credentials_page import Visitor
from tests.integration.sts_bridge.test_end_sessions import (
    DIRECT,
    HOUR,
    administrator,
    opens_anything,
    policies,
    posted_statement,
    right_now,
    works,
)
from tests.servers.aws_world import allow, key_id
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

BEHIND = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def may_end(settings: Settings) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER


def our_slow_clock() -> datetime:
    return right_now() - BEHIND


@pytest.mark.fault(15)
def test_with_our_clock_behind_the_newest_credentials_end_too(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """The row has AWS's own moment of issue: the denial is later than that, whatever our clock shows."""
    mine = take(broker.person, NEAR, "Direct")
    row = AccessSession.objects.get()
    assert row.issued_at is not None
    assert abs(row.issued_at - right_now()) < timedelta(seconds=30)
    with caplog.at_level(logging.WARNING, "drawbridge.bridge"):
        demand_endings(broker.person, reason="x", now=our_slow_clock())
        assert end_due_sessions(now=our_slow_clock()) == 1
    assert not works(mine, broker)
    ending = EndingDue.objects.get()
    assert ending.denied_before is not None
    assert ending.denied_before > row.issued_at
    assert "aws.clock.apart" in caplog.text


@pytest.mark.fault(15)
def test_what_aws_issued_until_the_wish_ends_by_aws_s_clock(broker: Broker) -> None:
    """Where nothing is known of the issue, AWS's clock as the ender has just heard it counts; for whole roles too."""
    mine = take(broker.person, NEAR, "Direct")
    AccessSession.objects.update(issued_at=None)
    asked_at = our_slow_clock()
    demand_endings(broker.person, reason="x", now=asked_at)
    end_role_sessions(DIRECT, reason="administrator", now=asked_at, asked_by="maria", origin=ORIGIN)
    assert end_due_sessions(now=our_slow_clock()) == 1
    assert not works(mine, broker)
    for ending in (EndingDue.objects.get(), RoleEnding.objects.get()):
        assert ending.denied_before is not None
        assert ending.denied_before > asked_at + BEHIND, (
            "our clock says 30 seconds after the wish; AWS's is ahead"
        )
    administrator(broker).delete_role_policy(RoleName="Direct", PolicyName=OURS)
    assert not works(mine, broker), "the whole role's moment alone is late enough"


def test_what_aws_issued_later_than_the_denial_is_not_told_to_have_ended(broker: Broker) -> None:
    """The row turns out to be issued after the moment that was written: it stays due, and the next turn ends it."""
    take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    AccessSession.objects.update(issued_at=right_now() + HOUR)
    assert end_due_sessions(now=right_now()) == 1
    assert EndingDue.objects.get().state == "due"
    assert not AuditRecord.objects.filter(event=AuditEvent.ENDING_DONE).exists()
    AccessSession.objects.update(issued_at=right_now())
    end_due_sessions(now=right_now())
    assert EndingDue.objects.get().state == "denied"


def test_what_would_be_dead_on_arrival_does_not_leave(broker: Broker) -> None:
    """Taken anew within the moments that are denied: refused in words, on record as over; afterwards it is given."""
    take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    with pytest.raises(AccessEnds):
        take(broker.person, NEAR, "Direct")
    refused = AccessSession.objects.get(access_key_id="")
    assert (refused.state, refused.ends_at <= right_now()) == ("ended", True)
    event = AuditRecord.objects.get(event=AuditEvent.CREDENTIALS_REFUSED)
    assert (event.reason, event.details["access"]) == ("access-ends", str(refused.pk))
    EndingDue.objects.update(denied_before=right_now() - timedelta(seconds=5))
    assert take(broker.person, NEAR, "Direct")
    end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    with pytest.raises(AccessEnds):
        take(broker.person, NEAR, "Direct")


def offered(person: User) -> Any:
    now = right_now()
    return offer_access(
        person=person,
        account=NEAR,
        role_name="Direct",
        kind=AccessKind.CREDENTIALS,
        duration=None,
        narrowing="",
        origin=ORIGIN,
        signed_in_at=now,
        now=now,
    ).access_number


def hand_out(number: Any) -> None:
    now = right_now()
    activate_access(
        number, ends_at=now + HOUR, access_key_id="ASIAMADEUP", issued_at=now, origin=ORIGIN, now=now
    )


class Aside(threading.Thread):
    """Something done on a connection of its own; `failure` is what it raised."""

    def __init__(self, work: Any) -> None:
        super().__init__()
        self.failure: BaseException | None = None
        self._work = work
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self._work()
        except Exception as failure:  # noqa: BLE001 - the test looks at it
            self.failure = failure
        finally:
            connections.close_all()


def wait_until_somebody_waits() -> None:
    """Another connection waits for a lock of this one."""
    for _ in range(300):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.02)
    raise AssertionError("nobody waits")


@pytest.mark.postgresql
@pytest.mark.fault(13)
@pytest.mark.django_db(transaction=True)
def test_the_wish_comes_first_and_the_hand_out_is_refused(broker: Broker) -> None:
    """The wish is written, not committed; AWS has given the credentials: they wait, and do not leave."""
    number = offered(broker.person)
    with transaction.atomic():
        assert demand_endings(broker.person, reason="x", now=right_now()) == 1
        handing_out = Aside(lambda: hand_out(number))
        wait_until_somebody_waits()
    handing_out.join()
    assert isinstance(handing_out.failure, AccessEnds)
    assert AccessSession.objects.get().access_key_id == ""
    assert not AuditRecord.objects.filter(event=AuditEvent.CREDENTIALS_ISSUED).exists()


@pytest.mark.postgresql
@pytest.mark.fault(13)
@pytest.mark.django_db(transaction=True)
def test_the_hand_out_comes_first_and_the_wish_sees_it(broker: Broker) -> None:
    """The hand-out is written, not committed; the wish waits for it, and ends what AWS has given by its moment."""
    number, wished = offered(broker.person), []
    with transaction.atomic():
        hand_out(number)
        asked_at = our_slow_clock()
        wishing = Aside(lambda: wished.append(demand_endings(broker.person, reason="x", now=asked_at)))
        wait_until_somebody_waits()
    wishing.join()
    assert (wishing.failure, wished) == (None, [1])
    row, ending = AccessSession.objects.get(), EndingDue.objects.get()
    assert row.state == AccessState.ACTIVE.value
    assert row.issued_at is not None
    assert ending.denied_before is not None
    assert ending.denied_before > row.issued_at


@pytest.mark.postgresql
@pytest.mark.fault(13)
@pytest.mark.django_db(transaction=True)
def test_an_offer_that_was_being_written_when_everything_was_to_end_gives_nothing(broker: Broker) -> None:
    """Decided by what was known before, written, not committed: the wish finds nothing, and nothing leaves for it.

    A posted statement is out already: the next tick finds it, and ends it in AWS.
    """
    statement = ""
    with transaction.atomic():
        number = offered(broker.person)
        statement = posted_statement(broker)
        asked_at = right_now()
        wishing = Aside(lambda: demand_endings(broker.person, reason="x", now=asked_at))
        wishing.join()
        assert wishing.failure is None
    assert not EndingDue.objects.exists()
    with pytest.raises(AccessEnds):
        hand_out(number)
    assert end_due_sessions(now=right_now()) == 2
    assert EndingDue.objects.filter(reason="under-way", state="denied").count() == 2
    assert not opens_anything(statement, broker)
    EndingDue.objects.update(denied_before=asked_at - HOUR)
    assert take(broker.person, NEAR, "Direct"), "begun later: the twin"
    assert end_due_sessions(now=right_now()) == 0


def test_a_statement_of_ours_that_somebody_changed_is_replaced_and_told(broker: Broker) -> None:
    """Same name, other content: AWS takes no two of one name; ours stands again, theirs stays, the audit has both."""
    mine = take(broker.person, NEAR, "Direct")
    now = right_now()
    demand_endings(broker.person, reason="x", now=now)
    assert end_due_sessions(now=right_now()) == 1
    document = policies(broker)[OURS]
    document["Statement"][0]["Condition"]["IpAddress"] = {"aws:SourceIp": "198.51.100.0/24"}
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    document["Statement"].append(theirs)
    administrator(broker).put_role_policy(
        RoleName="Direct", PolicyName=OURS, PolicyDocument=json.dumps(document)
    )
    assert works(mine, broker), "what was shown as ended goes on, by somebody's hand"
    EndingDue.objects.update(state="due", next_try_at=now)
    assert end_due_sessions(now=right_now()) == 1
    assert not works(mine, broker)
    stands = policies(broker)[OURS]["Statement"]
    assert len(stands) == 2
    assert stands[-1] == theirs
    repaired = AuditRecord.objects.get(event=AuditEvent.DENIAL_REPAIRED)
    assert repaired.role_arn == DIRECT
    assert json.loads(repaired.details["stood_there"]) == document["Statement"][0]


def ended_one_after_another(broker: Broker, count: int) -> None:
    """So many people hold the role, and each was asked to end at a moment of their own."""
    now = right_now()
    first = take(broker.person, NEAR, "Direct")
    row = AccessSession.objects.get(pk=first.access_number)
    for number in range(count):
        person = User.objects.create(
            account_key=f"directory:{number}",
            directory="directory",
            username=f"somebody{number}",
            session_name=f"somebody.with-a-name{number:04}",
            persistent_id=f"persistent{number}",
            created_at=now,
        )
        row.pk, row.user, row.assertion_id = uuid4(), person, None
        row.session_name = person.session_name or ""
        row.started_at = row.issued_at = now - 2 * HOUR
        row.save(force_insert=True)
        demand_endings(person, reason="x", now=now - HOUR + number * timedelta(seconds=20))


def test_a_hundred_endings_at_moments_of_their_own_fit_into_one_role(broker: Broker) -> None:
    """Past moments are shared; how full the role is was written down."""
    ended_one_after_another(broker, 100)
    mine = AccessSession.objects.get(user=broker.person)
    assert end_due_sessions(now=right_now()) == 1
    assert set(EndingDue.objects.values_list("state", flat=True)) == {"denied"}
    (statement,) = policies(broker)[OURS]["Statement"]
    assert len(statement["Condition"]["StringLike"]["aws:userid"]) == 100
    room = RoleRoom.objects.get()
    assert 0 < room.of_ours_percent < room.percent < 60
    assert mine.ends_at > right_now()


def test_of_more_than_there_is_room_for_as_many_end_as_fit(broker: Broker) -> None:
    """The longest waiting first; the rest is told and tried again; the room for the whole role stays free."""
    filling = json.dumps(
        allow(*(f"s3:{'x' * 60}{number:03}" for number in range(100))), separators=(",", ":")
    )
    administrator(broker).put_role_policy(RoleName="Direct", PolicyName="filling", PolicyDocument=filling)
    ended_one_after_another(broker, 120)
    assert end_due_sessions(now=right_now()) == 0
    denied, waiting = EndingDue.objects.filter(state="denied"), EndingDue.objects.filter(state="due")
    assert denied.count() + waiting.count() == 120
    assert denied.count() > 40
    latest, earliest = denied.latest("due_since"), waiting.earliest("due_since")
    assert latest.due_since < earliest.due_since
    assert "no room" in earliest.problem
    assert RoleRoom.objects.get().percent >= 95
    end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    end_due_sessions(now=right_now())
    assert RoleEnding.objects.get().state == "denied"
    together = sum(len(json.dumps(one, separators=(",", ":"))) for one in policies(broker).values())
    assert together <= ROOM
    administrator(broker).delete_role_policy(RoleName="Direct", PolicyName="filling")
    assert end_due_sessions(now=right_now() + HOUR / 2) == 1
    assert not EndingDue.objects.filter(state="due").exists()


def test_who_shares_a_statement_goes_from_it_when_their_own_time_has_come(broker: Broker) -> None:
    """Clean-up goes by the record of each, not by the last of a statement: the policy does not grow for ever."""
    ended_one_after_another(broker, 3)
    assert end_due_sessions(now=right_now()) == 1
    gone = EndingDue.objects.order_by("due_since")[0]
    past = right_now() - timedelta(minutes=1)
    EndingDue.objects.filter(pk=gone.pk).update(until=past)
    assert clear_past_denials(now=right_now()) == 1
    (statement,) = policies(broker)[OURS]["Statement"]
    names = statement["Condition"]["StringLike"]["aws:userid"]
    assert len(names) == 2
    assert f"*:{gone.session_name}" not in names


def test_a_hand_out_whose_clock_is_far_off_is_told(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each answer of STS says what time it is in AWS: half a minute apart is an alarm, before anything must end."""
    with caplog.at_level(logging.WARNING, "drawbridge.bridge"):
        take(broker.person, NEAR, "Direct")
        assert "aws.clock.apart" not in caplog.text
        monkeypatch.setattr(redeem, "CLOCK_TOLERANCE", timedelta(seconds=-1))
        take(broker.person, NEAR, "Direct")
    assert "aws.clock.apart" in caplog.text


@pytest.mark.parametrize("trusts_us", [False, True])
def test_an_account_that_does_not_let_us_in_says_so(broker: Broker, trusts_us: bool) -> None:  # noqa: FBT001 - a case
    """One account of two does not know our ExternalId: that one waits and says why; the other has ended."""
    for account, role in ((NEAR, "Direct"), (FAR, "Chained")):
        take(broker.person, account, role)
    if not trusts_us:
        Account.objects.filter(number=FAR).update(external_id="somebody-elses")
    demand_endings(broker.person, reason="x", now=right_now())
    assert end_due_sessions(now=right_now()) == (2 if trusts_us else 1)
    page = Visitor(broker.person).client.get("/sessions/", secure=True).content.decode()
    assert ("AWS does not let this site end sessions in that account" in page) is not trusts_us
    assert page.count("ended in AWS at") == (2 if trusts_us else 1)
    waiting = EndingDue.objects.filter(state="due")
    assert [row.problem_code for row in waiting] == ([] if trusts_us else ["ender-not-taken"])


def test_in_each_partition_the_broker_is_who_it_is_there(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By region: the profile of its partition, or the usual identity; what one signs the other does not."""
    file = tmp_path / "credentials"
    file.write_text("[gov]\naws_access_key_id = AKIAGOVERNMENT\naws_secret_access_key = made-up\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    forget_clients()
    config = replace(bridge_config(), broker_profiles={"aws-us-gov": "gov"})
    try:
        key_of = {
            region: broker_client("sts", region=region, config=config)._request_signer._credentials.access_key  # noqa: SLF001 - what it signs with
            for region in ("us-gov-west-1", "us-gov-east-1", "us-east-1", "eu-central-1")
        }
    finally:
        forget_clients()
    assert key_of == {
        "us-gov-west-1": "AKIAGOVERNMENT",
        "us-gov-east-1": "AKIAGOVERNMENT",
        "us-east-1": key_id("broker"),
        "eu-central-1": key_id("broker"),
    }
    del broker


def test_a_denial_that_somebody_removed_stands_again_within_the_hour(broker: Broker) -> None:
    """Looked at on the timetable, though nothing is due; the audit tells, and what stands is not written again."""
    mine = take(broker.person, NEAR, "Direct")
    demand_endings(broker.person, reason="x", now=right_now())
    assert end_due_sessions(now=right_now()) == 1
    administrator(broker).delete_role_policy(RoleName="Direct", PolicyName=OURS)
    assert works(mine, broker), "shown as ended, and alive again"
    assert look_at_denials_again(now=right_now()) == 0, "seen a moment ago"
    long_ago = right_now() - 2 * HOUR
    RoleRoom.objects.update(seen_at=long_ago)
    EndingDue.objects.update(denied_at=long_ago)
    broker.aws.new_log_lines()
    assert look_at_denials_again(now=right_now()) == 1
    assert not works(mine, broker)
    repaired = AuditRecord.objects.get(event=AuditEvent.DENIAL_REPAIRED)
    assert str(broker.person.session_name) in str(repaired.details["stood_there"])
    assert RoleRoom.objects.get().seen_at > right_now() - HOUR
    RoleRoom.objects.update(seen_at=long_ago)
    broker.aws.new_log_lines()
    assert look_at_denials_again(now=right_now()) == 1
    assert not [line for line in broker.aws.new_log_lines() if line.get("operation") == "PutRolePolicy"]
    assert AuditRecord.objects.filter(event=AuditEvent.DENIAL_REPAIRED).count() == 1
    EndingDue.objects.update(role_arn=f"arn:aws:iam::{NEAR}:role/Gone")
    assert look_at_denials_again(now=right_now()) == 0, "gone from AWS: told in the log"
