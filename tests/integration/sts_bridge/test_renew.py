"""Renewal: new credentials without the password while the sign-in lives and the role is still given; else nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from idp.domain.aws.narrowing import Narrowing
from idp.domain.errors import NotFound, Refused, RoleNotGranted
from idp.models import AccessSession, AuditRecord, RoleEnding, Rule, SiteSession, User
from idp.services.endings import AccessEnds, demand_endings, end_role_sessions
from idp.services.renewals import RenewalRefused
from idp.web.identifiers import new_ids
from sts_bridge.services.issue_credentials import IssuedCredentials
from sts_bridge.services.renew import renew
from tests.integration.idp.services.doors import person_who_enters
from tests.integration.sts_bridge.broker_world import NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, take, who_is
from tests.integration.sts_bridge.test_credentials_page import Visitor
from tests.servers.site import ROOT
from tests.servers.slapd import Newcomers

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


@pytest.mark.attack("LD-08")
def test_who_is_switched_off_in_the_directory_renews_nothing(broker: Broker, newcomers: Newcomers) -> None:
    """The directory is asked anew: from the moment the account is off nothing is issued, and the sign-in is over."""
    dn = newcomers.person("ada")
    newcomers.change(f"cn=BRK-{NEAR}-Direct,ou=groups,{newcomers.slapd.base}", f"add: member\nmember: {dn}")
    ada = person_who_enters("ada")
    first = take(ada, NEAR, "Direct")
    assert who_is(again(ada, first), broker) == who_is(first, broker)
    visitor = Visitor(ada)
    path, form = f"/sessions/{first.access_number}/renew", {"csrfmiddlewaretoken": visitor.csrf}
    assert visitor.client.post(path, form, secure=True).status_code == 200
    newcomers.disable(dn)
    before = AccessSession.objects.count()
    assert visitor.client.post(path, form, secure=True).status_code in {302, 403}
    with pytest.raises(Refused):
        again(ada, first)
    assert visitor.client.post(path, form, secure=True).status_code in {302, 403}
    assert AccessSession.objects.count() == before


def test_a_session_that_was_ended_elsewhere_renews_nothing(broker: Broker) -> None:
    """Killed by an administrator or from another browser: the cookie is worth nothing, and so is the button."""
    first = take(broker.person, NEAR, "Direct")
    path = f"/sessions/{first.access_number}/renew"
    visitor, twin = Visitor(broker.person), Visitor(broker.person)
    SiteSession.objects.filter(user=broker.person).earliest("signed_in_at").delete()
    form = {"csrfmiddlewaretoken": visitor.csrf}
    before = AccessSession.objects.count()
    assert visitor.client.post(path, form, secure=True).status_code in {302, 403}
    assert AccessSession.objects.count() == before
    assert twin.client.post(path, {"csrfmiddlewaretoken": twin.csrf}, secure=True).status_code == 200


def test_a_rule_that_denies_or_is_switched_off_renews_nothing(broker: Broker) -> None:
    """The group is still there: a denial, and a rule that gives no more, count from the next click on."""
    first = take(broker.person, NEAR, "Direct")
    rule = Rule.objects.get()
    for change in ({"effect": "deny"}, {"enabled": False}, {"ends_at": datetime.now(UTC)}):
        before = {name: getattr(rule, name) for name in change}
        for values, given in ((change, False), (before, True)):
            for name, value in values.items():
                setattr(rule, name, value)
            rule.save()
            if given:
                assert again(broker.person, first)
            else:
                with pytest.raises(RoleNotGranted):
                    again(broker.person, first)


def test_what_was_ended_for_everybody_in_the_role_is_not_renewed_by_what_would_be_dead(
    broker: Broker,
) -> None:
    """While the role's moment is to come nothing of it leaves, by renewal as by every road; afterwards it does."""
    first = take(broker.person, NEAR, "Direct")
    direct = f"arn:aws:iam::{NEAR}:role/Direct"
    end_role_sessions(direct, reason="administrator", now=datetime.now(UTC), asked_by="maria")
    with pytest.raises(AccessEnds):
        again(broker.person, first)
    RoleEnding.objects.update(denied_before=datetime.now(UTC) - timedelta(minutes=1))
    assert again(broker.person, first)
