"""What has changed between a request's arrival and its answer: it is held against what is registered now."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.postgres import Postgres
from tests.servers.site import Site
from tests.service_provider import (
    POST,
    REDIRECT,
    Key,
    Provider,
    authn_request,
    key,
    provider,
    received,
    register,
    send,
    sign_in_on_page,
)

pytestmark = pytest.mark.attack("RQ-06")
WHO = ("jane", "demo-jane")
CHANGED = "UPDATE idp_serviceprovider SET {columns}, version = version + 1 WHERE entity_id = '{entity_id}'"
REMOVED = "DELETE FROM idp_serviceprovider WHERE entity_id = '{}'"
SEALED = "SELECT raw FROM idp_parkedrequest WHERE key_hash = '{}'"
WRITTEN = "UPDATE idp_parkedrequest SET raw = '{}' WHERE key_hash = '{}'"
NOT_TRUSTED, GONE = "request-not-trusted", "request-gone"


@dataclass(frozen=True)
class Wait:
    """Somebody's browser at the form, and the registration of the service that they came from."""

    browser: HttpBrowser
    service: Provider
    postgres: Postgres
    request_id: str

    def changed(self, columns: str) -> None:
        """The registration is another one from now on."""
        self.sql(CHANGED.format(columns=columns, entity_id=self.service.entity_id))

    def sql(self, statement: str) -> None:
        """The site's own database is told this."""
        self.postgres.query(statement, "shared_site")


numbers = count()


@pytest.fixture(params=[REDIRECT, POST])
def wait(request: pytest.FixtureRequest, site: Site, postgres: Postgres) -> Iterator[Wait]:
    service = provider(f"meanwhile{next(numbers)}")
    register(site, [service])
    browser = HttpBrowser(site.url)
    asked = authn_request(site, service, request.param, AssertionConsumerServiceURL=service.acs)
    page = send(browser, asked, request.param, by=service.key, expect=200)
    assert 'type="password"' in page
    yield Wait(browser, service, postgres, asked.id)
    postgres.query(REMOVED.format(service.entity_id), "shared_site")


def certificates(*keys: Key) -> str:
    """The column with these keys' certificates."""
    return f"signing_certificates = '{json.dumps([one.certificate for one in keys])}'"


REFUSED = {
    "the service is switched off": ("enabled = FALSE", "unknown-service-provider"),
    "its metadata is not believed any longer": (
        "believed_until = now() - interval '1 hour'",
        "unknown-service-provider",
    ),
    "its address is registered no longer": (
        """acs = '[{"location": "https://new.example.test/acs", "index": 0, "is_default": true}]'""",
        NOT_TRUSTED,
    ),
    "its key is another": (certificates(key("another")), NOT_TRUSTED),
}


@pytest.mark.parametrize(("columns", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_registered_no_longer_gets_nothing(columns: str, code: str, wait: Wait) -> None:
    """Nobody signs in for it, and nothing is sent anywhere; once it is as it was, the same request is answered."""
    shown = Page.read(wait.browser.text).password_form
    back = "enabled = TRUE, believed_until = NULL, "
    back += f"acs = '{json.dumps(wait.service.registration()['acs'])}', {certificates(key())}"
    wait.changed(columns)
    typed = {"username": WHO[0], "password": WHO[1], "next": "/"}
    page = wait.browser.post(shown.action, typed, expect=400)
    assert (code in page, "SAMLResponse" in page) == (True, False)
    assert "drawbridge-session" not in wait.browser.cookies
    wait.changed(back)
    assert 'type="password"' in wait.browser.ask("GET", shown.action)


@pytest.mark.parametrize(
    "columns", [certificates(key("another"), key()), "want_signed_requests = FALSE", "name = 'New name'"]
)
def test_what_still_holds_is_answered(columns: str, wait: Wait, site: Site) -> None:
    """A further certificate, or another change beside it, is no reason to ask anybody to begin again."""
    wait.changed(columns)
    got = received(sign_in_on_page(wait.browser, *WHO), site)
    assert (got.statuses, got.root.get("InResponseTo")) == (["Success"], wait.request_id)


def test_a_service_that_must_sign_from_now_on(site: Site, postgres: Postgres) -> None:
    """What came unsigned before that is not answered after it."""
    service = provider(f"meanwhile{next(numbers)}", signs=False)
    register(site, [service])
    browser = HttpBrowser(site.url)
    send(browser, authn_request(site, service, POST), POST, by=None, expect=200)
    place = Page.read(browser.text).password_form.action
    wait = Wait(browser, service, postgres, "")
    wait.changed(f"want_signed_requests = TRUE, {certificates(key())}")
    assert NOT_TRUSTED in browser.ask("GET", place, expect=400)
    wait.changed("want_signed_requests = FALSE")
    assert received(sign_in_on_page_at(browser, place), site).statuses == ["Success"]


def sign_in_on_page_at(browser: HttpBrowser, place: str) -> str:
    """The form at this place is opened and filled in."""
    browser.ask("GET", place)
    return sign_in_on_page(browser, *WHO)


def test_whoever_can_only_write_in_the_table_makes_no_request(wait: Wait, site: Site) -> None:
    """A document put there, or what another request was sealed as, opens nothing; put back, it is answered."""
    stranger = HttpBrowser(site.url)
    send(stranger, authn_request(site, wait.service, REDIRECT), REDIRECT, by=wait.service.key, expect=200)
    place, other_place = (
        Page.read(browser.text).password_form.action for browser in (wait.browser, stranger)
    )
    good, other = sealed_at(place, wait.postgres), sealed_at(other_place, wait.postgres)
    for text in ("SAMLRequest=x", other, good[:-1], good):
        wait.sql(WRITTEN.format(text, key_hash(place)))
        page = wait.browser.ask("GET", place, expect=200 if text == good else 404)
        assert ('type="password"' in page, GONE in page) == (text == good, text != good)
    assert received(sign_in_on_page(wait.browser, *WHO), site).root.get("InResponseTo") == wait.request_id


def key_hash(place: str) -> str:
    """Under what the table holds the request of this page."""
    return sha256(parse_qs(urlsplit(place).query)["request"][0].encode()).hexdigest()


def sealed_at(place: str, postgres: Postgres) -> str:
    """What the table holds of it."""
    return postgres.query(SEALED.format(key_hash(place)), "shared_site")
