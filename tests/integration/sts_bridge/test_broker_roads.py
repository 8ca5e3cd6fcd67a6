"""The broker's roads against a local AWS: who one is there, for how long, and every way in which there is nothing."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from django.test import Client
from pytest_django import Settings

from deploy.demo.slapd import Slapd
from idp.domain.aws.account_limits import HubNotAllowed
from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import PartitionOff
from idp.domain.errors import NotFound, RoleNotGranted
from idp.domain.origin import Origin
from idp.models import AccessSession, Account, AuditRecord, MappingVersion, User
from idp.web.identifiers import new_ids
from sts_bridge.aws.clients import broker_is_temporary
from sts_bridge.aws.sts import assume_role
from sts_bridge.conf import SHORTEST_TRY, BridgeConfig, bridge_config
from sts_bridge.domain.account_setup import as_data
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import BrokerUnknown, NotNarrowedLikeThis, RoleDoesNotTrustUs
from sts_bridge.services.connect_account import account_setup
from sts_bridge.services.health import broker_findings
from sts_bridge.services.issue_credentials import IssuedCredentials, issue_credentials
from tests.integration.sts_bridge.broker_world import BROKER, FAR, GROUPS, HOME, HUB, NEAR, Broker, broker_at
from tests.integration.sts_bridge.test_credentials_page import HOST, Visitor
from tests.integration.sts_bridge.world import forget_everything
from tests.servers.aws_world import allow, user
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

ORIGIN = Origin(address="192.0.2.7", reference="ABCDEFGHIJKL", client="aws-cli/2.36.7")


@pytest.fixture(autouse=True)
def static_files_in_place(settings: Settings) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")


def take(person: User, account: str, role: str, narrowing: Narrowing | None = None) -> IssuedCredentials:
    now = datetime.now(UTC)
    return issue_credentials(
        person=person,
        account=account,
        role_name=role,
        narrowing=narrowing or Narrowing(),
        origin=ORIGIN,
        signed_in_at=now - timedelta(minutes=1),
        now=now,
        ids=new_ids(),
    )


def client_of(
    issued: IssuedCredentials, broker: Broker, service: str = "sts", region: str = "eu-central-1"
) -> Any:
    return boto3.session.Session(
        aws_access_key_id=issued.credentials.access_key_id,
        aws_secret_access_key=issued.credentials.secret_access_key.reveal(),
        aws_session_token=issued.credentials.session_token.reveal(),
        region_name=region,
    ).client(service, endpoint_url=broker.aws.url)


def who_is(issued: IssuedCredentials, broker: Broker) -> str:
    arn: str = client_of(issued, broker).get_caller_identity()["Arn"]
    return arn


@pytest.mark.attack("AW-04")
def test_the_broker_takes_a_role_in_the_person_s_name(broker: Broker) -> None:
    """AWS knows the person by session name, source identity and tags; the record ties everything together."""
    issued = take(broker.person, NEAR, "Direct")
    assert who_is(issued, broker) == f"arn:aws:sts::{NEAR}:assumed-role/Direct/{broker.person.session_name}"
    (line,) = [line for line in broker.aws.new_log_lines() if line.get("operation") == "AssumeRole"]
    assert line["session"] == broker.person.session_name
    row = AccessSession.objects.get()
    assert (row.road, row.state, row.kind) == ("broker", "active", "credentials")
    assert (row.access_key_id, row.ends_at) == (
        issued.credentials.access_key_id,
        issued.credentials.expires_at,
    )
    assert (row.address, row.client, row.reference) == (ORIGIN.address, ORIGIN.client, ORIGIN.reference)
    assert (
        timedelta(hours=4) - timedelta(seconds=10)
        < row.ends_at - row.started_at
        < timedelta(hours=4, seconds=10)
    )
    offered, given = AuditRecord.objects.filter(event__startswith="person:").order_by("pk")
    assert (offered.event, given.event) == ("person:access:offered", "person:credentials:issued")
    assert given.details["access_key_id"] == row.access_key_id
    assert given.details["access"] == offered.details["access"] == str(row.pk)
    assert (given.details["road"], given.details["client"]) == ("broker", ORIGIN.client)


@pytest.mark.attack("AW-06")
def test_a_role_in_another_account_goes_by_way_of_the_hub_for_an_hour(broker: Broker) -> None:
    """Registered for eight hours, given for one: AWS gives a chained role no more, and we ask for no more."""
    issued = take(broker.person, FAR, "Chained")
    assert who_is(issued, broker) == f"arn:aws:sts::{FAR}:assumed-role/Chained/{broker.person.session_name}"
    row = AccessSession.objects.get()
    assert timedelta(minutes=59) < row.ends_at - row.started_at < timedelta(hours=1, seconds=10)
    offered = AuditRecord.objects.get(event="person:access:offered")
    assert (offered.details["seconds"], offered.details["limited_by"]) == (3_600, "chain")
    page = Visitor(broker.person).client.get(f"/go/{FAR}/Chained", secure=True).content.decode()
    assert "arn:aws:iam::999900001111:role/Hub" in page
    assert "for an hour at most" in page
    assert "1 h" in page[page.index("console-lasts") :][:60]


def test_hub_and_role_together_take_the_time_of_one(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that takes its time leaves less for the role behind it; a role without a hub has all of it."""
    asked: list[BridgeConfig] = []

    def slow(**wanted: Any) -> TemporaryCredentials:
        asked.append(wanted["config"])
        if str(wanted["role"]) == HUB:
            time.sleep(0.6)
        return assume_role(**wanted)

    monkeypatch.setattr("sts_bridge.services.redeem.assume_role", slow)
    take(broker.person, FAR, "Chained")
    take(broker.person, NEAR, "Direct")
    hub, chained, direct = asked
    assert chained.give_up_after <= hub.give_up_after - 0.6
    assert direct.give_up_after >= hub.give_up_after - 0.5
    late = hub.shortened(hub.give_up_after - 1)
    assert late.connect_seconds + late.read_seconds <= late.give_up_after + 0.01
    assert late.give_up_after == pytest.approx(1)
    assert hub.shortened(60).give_up_after == SHORTEST_TRY


def test_a_federation_token_is_the_person_in_the_broker_s_account(broker: Broker) -> None:
    """Bounded by the policies that the role names: it reads IAM there and changes nothing."""
    issued = take(broker.person, HOME, "Lookers")
    assert who_is(issued, broker) == f"arn:aws:sts::{HOME}:federated-user/{broker.person.session_name}"
    assert AccessSession.objects.get().road == "federation"
    with pytest.raises(NotNarrowedLikeThis):
        take(broker.person, HOME, "Lookers", Narrowing(read_only=True))
    assert [row.state for row in AccessSession.objects.order_by("started_at")] == ["active", "ended"]


@pytest.mark.attack("AW-05")
def test_without_our_external_id_nobody_gets_in(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account's ExternalId is refused by AWS; an account without one is refused before AWS is asked."""
    right = broker.external_ids[NEAR]
    Account.objects.filter(number=NEAR).update(external_id=f"{right}-not")
    with pytest.raises(RoleDoesNotTrustUs):
        take(broker.person, NEAR, "Direct")
    broker.aws.new_log_lines()
    Account.objects.filter(number=NEAR).update(external_id=None)
    with pytest.raises(BrokerUnknown):
        take(broker.person, NEAR, "Direct")
    assert broker.aws.new_log_lines() == []
    Account.objects.filter(number=NEAR).update(external_id=right)
    assert take(broker.person, NEAR, "Direct").credentials.access_key_id
    assert [row.state for row in AccessSession.objects.order_by("started_at")] == ["ended", "ended", "active"]
    del monkeypatch


def test_a_broker_without_identity_gives_nothing_and_tells_whom_to_ask(
    broker: Broker, settings: Settings
) -> None:
    """An unknown key is our trouble, not the person's: unavailable, recorded; roles by statement go on."""
    settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID = "AKIA" + "A" * 16
    forget_everything()
    with pytest.raises(BrokerUnknown):
        take(broker.person, NEAR, "Direct")
    (event,) = AuditRecord.objects.filter(event="person:credentials:refused")
    assert event.reason == "aws-broker-unknown"
    with pytest.raises(RoleNotGranted):
        take(broker.stranger, NEAR, "Direct")
    assert take(broker.person, NEAR, "Posted").credentials.access_key_id


def test_whether_the_broker_is_a_session_can_be_told(broker: Broker, settings: Settings) -> None:
    """A user's own key is none; nobody at all is unknown."""
    assert not broker_is_temporary(bridge_config())
    settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID = None
    settings.DRAWBRIDGE_BROKER_PROFILE = "no-such-profile"
    forget_everything()
    with pytest.raises(BrokerUnknown):
        broker_is_temporary(bridge_config())
    del broker


@pytest.mark.attack("MP-06")
def test_whoever_leaves_the_group_gets_nothing_more_on_any_road(broker: Broker) -> None:
    """Each role is refused from the next request on, before AWS is asked; a stranger never had one."""
    for group in GROUPS:
        _, account, role = group.split("-")
        with pytest.raises(RoleNotGranted):
            take(broker.stranger, account, role)
        assert take(broker.person, account, role).credentials.access_key_id
        broker.leave(group)
        with pytest.raises(RoleNotGranted):
            take(broker.person, account, role)
    assert AccessSession.objects.count() == len(GROUPS)


def opened_by_click(visitor: Visitor, account: str, role: str, **fields: str) -> Any:
    form = {"csrfmiddlewaretoken": visitor.csrf, **fields}
    return visitor.client.post(f"/roles/{account}/{role}/broker", form, secure=True)


@pytest.mark.attack("AW-07")
@pytest.mark.parametrize(
    ("account", "role", "fields", "who"),
    [
        (NEAR, "Direct", {}, "assumed-role/Direct/"),
        (FAR, "Chained", {}, "assumed-role/Chained/"),
        (HOME, "Lookers", {}, "federated-user/"),
        (NEAR, "Posted", {"minutes": "15", "read_only": "on"}, "assumed-role/Posted/"),
    ],
)
def test_a_click_opens_the_console_by_an_address_that_stands_in_location_only(
    broker: Broker,
    caplog: pytest.LogCaptureFixture,
    account: str,
    role: str,
    fields: dict[str, str],
    who: str,
) -> None:
    """303 to the federation endpoint; a browser that follows is who it should be, and nothing was written down."""
    caplog.set_level("DEBUG")
    answer = opened_by_click(Visitor(broker.person), account, role, **fields)
    assert (answer.status_code, answer.content) == (303, b"")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    address = answer["Location"]
    assert address.startswith(f"{broker.aws.url}/federation?Action=login&")
    assert f"Issuer=https%3A%2F%2F{HOST}%2Fsession-ended%2F" in address
    logged = caplog.text
    console = requests.get(address, timeout=20)
    assert console.status_code == 200
    assert f"{who}{broker.person.session_name}" in console.text
    row = AccessSession.objects.get()
    assert (row.kind, row.state) == ("console", "active")
    token = address.partition("SigninToken=")[2]
    tables = str(list(AccessSession.objects.values())) + str(list(AuditRecord.objects.values()))
    written = tables + logged
    assert token[:40] not in written
    assert row.access_key_id in written


def test_each_of_the_two_refuses_the_other_s_roles(broker: Broker) -> None:
    """The broker's role is not posted, the posted role is not brokered; both are opened by their own road."""
    visitor = Visitor(broker.person)
    form = {"csrfmiddlewaretoken": visitor.csrf}
    posted = visitor.client.post(f"/roles/{NEAR}/Direct/console", form, secure=True)
    brokered = opened_by_click(visitor, NEAR, "Posted")
    for answer in (posted, brokered):
        assert answer.status_code == 403
        assert "another-road" in answer.content.decode()
    assert visitor.client.post(f"/roles/{NEAR}/Posted/console", form, secure=True).status_code == 200
    assert opened_by_click(visitor, NEAR, "Direct").status_code == 303


def test_the_roles_page_leads_every_role_by_its_road(broker: Broker) -> None:
    """Forms of brokered roles go to the broker, and the page's policy lets them be led on to AWS."""
    answer = Visitor(broker.person).client.get("/", secure=True)
    page = answer.content.decode()
    for account, role, end in (
        (NEAR, "Direct", "broker"),
        (NEAR, "Posted", "console"),
        (FAR, "Chained", "broker"),
    ):
        assert f'action="/roles/{account}/{role}/{end}"' in page
    assert f"form-action 'self' {broker.aws.url}" in answer["Content-Security-Policy"]


def test_a_console_that_aws_does_not_open_is_told_and_recorded(broker: Broker) -> None:
    """A destination that is no console opens nothing and hands nothing out; one that is opens it there."""
    visitor = Visitor(broker.person)
    answer = opened_by_click(visitor, NEAR, "Direct", to="https://evil.example/")
    assert (answer.status_code, "malformed-destination" in answer.content.decode()) == (400, True)
    assert not AccessSession.objects.exists()
    answer = opened_by_click(visitor, NEAR, "Direct", to=f"{broker.aws.url}/console/ec2")
    assert (answer.status_code, "Destination=" in answer["Location"]) == (303, True)


def test_the_session_ended_page_is_open_to_everybody(broker: Broker) -> None:
    """Whoever AWS leads back has often no sign-in any more: the page says what happened and shows the way."""
    answer = Client(HTTP_HOST=HOST).get("/session-ended/", secure=True)
    assert answer.status_code == 200
    assert "Your AWS session has ended" in answer.content.decode()
    assert not re.search(r"<script(?! src)", answer.content.decode())
    del broker


def test_narrowing_holds_in_aws(broker: Broker) -> None:
    """One region, one address, reading only: what was given up is refused by AWS, what was kept works."""
    whole = client_of(take(broker.person, NEAR, "Direct"), broker, "iam")
    whole.list_roles(MaxItems=1)
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    narrow = client_of(take(broker.person, NEAR, "Direct", Narrowing(read_only=True)), broker, "iam")
    narrow.list_roles(MaxItems=1)
    elsewhere = client_of(
        take(broker.person, NEAR, "Direct", Narrowing(address="192.0.2.7/32")), broker, "iam"
    )
    for refused in (narrow, elsewhere):
        with pytest.raises(ClientError) as caught:
            refused.put_role_policy(RoleName="Direct", PolicyName="x", PolicyDocument=document)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError):
        elsewhere.list_roles(MaxItems=1)
    for row in AccessSession.objects.all():
        given = AuditRecord.objects.get(event="person:credentials:issued", details__access=str(row.pk))
        assert row.packed_percent is not None
        assert given.details["packed_percent"] == row.packed_percent
        assert 0 < row.packed_percent <= 100
    page = Visitor(broker.person).client.get("/sessions/", secure=True).content.decode()
    for percent in AccessSession.objects.values_list("packed_percent", flat=True):
        assert f"{percent} % of AWS" in page
    here = client_of(take(broker.person, NEAR, "Direct", Narrowing(address="127.0.0.0/8")), broker, "iam")
    here.list_roles(MaxItems=1)
    assert MappingVersion.current()


def test_a_partition_that_is_off_gives_nothing_on_any_road(broker: Broker, settings: Settings) -> None:
    """Its roles are refused by name to whoever has them, as not granted to others; on again they are given."""
    settings.DRAWBRIDGE_PARTITIONS = ("aws-us-gov",)
    forget_everything()
    for account, role in ((NEAR, "Direct"), (NEAR, "Posted"), (FAR, "Chained"), (HOME, "Lookers")):
        with pytest.raises(PartitionOff):
            take(broker.person, account, role)
        with pytest.raises(RoleNotGranted):
            take(broker.stranger, account, role)
    assert not AccessSession.objects.exists()
    settings.DRAWBRIDGE_PARTITIONS = ("aws",)
    forget_everything()
    assert take(broker.person, NEAR, "Direct").credentials.access_key_id


@pytest.mark.attack("AW-05")
def test_a_hub_that_is_not_allowed_any_more_is_never_taken(broker: Broker, settings: Settings) -> None:
    """What is saved already is refused at the click, before AWS is asked; other roads go on, and a named hub does."""
    settings.DRAWBRIDGE_HUBS = (f"{HUB}2", NEAR)
    forget_everything()
    broker.aws.new_log_lines()
    with pytest.raises(HubNotAllowed):
        take(broker.person, FAR, "Chained")
    with pytest.raises(RoleNotGranted):
        take(broker.stranger, FAR, "Chained")
    assert broker.aws.new_log_lines() == []
    assert not AccessSession.objects.exists()
    assert AuditRecord.objects.filter(reason="hub-not-allowed").count() == 1
    assert take(broker.person, NEAR, "Direct").credentials.access_key_id
    settings.DRAWBRIDGE_HUBS = (HUB,)
    forget_everything()
    assert take(broker.person, FAR, "Chained").credentials.access_key_id


def test_the_doctor_says_who_the_broker_is_and_whether_the_settings_agree(
    broker: Broker, settings: Settings
) -> None:
    """Well by name; told what to do where it is a session or not against the settings, or nobody at all."""
    (well,) = broker_findings(bridge_config())
    assert (well.is_well, well.remark) == (True, f"arn:aws:iam::{HOME}:user/broker")
    settings.DRAWBRIDGE_BROKER_IS_ROLE = True
    forget_everything()
    _, ill = broker_findings(bridge_config())
    assert "DRAWBRIDGE_BROKER_IS_ROLE=false" in ill.advice
    settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID = "AKIA" + "A" * 16
    forget_everything()
    (unknown,) = broker_findings(bridge_config())
    assert not unknown.is_well
    del broker


@pytest.mark.attack("AW-05")
def test_what_an_account_is_told_to_trust_fits_each_road(broker: Broker) -> None:
    """Our provider; the broker by this account's ExternalId; by way of a hub, that hub; a federation token: none."""
    near = {
        role["arn"].rpartition("/")[2]: role["trust_policy"]
        for role in as_data(account_setup(account=NEAR))["roles"]
    }
    assert "Federated" in near["Posted"]["Statement"][0]["Principal"]
    (direct,) = near["Direct"]["Statement"]
    assert direct["Principal"] == {"AWS": f"arn:aws:iam::{HOME}:user/broker"}
    assert direct["Condition"] == {"StringEquals": {"sts:ExternalId": broker.external_ids[NEAR]}}
    assert direct["Action"] == ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    ((chained,),) = (
        role["trust_policy"]["Statement"] for role in as_data(account_setup(account=FAR))["roles"]
    )
    assert chained["Principal"] == {"AWS": f"arn:aws:iam::{HOME}:role/Hub"}
    assert chained["Condition"]["StringEquals"]["sts:ExternalId"] == broker.external_ids[FAR]
    with pytest.raises(NotFound):
        account_setup(account=HOME)


@pytest.mark.parametrize(
    ("userid", "lives"), [(f"{HOME}:jane@example.test", False), (f"{HOME}:somebody", True)]
)
def test_a_denial_on_the_broker_s_user_ends_what_a_federation_token_opened(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    userid: str,
    lives: bool,  # noqa: FBT001 - a case
) -> None:
    """The policy that the handbook gives, by hand: that one person is out, and the user's own key goes on."""
    condition = {
        "DateLessThan": {"aws:TokenIssueTime": "2999-01-01T00:00:00Z"},
        "StringEquals": {"aws:userid": [userid]},
    }
    denial = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    may = allow(
        "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:GetFederationToken", "iam:*"
    )
    ended = {"Version": "2012-10-17", "Statement": [denial]}
    users = [user(BROKER, "broker", policies={"may": may, "ended": ended})]
    with broker_at(company, settings, monkeypatch, str(tmp_path / "keys"), users=users) as broker:
        assert broker.person.session_name == "jane@example.test"
        address = opened_by_click(Visitor(broker.person), HOME, "Lookers")["Location"]
        with requests.Session() as browser:
            login = browser.get(address, timeout=20, allow_redirects=False)
            console = browser.get(
                urljoin(address, login.headers["Location"]), timeout=20, allow_redirects=False
            )
        assert ("federated-user/jane@example.test" in console.text) is lives
        assert console.headers.get("Location", "").endswith("/session-ended/") is not lives
        assert take(broker.person, NEAR, "Direct"), "by the user's own key"
