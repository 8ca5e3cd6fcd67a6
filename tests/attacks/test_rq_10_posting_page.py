"""RQ-10: the self-posting page may post to AWS only, is kept nowhere, and holds nothing that could break out."""

import base64

import pytest

from deploy.demo import company as cast
from idp.services.provider_statement import form_action_of
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.providers import a_provider
from tests.servers.site import Site

pytestmark = pytest.mark.attack("RQ-10")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON


def test_the_page_posts_to_the_acs_and_nowhere_else(site: Site) -> None:
    """One form with one statement; `form-action` names AWS and not even ourselves; no store, no referrer."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    browser.post(f"/roles/{ACCOUNT}/{ROLE}/console")
    aws = site.env["DRAWBRIDGE_AWS_SIGNIN_URL"]
    policy = browser.headers["content-security-policy"]
    assert f"form-action {aws};" in policy
    assert "form-action 'self'" not in policy
    assert browser.headers["cache-control"] == "no-store"
    assert browser.headers["referrer-policy"] == "no-referrer"
    page = Page.read(browser.text)
    [form] = page.forms
    assert (form.method, form.action, form.attributes["id"]) == ("post", f"{aws}/saml", "post")
    assert [name for name, _ in form.fields] == ["SAMLResponse"]
    assert base64.b64decode(form.values("SAMLResponse")[0], validate=True).startswith(b"<")
    assert page.inline == []
    # The twin: any other page posts to ourselves only.
    browser.ask("GET", "/")
    assert "form-action 'self';" in browser.headers["content-security-policy"]


def test_each_click_makes_a_new_statement(site: Site) -> None:
    """No two statements are alike: nothing of an earlier page is used again."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    statements = set()
    for _ in range(3):
        browser.ask("GET", "/")
        statements.add(browser.open_console(ACCOUNT, ROLE))
    assert len(statements) == 3


@pytest.mark.parametrize(
    "text",
    [
        "https://*/", "https://*.example.test/sp", "https://a.example.test;frame-ancestors/", "https://a,b.example.test/",
        "https://'unsafe-inline'/", "http://a.example.test/", "https:///sp", "https://user@a.example.test/",
        "https://a.example.test:x/", "https://[::1/", "javascript://a.example.test/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["entity_id", "default_relay_state"])
def test_what_a_service_calls_itself_widens_no_policy(field: str, text: str) -> None:
    """Only ordinary origins stand in `form-action`: nothing else begins a directive or means every host."""
    own = "https://wiki.example.test"
    assert form_action_of(a_provider(**{field: text})) == (own,)
    twin = form_action_of(a_provider(**{field: "https://a.example.test:8443/sp"}))
    assert set(twin) == {own, "https://a.example.test:8443"}


def test_a_relay_state_begins_no_directive() -> None:
    """It may hold blanks, which part one source from the next."""
    state = "https://a.example.test; frame-ancestors *"
    assert form_action_of(a_provider(default_relay_state=state)) == ("https://wiki.example.test",)
