"""A company person and a role in, credentials of a real local AWS out; and every way in which there are none."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from django.db import DatabaseError, connection

from idp.domain.aws.narrowing import Narrowing
from idp.domain.errors import Refused, RoleNotGranted, Unavailable
from idp.domain.origin import Origin
from idp.models import AccessSession, AuditRecord, User
from idp.web.identifiers import new_ids
from sts_bridge.domain.errors import AwsUnavailable, RoleDoesNotTrustUs, SessionTooLong, StatementNotAccepted
from sts_bridge.services.issue_credentials import IssuedCredentials, issue_credentials
from tests.integration.sts_bridge.world import ACCOUNT, Bridge

pytestmark = pytest.mark.django_db

ORIGIN = Origin(address="192.0.2.7", reference="ABCDEFGHIJKL")


def take(
    person: User, role: str, *, duration: timedelta | None = None, later: float = 0
) -> IssuedCredentials:
    now = datetime.now(UTC) + timedelta(seconds=later)
    return issue_credentials(
        person=person,
        account=ACCOUNT,
        role_name=role,
        narrowing=Narrowing(duration=duration),
        origin=ORIGIN,
        signed_in_at=now - timedelta(minutes=1),
        now=now,
        ids=new_ids(),
    )


def who_is(issued: IssuedCredentials, bridge: Bridge) -> str:
    """The ARN that an unmodified boto3 gets for these credentials."""
    client = boto3.session.Session(
        aws_access_key_id=issued.credentials.access_key_id,
        aws_secret_access_key=issued.credentials.secret_access_key.reveal(),
        aws_session_token=issued.credentials.session_token.reveal(),
        region_name="eu-central-1",
    ).client("sts", endpoint_url=bridge.aws.url)
    arn: str = client.get_caller_identity()["Arn"]
    return arn


@pytest.mark.parametrize("role", ["ReadOnly", "Operator"])
def test_credentials_work_and_are_recorded_with_the_end_that_sts_gave(bridge: Bridge, role: str) -> None:
    """boto3 is who it should be; the access is active until STS's end, and the audit says who took what."""
    issued = take(bridge.person, role)
    assert (
        who_is(issued, bridge) == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{bridge.person.session_name}"
    )
    row = AccessSession.objects.get()
    assert (row.kind, row.state, row.user) == ("credentials", "active", bridge.person)
    assert row.ends_at == issued.credentials.expires_at
    longest = timedelta(hours=2) if role == "ReadOnly" else timedelta(hours=1)
    assert abs(row.ends_at - row.started_at - longest) < timedelta(seconds=5)
    assert row.access_key_id == issued.credentials.access_key_id
    statement, credentials = AuditRecord.objects.filter(event__startswith="person:").order_by("pk")
    assert (statement.event, credentials.event) == ("person:assertion:issued", "person:credentials:issued")
    assert credentials.details["access"] == statement.details["access"] == str(row.pk)
    assert credentials.role_arn == row.role_arn == str(issued.entitlement.role.arn)
    assert credentials.reference == ORIGIN.reference


def test_a_shorter_wish_is_granted(bridge: Bridge) -> None:
    """Who asks for a quarter of an hour gets that."""
    issued = take(bridge.person, "ReadOnly", duration=timedelta(minutes=15))
    left = issued.credentials.expires_at - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


def refused_and_recorded(
    bridge: Bridge, role: str, kind: type[Refused | Unavailable], **options: float
) -> None:
    """The refusal is of this kind; nothing is held, and the audit tells why in one row."""
    with pytest.raises((Refused, Unavailable)) as caught:
        take(bridge.person, role, **options)  # type: ignore[arg-type] # `later` is the only one
    assert type(caught.value) is kind
    row = AccessSession.objects.get()
    assert (row.state, row.ended_at, row.access_key_id) == ("ended", row.ends_at, "")
    assert row.ends_at <= datetime.now(UTC) + timedelta(seconds=abs(options.get("later", 0)))
    (event,) = AuditRecord.objects.filter(event="person:credentials:refused")
    assert event.reason == caught.value.code
    assert event.details["cause"] == caught.value.cause[:300]
    assert not AuditRecord.objects.filter(event="person:credentials:issued").exists()


def test_a_role_that_is_missing_in_aws_is_refused_by_aws(bridge: Bridge) -> None:
    """What the rules give and AWS does not have is a refusal with AWS's reason; the next role works."""
    refused_and_recorded(bridge, "NotInAws", RoleDoesNotTrustUs)
    assert take(bridge.person, "Operator").credentials.access_key_id


def test_a_session_longer_than_the_role_in_aws_is_refused_by_aws(bridge: Bridge) -> None:
    """A role registered longer than in AWS says so; asked for what AWS allows, it works."""
    refused_and_recorded(bridge, "TooLong", SessionTooLong)
    assert take(bridge.person, "TooLong", duration=timedelta(hours=1)).credentials.access_key_id


def test_a_clock_that_is_wrong_is_refused_by_aws(bridge: Bridge) -> None:
    """A statement from a clock ten minutes ahead is refused; one from now is taken."""
    refused_and_recorded(bridge, "Operator", StatementNotAccepted, later=600)
    assert take(bridge.person, "Operator").credentials.access_key_id


@pytest.mark.fault(14)
def test_an_sts_that_is_down_leaves_nothing_held(bridge: Bridge) -> None:
    """With STS down the person is told to come again, and the access is over on record."""
    bridge.aws.stop()
    refused_and_recorded(bridge, "Operator", AwsUnavailable)


def test_whoever_has_no_role_never_gets_to_sts(bridge: Bridge) -> None:
    """No rule, no statement: STS hears nothing; nothing is held."""
    bridge.aws.new_log_lines()
    with pytest.raises(RoleNotGranted):
        take(bridge.stranger, "Operator")
    assert bridge.aws.new_log_lines() == []
    assert not AccessSession.objects.exists()
    take(bridge.person, "Operator")
    assert len(bridge.aws.new_log_lines()) == 1


@pytest.mark.fault(9)
@pytest.mark.django_db(transaction=True)
def test_credentials_that_cannot_be_recorded_do_not_leave(bridge: Bridge) -> None:
    """Where the audit of the credentials cannot be written, nobody gets them, whatever STS said."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE idp_auditrecord ADD CONSTRAINT no_credentials"
            " CHECK (event <> 'person:credentials:issued') NOT VALID"
        )
    try:
        with pytest.raises(DatabaseError):
            take(bridge.person, "Operator")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE idp_auditrecord DROP CONSTRAINT no_credentials")
    row = AccessSession.objects.get()
    assert (row.state, row.access_key_id) == ("offered", "")
    assert take(bridge.person, "Operator").credentials.access_key_id


@pytest.mark.attack("CR-04")
def test_no_secret_is_in_the_log_or_the_tables(bridge: Bridge, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG neither log nor tables hold a secret or a statement; the tables name the key."""
    caplog.set_level("DEBUG")
    issued = take(bridge.person, "ReadOnly")
    with pytest.raises(RoleDoesNotTrustUs):
        take(bridge.person, "NotInAws")
    tables = str(list(AccessSession.objects.values())) + str(list(AuditRecord.objects.values()))
    written = tables + caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    for secret in (issued.credentials.secret_access_key, issued.credentials.session_token):
        assert secret.reveal() not in written
    assert "PHNhbWxwOlJlc3BvbnNl" not in written
    assert "credentials.refused" in caplog.text
    assert issued.credentials.access_key_id in tables
