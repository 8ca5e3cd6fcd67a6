"""Renewal: new credentials without the password while the sign-in lives and the role is still given; else nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from idp.domain.aws.narrowing import Narrowing
from idp.domain.errors import NotFound, Refused, RoleNotGranted
from idp.models import AccessSession, AuditRecord, User
from idp.services.endings import demand_endings
from idp.services.renewals import RenewalRefused
from idp.web.identifiers import new_ids
from sts_bridge.services.issue_credentials import IssuedCredentials
from sts_bridge.services.renew import renew
from tests.integration.sts_bridge.broker_world import NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, take, who_is
from tests.integration.sts_bridge.test_credentials_page import Visitor
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db


def again(
    person: User,
    issued: IssuedCredentials,
    *,
    signed_in: timedelta = timedelta(hours=1),
    later: timedelta = timedelta(),
) -> IssuedCredentials:
    now = datetime.now(UTC) + later
    return renew(
        person=person,
        number=issued.access_number,
        origin=ORIGIN,
        signed_in_at=now - signed_in,
        now=now,
        ids=new_ids(),
    )


def test_a_renewal_gives_the_same_role_no_wider_than_before(broker: Broker) -> None:
    """By either road, narrowed and bounded as it was; the audit ties the new access to the old one."""
    narrowing = Narrowing(timedelta(minutes=30), region="eu-central-1")
    for role in ("Direct", "Posted"):
        first = take(broker.person, NEAR, role, narrowing)
        second = again(broker.person, first)
        assert second.credentials.access_key_id != first.credentials.access_key_id
        assert who_is(second, broker) == who_is(first, broker)
        row = AccessSession.objects.get(pk=second.access_number)
        assert row.narrowing == narrowing.line()
        assert row.ends_at - row.started_at < timedelta(minutes=31)
        event = AuditRecord.objects.get(event="person:access:renewed", role_arn=row.role_arn)
        assert event.details == {"access": str(first.access_number), "renewed_as": str(second.access_number)}


def test_the_moment_the_role_is_taken_away_nothing_is_renewed(broker: Broker) -> None:
    """Out of the group: refused at once, before AWS is asked; what runs is another matter."""
    first = take(broker.person, NEAR, "Direct")
    assert again(broker.person, first)
    broker.leave(f"BRK-{NEAR}-Direct")
    with pytest.raises(RoleNotGranted):
        again(broker.person, first)


def test_what_was_ended_is_never_renewed(broker: Broker) -> None:
    """From the moment somebody asks for the end, whether AWS has denied it yet or not; another access is renewed."""
    first, other = take(broker.person, NEAR, "Direct"), take(broker.person, NEAR, "Posted")
    demand_endings(
        broker.person, reason="x", now=datetime.now(UTC), roles=["arn:aws:iam::111122223333:role/Direct"]
    )
    with pytest.raises(RenewalRefused):
        again(broker.person, first)
    refused = AuditRecord.objects.get(event="person:credentials:refused")
    assert (refused.reason, refused.details["access"]) == ("renewal-refused", str(first.access_number))
    assert again(broker.person, other)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"signed_in": timedelta(hours=12)}, RenewalRefused),
        ({"later": timedelta(hours=29)}, NotFound),
    ],
)
def test_an_old_sign_in_or_an_old_access_needs_a_new_beginning(
    broker: Broker, options: dict[str, timedelta], kind: type[Refused]
) -> None:
    """The policy's span after the sign-in, and a day after the end; within both it is renewed."""
    first = take(broker.person, NEAR, "Direct")
    with pytest.raises(kind):
        again(broker.person, first, **options)
    assert again(broker.person, first, signed_in=timedelta(hours=11, minutes=59))


def test_by_page_and_by_program_and_only_one_s_own(broker: Broker, settings: Settings) -> None:
    """The button shows credentials, a program gets JSON; without the token, signed out, or as another: nothing."""
    settings.STATIC_ROOT = str(ROOT / "static")
    first = take(broker.person, NEAR, "Direct")
    path = f"/sessions/{first.access_number}/renew"
    visitor, stranger = Visitor(broker.person), Visitor(broker.stranger)
    assert f'action="{path}"' in visitor.client.get("/sessions/", secure=True).content.decode()
    form = {"csrfmiddlewaretoken": visitor.csrf}
    answer = visitor.client.post(path, form, secure=True, headers={"accept": "application/json"})
    assert json.loads(answer.content)["AccessKeyId"].startswith("ASIA")
    assert answer["Cache-Control"] == "no-store"
    assert "secret-access-key" in visitor.client.post(path, form, secure=True).content.decode()
    before = AccessSession.objects.count()
    assert visitor.client.post(path, secure=True).status_code == 403
    assert stranger.client.post(path, {"csrfmiddlewaretoken": stranger.csrf}, secure=True).status_code == 404
    visitor.client.post("/sign-out/", form, secure=True)
    assert visitor.client.post(path, form, secure=True).status_code in {302, 403}
    assert AccessSession.objects.count() == before
