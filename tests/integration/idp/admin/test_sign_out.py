"""Signing out of the admin: the same road as from every other page."""

from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idp.domain.saml_names import Binding
from idp.domain.service_provider import LogoutEndpoint
from idp.models import LogoutRun, ServiceSession, SiteSession, User
from idp.models.session import hash_key
from tests.integration.idp.admin.forms import last_record
from tests.pages import Page
from tests.providers import ACS, ENTITY_ID, a_row, certificate_text_of

pytestmark = pytest.mark.django_db


@pytest.mark.attack("LO-02")
@pytest.mark.attack("WB-03")
@pytest.mark.parametrize("name", ["sign-out", "admin:logout"])
def test_services_are_told(name: str, admin: Client) -> None:
    """The session ends here, and a logout is under way at the service that knows it; a link alone ends nothing."""
    a_row(
        logout=(LogoutEndpoint(f"{ACS}/out", Binding.HTTP_REDIRECT),),
        signing_certificates=(certificate_text_of("wiki"),),
    )
    known = hash_key(admin.cookies[settings.SESSION_COOKIE_NAME].value)
    person, now = User.objects.get(site_sessions__pk=known), timezone.now()
    ServiceSession.objects.create(
        session_hash=known, user=person, entity_id=ENTITY_ID, name_id="_n", session_index="_i",
        issued_at=now, expires_at=now.replace(year=now.year + 1),
    )  # fmt: skip
    page = admin.get(reverse("admin:index"), secure=True)
    assert Page.read(page.content.decode()).form(reverse("sign-out")).method == "post"
    assert admin.get(reverse(name), secure=True).status_code == 405
    assert SiteSession.objects.filter(pk=known).exists()

    answer = admin.post(reverse(name), secure=True)

    assert urlsplit(answer.headers["Location"]).path == reverse("saml-logout-go-on")
    [run] = LogoutRun.objects.all()
    assert [(step["entity_id"], step["state"]) for step in run.steps] == [(ENTITY_ID, "waiting")]
    assert not SiteSession.objects.filter(pk=known).exists()
    assert last_record().event == "person:sign-in:signed-out"
    assert admin.get(reverse("admin:index"), secure=True).status_code == 302


def test_where_no_service_knows_the_session_the_form_says_what_stays(admin: Client) -> None:
    """The sign-in form tells that consoles and credentials stay valid."""
    answer = admin.post(reverse("sign-out"), secure=True, follow=True)
    assert "You are signed out here. Consoles and credentials" in answer.content.decode()
    assert not LogoutRun.objects.exists()
