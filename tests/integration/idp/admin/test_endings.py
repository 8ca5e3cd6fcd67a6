"""Administrators end what people hold: by access, by person, by role; each asked for once and on record."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from idp.models import (
    AccessSession,
    AuditRecord,
    EndingDue,
    Role,
    RoleEnding,
    RoleRoom,
    SiteSession,
    User,
)
from idp.models.session import SessionStore
from tests.integration.idp.services.accesses import a_person, an_access
from tests.integration.idp.services.mappings import READ

pytestmark = pytest.mark.django_db


def act(admin: Client, table: str, action: str, *keys: object) -> str:
    """What the page tells after the action on these rows."""
    form = {"action": action, "_selected_action": [str(key) for key in keys]}
    answer = admin.post(f"/admin/idp/{table}/", form, secure=True, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_chosen_accesses_end_with_all_of_that_person_in_that_role(admin: Client) -> None:
    """Both sessions of the person in the role, not another person's; asked again, nothing is new."""
    now = datetime.now(UTC)
    jane, joe = a_person(now=now), a_person("joe", now=now)
    first, _, _ = (an_access(who, ends_at=now + timedelta(hours=1)) for who in (jane, jane, joe))
    assert "2 accesses are being ended" in act(admin, "accesssession", "end_chosen", first.pk)
    assert {row.access.user_id for row in EndingDue.objects.select_related("access")} == {jane.pk}
    row = EndingDue.objects.first()
    assert row is not None
    assert (row.reason, row.state) == ("administrator", "due")
    assert row.asked_by.endswith("root.two")
    assert "0 accesses are being ended" in act(admin, "accesssession", "end_chosen", first.pk)
    assert AuditRecord.objects.filter(event="access:session:ending-due", address="127.0.0.1").count() == 2


def test_a_person_is_signed_in_nowhere_and_everything_ends(admin: Client) -> None:
    """What is over already is left alone."""
    now = datetime.now(UTC)
    jane = a_person(now=now)
    an_access(jane, ends_at=now + timedelta(hours=1))
    an_access(jane, ends_at=now - timedelta(hours=1))
    session = SessionStore()
    session.create()
    session.sign_in(jane, browser="test", address="192.0.2.7", now=now)
    assert "1 accesses are being ended" in act(admin, "user", "end_everything", jane.pk)
    assert not SiteSession.objects.filter(user=jane).exists()
    assert AccessSession.objects.filter(ending_due__isnull=False).count() == 1


def test_a_whole_role_is_asked_to_end(admin: Client) -> None:
    """The role's every session is due to end, and the list of roles to end shows it."""
    role = Role.objects.get(name="ReadOnly")
    assert "The sessions are being ended" in act(admin, "role", "end_every_session", role.pk)
    row = RoleEnding.objects.get()
    assert (row.role_arn, row.state, row.reason) == (READ, "due", "administrator")
    assert READ in admin.get("/admin/idp/roleending/", secure=True).content.decode()


def test_what_cannot_be_ended_is_told_before_and_after(admin: Client) -> None:
    """Of the road federation: the list says no beside it, and the action does not claim to end it; others: yes."""
    now, warning = datetime.now(UTC), "cannot be ended before their time"
    jane = a_person(now=now)
    direct, looker = (an_access(jane, ends_at=now + timedelta(hours=1)) for _ in range(2))
    AccessSession.objects.filter(pk=looker.pk).update(road="federation", role_arn=f"{direct.role_arn}2")
    page = admin.get("/admin/idp/accesssession/", secure=True).content.decode()
    for shown in ("icon-yes", "icon-no"):
        assert page.count(shown) == 1
    assert warning in act(admin, "accesssession", "end_chosen", looker.pk)
    assert warning not in act(admin, "accesssession", "end_chosen", direct.pk)
    role, claim = Role.objects.get(name="ReadOnly"), "The sessions are being ended"
    page = act(admin, "role", "end_every_session", role.pk)
    assert (claim in page, warning in page) == (True, False)
    Role.objects.filter(pk=role.pk).update(road="federation")
    page = act(admin, "role", "end_every_session", role.pk)
    assert (claim in page, warning in page) == (False, True)


def test_the_lists_show_how_far_it_is(admin: Client) -> None:
    """State, tries and moments stand in the list of accesses to end."""
    now = datetime.now(UTC)
    access = an_access(a_person(now=now), ends_at=now + timedelta(hours=1))
    act(admin, "accesssession", "end_chosen", access.pk)
    page = admin.get("/admin/idp/endingdue/", secure=True).content.decode()
    assert ">due<" in page
    assert admin.get(f"/admin/idp/endingdue/{access.pk}/change/", secure=True).status_code == 200


ENDS = {
    "accesssession": ("end_chosen", "idp.end_access"),
    "user": ("end_everything", "idp.end_access"),
    "role": ("end_every_session", "idp.end_role_sessions"),
}


def a_row(table: str) -> object:
    now = datetime.now(UTC)
    access = an_access(a_person(now=now), ends_at=now + timedelta(hours=1))
    rows: dict[str, object] = {
        "accesssession": access.pk,
        "user": access.user_id,
        "role": Role.objects.get(name="ReadOnly").pk,
    }
    return rows[table]


@pytest.mark.parametrize("table", ENDS)
def test_ending_is_a_right_of_its_own(admin: Client, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Whoever has every other right is offered no ending; sent all the same, it does nothing. Its twin ends."""
    action, right = ENDS[table]
    key = a_row(table)
    monkeypatch.setattr(User, "has_perm", lambda _self, name, _obj=None: name != right)
    page = admin.get(f"/admin/idp/{table}/", secure=True).content.decode()
    assert f'value="{action}"' not in page
    act(admin, table, action, key)
    assert not EndingDue.objects.exists()
    assert not RoleEnding.objects.exists()
    assert not AuditRecord.objects.filter(event__contains="end").exists()
    monkeypatch.setattr(User, "has_perm", lambda _self, name, _obj=None: name == right or ".view_" in name)
    assert f'value="{action}"' in admin.get(f"/admin/idp/{table}/", secure=True).content.decode()
    act(admin, table, action, key)
    asked = [*EndingDue.objects.all(), *RoleEnding.objects.all()]
    assert {row.asked_by.endswith("root.two") for row in asked} == {True}
    assert AuditRecord.objects.filter(event__contains="end", details__isnull=False).exists()


def test_the_list_of_full_roles_says_how_full_they_are(admin: Client) -> None:
    """Percent of AWS's room, and how much of it is ours."""
    RoleRoom.objects.create(role_arn=READ, percent=91, of_ours_percent=40, seen_at=datetime.now(UTC))
    page = admin.get("/admin/idp/roleroom/", secure=True).content.decode()
    assert READ in page
    assert ">91<" in page
