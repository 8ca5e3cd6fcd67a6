"""Nothing that a signed-in person is shown stays in a browser, a proxy or a disk cache."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings as site_settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from idp.models.session import SessionStore
from tests.integration.idp.services.accesses import a_person
from tests.servers.site import ROOT

HOST = "idp.example.test"
PARTS = {
    "account": "111122223333", "role": "ReadOnly", "object_id": "1", "app_label": "idp", "content_type_id": "1",
    "url": "x", "pk": "1", "name": "switch", "number": "0f8fad5b-d9cb-469f-a165-70867728950e",
}  # fmt: skip


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """Every address of the site, its variable parts filled in."""
    for pattern in patterns:
        route = getattr(pattern.pattern, "_route", None)
        if route is None:
            # Django's admin ends with a pattern that takes whatever is left.
            route = "no-such-page"
        for name, value in PARTS.items():
            route = re.sub(rf"<(?:[a-z]+:)?{name}>", value, route)
        assert "<" not in route, f"{route} has a part that this test does not know"
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix + route)
        else:
            yield prefix + route


@pytest.fixture(autouse=True)
def static_files_in_place(settings: Settings) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")


@pytest.mark.attack("CR-05")
@pytest.mark.django_db
@pytest.mark.parametrize("is_staff", [False, True])
def test_every_answer_to_a_signed_in_person_is_no_store(is_staff: bool) -> None:  # noqa: FBT001 - a table
    """Every address of the site, asked by GET and POST, with and without a right to it, says `no-store`."""
    client = Client(HTTP_HOST=HOST, raise_request_exception=False)
    person = a_person(now=datetime.now(UTC))
    person.is_staff = is_staff
    person.save()
    visited = list(addresses(get_resolver().url_patterns))
    assert {"/", "/sessions/", "/roles/111122223333/ReadOnly/credentials", "/admin/"} <= set(visited)
    for address in [*visited, "/no/such/page"]:
        for method in (client.get, client.post):
            session = SessionStore()
            session.sign_in(person, browser="test", address="192.0.2.7", now=datetime.now(UTC))
            client.cookies[site_settings.SESSION_COOKIE_NAME] = session.session_key or ""
            answer = method(address, secure=True)
            caching = answer.headers.get("Cache-Control", "")
            public = address.startswith(("/saml/metadata",)) and answer.status_code == 200
            assert public or "no-store" in caching, (address, answer.status_code, caching)


@pytest.mark.attack("CR-05")
@pytest.mark.django_db
def test_what_is_the_same_for_everybody_may_be_kept() -> None:
    """The twin: the stylesheet, which says nothing of anybody, is not forbidden to be stored."""
    answer = Client(HTTP_HOST=HOST).get("/static/portal/site.css", secure=True)
    assert answer.status_code == 200
    assert "no-store" not in answer.headers.get("Cache-Control", "")
    answer.close()
