"""RQ-10: the self-posting page may post to AWS only, is kept nowhere, and holds nothing that could break out."""

import base64

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.pages import Page
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
