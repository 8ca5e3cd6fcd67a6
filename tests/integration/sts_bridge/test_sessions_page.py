"""What the sessions page offers: only what may succeed at that moment, and the moment from which the rest may."""

from datetime import timedelta
from typing import Any

import pytest

from idp.domain.events import AuditEvent
from idp.models import AccessSession, AuditRecord, EndingDue, RoleEnding
from idp.services.endings import AccessEnds, demand_endings, end_role_sessions
from tests.integration.sts_bridge.broker_world import ENDER, HOME, NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import ORIGIN, take
from tests.integration.sts_bridge.test_credentials_page import Visitor
from tests.integration.sts_bridge.test_end_sessions import DIRECT, posted_statement, right_now
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

PAST = timedelta(seconds=5)
POSTED = f"arn:aws:iam::{NEAR}:role/Posted"


@pytest.fixture(autouse=True)
def may_end(settings: Any) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")
    settings.DRAWBRIDGE_ENDER_ROLE = ENDER


def page_of(broker: Broker) -> str:
    return Visitor(broker.person).client.get("/sessions/", secure=True).content.decode()


@pytest.mark.parametrize("of_whole_role", [False, True])
def test_what_would_be_dead_on_arrival_is_renewed_from_the_moment_on_that_it_lives(
    broker: Broker,
    of_whole_role: bool,  # noqa: FBT001 - a case
) -> None:
    """Refused as it would end at once: no button, but the moment; past that the button, and it gives credentials."""
    take(broker.person, NEAR, "Direct")
    other = take(broker.person, NEAR, "Posted")
    if of_whole_role:
        end_role_sessions(DIRECT, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    else:
        demand_endings(broker.person, reason="x", now=right_now(), roles=[DIRECT])
    with pytest.raises(AccessEnds):
        take(broker.person, NEAR, "Direct")
    refused = AccessSession.objects.get(role_arn=DIRECT, access_key_id="")
    denied = RoleEnding.objects.get() if of_whole_role else EndingDue.objects.get()
    assert denied.denied_before is not None
    button, told = f'action="/sessions/{refused.pk}/renew"', f"{denied.denied_before:%H:%M:%S} UTC"
    page = page_of(broker)
    assert button not in page
    assert "may be renewed from" in page
    assert told in page
    assert f'action="/sessions/{other.access_number}/renew"' in page, (
        "another role's is renewed all the while"
    )
    type(denied).objects.update(denied_before=right_now() - PAST)
    page = page_of(broker)
    assert button in page
    assert "may be renewed from" not in page
    visitor = Visitor(broker.person)
    answer = visitor.client.post(
        f"/sessions/{refused.pk}/renew", {"csrfmiddlewaretoken": visitor.csrf}, secure=True
    )
    assert answer.status_code == 200


def test_what_cannot_be_ended_says_so_instead_of_offering_it(broker: Broker) -> None:
    """A federation token: no button, but the word; a role's session beside it has the button."""
    looker, direct = take(broker.person, HOME, "Lookers"), take(broker.person, NEAR, "Direct")
    page = page_of(broker)
    assert f"/sessions/{looker.access_number}/end" not in page
    assert f'action="/sessions/{direct.access_number}/end"' in page
    assert page.count("cannot be ended before its time") == 1


@pytest.mark.parametrize("of_whole_role", [False, True])
def test_a_console_by_posted_statement_is_refused_while_it_would_end_at_once(
    broker: Broker,
    of_whole_role: bool,  # noqa: FBT001 - a case
) -> None:
    """No statement leaves, the refusal is on record and says when; for another role, or later, one does."""
    posted_statement(broker)
    if of_whole_role:
        end_role_sessions(POSTED, reason="administrator", now=right_now(), asked_by="maria", origin=ORIGIN)
    else:
        demand_endings(broker.person, reason="x", now=right_now(), roles=[POSTED])
    denied = RoleEnding.objects.get() if of_whole_role else EndingDue.objects.get()
    assert denied.denied_before is not None
    accesses = AccessSession.objects.count()
    visitor = Visitor(broker.person)
    answer = visitor.client.post(
        f"/roles/{NEAR}/Posted/console", {"csrfmiddlewaretoken": visitor.csrf}, secure=True
    )
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "SAMLResponse" not in page
    assert f"Please try again after {denied.denied_before:%H:%M:%S} UTC." in page
    assert AccessSession.objects.count() == accesses
    refused = AuditRecord.objects.get(event=AuditEvent.ASSERTION_REFUSED)
    assert (refused.reason, refused.person) == ("access-ends", broker.person.username)
    assert AuditRecord.objects.filter(event=AuditEvent.ASSERTION_ISSUED).count() == 1
    type(denied).objects.update(role_arn=DIRECT)
    assert posted_statement(broker), "another role ends"
    type(denied).objects.update(role_arn=POSTED, state="impossible")
    assert posted_statement(broker), "nothing is denied"
    type(denied).objects.update(state="denied", denied_before=right_now() - PAST)
    assert posted_statement(broker), "what AWS gives now is younger than what is denied"
