"""A service in a real browser: its form comes from another site, so none of our cookies comes with it (WB-02)."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewContext
from tests.servers.providers import POST_BINDING, REDIRECT_BINDING
from tests.servers.site import Site
from tests.service_provider import (
    POST,
    Provider,
    authn_request,
    enveloped,
    form,
    logout_request,
    register,
)

WHO = ("jane", "demo-jane")


class Service:
    """A service on another site: `/` asks for whoever is there, `/acs` shows that something came."""

    def __init__(self, site: Site) -> None:
        """It listens from here on."""
        self.site = site
        self.received: list[dict[str, list[str]]] = []
        self.message = ""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(service.message)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                service.received.append(parse_qs(body))
                self._answer("<h1>At the service</h1>")

            def _answer(self, page: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f"<!DOCTYPE html><title>Service</title>{page}".encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.provider = Provider(
            f"{self.url}/sp",
            f"{self.url}/acs",
            row={
                "name": "Wiki",
                "logout": [{"location": f"{self.url}/slo", "binding": POST_BINDING, "response_location": ""}],
            },
        )
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def will_post(self, fields: dict[str, str], door: str) -> None:
        """What its page posts to the site when its button is pressed."""
        address = f"{self.site.url}/saml/{door}/post"
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items()
        )
        self.message = f'<form method="post" action="{address}">{inputs}<button>Go</button></form>'

    def asks(self, **attributes: str | None) -> None:
        """Its page asks for whoever is there."""
        request = authn_request(self.site, self.provider, POST, **attributes)
        self.will_post(form(enveloped(request.xml(), self.provider.key), relay_state="deep"), "sso")


@pytest.fixture(scope="module")
def service(site: Site) -> Iterator[Service]:
    running = Service(site)
    register(site, [running.provider])
    yield running
    running.server.shutdown()
    running.server.server_close()


def go(page: Page, service: Service) -> None:
    """Press the button at the service."""
    page.goto(service.url)
    page.get_by_role("button", name="Go").click()


def sign_in(page: Page) -> None:
    """Type name and password where they are asked for."""
    page.get_by_label("Name").fill(WHO[0])
    page.get_by_label("Password").fill(WHO[1])
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.attack("WB-02")
def test_a_form_from_another_site_survives_the_sign_in(page: Page, service: Service) -> None:
    """Signing in leads on to the service; the second time nothing is asked; ForceAuthn asks again."""
    service.asks()
    go(page, service)
    expect(page.get_by_text("Sign in to go on to Wiki.")).to_be_visible()
    sign_in(page)
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()
    assert service.received[-1]["RelayState"] == ["deep"]
    service.asks()
    go(page, service)
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()
    service.asks(ForceAuthn="true")
    go(page, service)
    expect(page.get_by_label("Password")).to_be_visible()
    sign_in(page)
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()


def test_without_scripts_the_person_presses_the_buttons(new_context: NewContext, service: Service) -> None:
    """The same road by hand."""
    page = new_context(java_script_enabled=False).new_page()
    service.asks()
    go(page, service)
    sign_in(page)
    page.get_by_role("button", name="Continue to Wiki").click()
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()


def test_starting_here(page: Page, service: Service) -> None:
    """A bookmark shows the service; a click opens it."""
    page.goto(f"{service.site.url}/saml/sso/start?sp={service.provider.entity_id}")
    sign_in(page)
    expect(page.get_by_role("heading", name="Wiki")).to_be_visible()
    page.get_by_role("button", name="Open Wiki").click()
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()


def test_a_refusal_is_a_page_with_a_reference(page: Page, service: Service) -> None:
    """What cannot be trusted leads nowhere."""
    service.asks(AssertionConsumerServiceURL=f"{service.url}/elsewhere")
    go(page, service)
    expect(page.locator("#code")).to_have_text("request-not-trusted")
    assert page.locator("#reference").inner_text()


@pytest.mark.attack("LO-02")
def test_signing_out_here_and_there(page: Page, service: Service) -> None:
    """The service is told by a form; a wish from its site ends the session here although no cookie came with it."""
    service.asks()
    go(page, service)
    sign_in(page)
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()
    page.goto(service.site.url)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()
    assert "SAMLRequest" in service.received[-1]
    ending = logout_request(service.site, service.provider, POST, name_id="_nobody", index=None)
    service.will_post(form(enveloped(ending.xml(), service.provider.key)), "slo")
    go(page, service)
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()
    assert "SAMLResponse" in service.received[-1]
    page.goto(service.site.url)
    expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.attack("LO-02")
def test_a_service_that_is_told_by_an_address(page: Page, service: Service) -> None:
    """Chromium follows the button of our page to a service that is told by an address."""
    told = [{"location": f"{service.url}/slo", "binding": REDIRECT_BINDING, "response_location": ""}]
    register(service.site, [replace(service.provider, row=service.provider.row | {"logout": told})])
    service.asks()
    go(page, service)
    sign_in(page)
    expect(page.get_by_role("heading", name="At the service")).to_be_visible()
    page.goto(service.site.url)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{service.url}/slo?SAMLRequest=*")
    register(service.site, [service.provider])
    page.goto(service.site.url)
    expect(page.get_by_label("Password")).to_be_visible()
