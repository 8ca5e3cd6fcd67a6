"""WB-03: nothing changes without a token from a page of ours and our own origin."""

from collections.abc import Iterator

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.site import Site

pytestmark = pytest.mark.attack("WB-03")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
CHANGES = [
    ("/sign-in/", {"username": PERSON, "password": PASSWORD}, 302),
    ("/admin/login/", {"username": PERSON, "password": PASSWORD}, 403),
    ("/sign-out/", {}, 302),
    ("/sessions/end-others", {}, 302),
    (f"/roles/{ACCOUNT}/{ROLE}/console", {}, 200),
    (f"/roles/{ACCOUNT}/{ROLE}/credentials", {}, 200),
]
FOREIGN = ["https://evil.test", "null", "http://localhost:1", "http://localhost.evil.test"]


@pytest.fixture
def browser(site: Site) -> Iterator[HttpBrowser]:
    signed_in = HttpBrowser(site.url)
    signed_in.sign_in(PERSON, PASSWORD)
    yield signed_in
    signed_in.connection.close()


def refused_as_foreign(browser: HttpBrowser) -> bool:
    """Whether the last answer said that the form was not ours."""
    return browser.status == 403 and Page.read(browser.text).ids["code"] == "not-from-our-page"


@pytest.mark.parametrize(("path", "fields", "accepted"), CHANGES, ids=lambda value: str(value)[:50])
def test_without_a_token_or_from_elsewhere_nothing_changes(
    browser: HttpBrowser, path: str, fields: dict[str, str], accepted: int
) -> None:
    """No token, another's token, a foreign origin: refused, and the session still stands; the twin is accepted."""
    browser.ask("POST", path, fields, expect=403)
    assert refused_as_foreign(browser)
    browser.ask("POST", path, {**fields, "csrfmiddlewaretoken": "a" * 64}, expect=403)
    assert refused_as_foreign(browser)
    browser.ask("GET", "/sessions/")
    for origin in FOREIGN:
        browser.post(path, fields, expect=403, Origin=origin)
        assert refused_as_foreign(browser), origin
    browser.ask("GET", "/sessions/")
    browser.post(path, fields, expect=accepted)
    assert not refused_as_foreign(browser)


def test_nobody_is_signed_in_by_a_page_of_somebody_else(site: Site) -> None:
    """Login CSRF: a form with the attacker's own name and password needs a token of the victim's browser."""
    attacker = HttpBrowser(site.url)
    attacker.ask("GET", "/sign-in/")
    victim = HttpBrowser(site.url)
    victim.ask("GET", "/sign-in/")
    fields = {"username": PERSON, "password": PASSWORD}
    victim.ask("POST", "/sign-in/", {**fields, "csrfmiddlewaretoken": attacker.csrf}, expect=403)
    assert "drawbridge-session" not in victim.cookies
    victim.post("/sign-in/", fields, expect=302)
    assert "drawbridge-session" in victim.cookies


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_changes_nothing(browser: HttpBrowser, method: str) -> None:
    """A link or an image with the address of a change leaves the session as it is."""
    for path, _, _ in CHANGES:
        browser.ask(method, path, expect=None)
        assert browser.status in {200, 302, 405}
        assert "SAMLResponse" not in browser.text
    browser.ask("GET", "/sessions/")


def test_actions_of_the_admin_need_the_token_too(site: Site) -> None:
    """An administrator's export by a foreign page is refused; from the admin's own page it is made."""
    browser = HttpBrowser(site.url)
    administrator(site, browser)
    browser.ask("GET", "/admin/idp/auditrecord/")
    [chosen, *_] = [
        value for form in Page.read(browser.text).forms for value in form.values("_selected_action")
    ]
    action = {"action": "export_csv", "_selected_action": chosen}
    browser.ask("POST", "/admin/idp/auditrecord/", action, expect=403)
    assert refused_as_foreign(browser)
    browser.ask("GET", "/admin/idp/auditrecord/")
    browser.post("/admin/idp/auditrecord/", action)
    assert browser.headers["content-type"].startswith("text/csv")


def administrator(site: Site, browser: HttpBrowser) -> None:
    """A break-glass administrator is signed in with this browser."""
    password = "battery staple correct horse 7"
    for verb in ("create", "reset"):
        site.manage("break_glass", verb, "wb03", stdin=f"{password}\n", check=False)
    browser.ask("GET", "/admin/login/")
    browser.post("/admin/login/", {"username": "wb03", "password": password}, expect=302)
