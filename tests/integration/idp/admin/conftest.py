"""Browsers for the tests of the admin."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from deploy.demo.slapd import Slapd
from idp.services.admission import Door
from idp.services.break_glass import create_local_administrator
from tests.integration.idp.services.doors import enter
from tests.integration.idp.services.mappings import document, take_over

PASSWORD = "correct horse battery staple"


@pytest.fixture
def stranger(company: Slapd, tmp_path: Path) -> Iterator[Client]:
    """A browser in which nobody is signed in; static files are looked for in a folder that exists."""
    assert company
    with override_settings(STATIC_ROOT=str(tmp_path)):
        yield Client(headers={"host": "idp.example.test"})


@pytest.fixture
def admin(stranger: Client) -> Client:
    """A browser in which a local administrator is signed in, over two roles and no rule."""
    take_over(document())
    create_local_administrator(name="root.two", password=PASSWORD, now=timezone.now())
    session = enter("root.two", PASSWORD, door=Door.ADMIN)
    stranger.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    return stranger
