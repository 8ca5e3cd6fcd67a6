"""WB-05: no page can be framed, none holds an inline script or style, none loads from elsewhere."""

import re

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.site import ROOT, Site

pytestmark = pytest.mark.attack("WB-05")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
PAGES = ["/", "/sessions/", f"/go/{ACCOUNT}/{ROLE}", f"/go/{ACCOUNT}/Nothing", "/nothing/here", "/?q=x"]
PUBLIC = ["/sign-in/", "/admin/login/", "/saml/metadata", "/health/live"]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}


def policy_of(browser: HttpBrowser) -> dict[str, str]:
    """The content security policy of the last answer, by directive."""
    text = browser.headers["content-security-policy"]
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in text.split(";"))}


def check_baseline(
    browser: HttpBrowser, *, form_action: str = "'self'", referrer: str = "same-origin"
) -> None:
    """The last answer carries every header of the baseline, and its page runs and loads nothing foreign."""
    policy = policy_of(browser)
    assert {name: policy.get(name) for name in POLICY} == POLICY
    assert policy["form-action"] == form_action
    assert policy["require-trusted-types-for"] == "'script'"
    assert browser.headers["x-content-type-options"] == "nosniff"
    assert browser.headers["x-frame-options"] == "DENY"
    assert browser.headers["referrer-policy"] == referrer
    assert browser.headers["cross-origin-opener-policy"] == "same-origin"
    assert browser.headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in browser.headers["permissions-policy"]
    assert "no-store" in browser.headers["cache-control"]
    assert re.fullmatch(r"[A-Z2-7]{12}", browser.headers["x-request-id"])
    page = Page.read(browser.text)
    assert page.inline == []
    assert page.from_elsewhere() == []


@pytest.mark.attack("CR-05")
def test_every_page_of_a_person_carries_the_baseline(site: Site) -> None:
    """Pages, refusals, the self-posting page and the credentials: headers all alike but where one must differ."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    for path in PAGES:
        browser.ask("GET", path, expect=None)
        check_baseline(browser)
    browser.ask("GET", "/")
    browser.post(f"/roles/{ACCOUNT}/{ROLE}/credentials")
    check_baseline(browser, referrer="no-referrer")
    browser.ask("GET", "/")
    browser.post(f"/roles/{ACCOUNT}/{ROLE}/console")
    check_baseline(browser, form_action=site.env["DRAWBRIDGE_AWS_SIGNIN_URL"], referrer="no-referrer")


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_answer_carries_it_too(site: Site, path: str) -> None:
    """What needs no sign-in cannot be framed or sniffed either."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", path)
    policy = policy_of(browser)
    assert {name: policy.get(name) for name in POLICY} == POLICY
    assert browser.headers["x-content-type-options"] == "nosniff"


def test_the_admin_has_no_inline_script_either(site: Site) -> None:
    """The admin's policy is the same but for trusted types, which select2 does not bear."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/admin/login/")
    assert {name: policy_of(browser).get(name) for name in POLICY} == POLICY
    assert "require-trusted-types-for" not in policy_of(browser)
    assert Page.read(browser.text).inline == []


def test_static_files_may_be_kept_by_browsers(site: Site) -> None:
    """Styles and scripts carry no `no-store`: they belong to nobody."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/sign-in/")
    [style] = [address for address in Page.read(browser.text).loaded if address.endswith(".css")]
    browser.ask("GET", style)
    assert "no-store" not in browser.headers["cache-control"]
    assert browser.headers["x-content-type-options"] == "nosniff"


def test_no_template_holds_anything_inline() -> None:
    """What no test opens is read too: no template of ours has a script, style or handler of its own."""
    for template in (ROOT / "templates").rglob("*.html"):
        text = re.sub(r"{%.*?%}|{#.*?#}", "", template.read_text(), flags=re.DOTALL)
        assert Page.read(text).inline == [], template
