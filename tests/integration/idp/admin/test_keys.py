"""The page of the signing key: where a rollover stands, and confirming who has the next certificate."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idp.domain.events import AuditEvent
from idp.models import KeyConfirmation
from idp.services.keys import make_signing_key
from tests.integration.idp.admin.forms import last_record
from tests.providers import ENTITY_ID, a_row

pytestmark = pytest.mark.django_db
PAGE = "admin:idp_keyconfirmation_changelist"


def test_confirming_on_the_page(admin: Client, key_dir: Path) -> None:
    """Each stage says what comes next; the marked ones are confirmed and on record; a stranger's name is refused."""
    a_row()
    make_signing_key(now=timezone.now())
    assert key_dir.exists()
    assert "key_rollover publish" in admin.get(reverse(PAGE), secure=True).content.decode()
    make_signing_key(now=timezone.now())
    page = admin.get(reverse(PAGE), secure=True).content.decode()
    assert f'value="{ENTITY_ID}"' in page
    answer = admin.post(reverse(PAGE), {"party": [ENTITY_ID]}, secure=True, follow=True)
    assert "1 confirmed" in answer.content.decode()
    assert KeyConfirmation.objects.get().confirmed_by == "root.two"
    assert last_record().event == AuditEvent.SIGNING_KEY_CONFIRMED
    answer = admin.post(reverse(PAGE), {"party": ["https://evil.example.test"]}, secure=True, follow=True)
    assert "no AWS account and no service provider" in answer.content.decode()
    assert KeyConfirmation.objects.count() == 1


def test_the_page_is_for_staff(stranger: Client) -> None:
    """Nobody else sees it or confirms anything."""
    for answer in (stranger.get(reverse(PAGE), secure=True), stranger.post(reverse(PAGE), {}, secure=True)):
        assert answer.status_code in {302, 403}
