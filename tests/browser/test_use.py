"""Everything by keyboard, on small and large screens, in the light and in the dark; nothing foreign on the pages."""

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from deploy.demo import company as cast
from tests.browser.conftest import Complaints
from tests.browser.walk import ACCOUNT, ROLE, sign_in
from tests.servers.local_aws import LocalAws
from tests.servers.site import Site

NewContext = Callable[..., BrowserContext]
MANY_ROLES = "anders"
PATHS = ["/", "/sessions/", "/password/", f"/go/{ACCOUNT}/{ROLE}", "/nothing/here", f"/go/{ACCOUNT}/Nothing"]
CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [one, other] = [light(rgb(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) weak.push(`${element.tagName}.${element.className} ${element.textContent.trim()}: ${ratio}`);
  }
  return weak;
}"""


def test_the_whole_way_by_keyboard(page: Page, site: Site, site_aws: LocalAws) -> None:
    """Name, Tab, password, Enter; Tab to the first button, Enter: the console. The skip link comes first."""
    page.goto(f"{site.url}/sign-in/")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("jane")
    page.keyboard.press("Tab")
    page.keyboard.type(cast.password_of("jane"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Console":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site_aws.url}/console/**")


def test_search_by_slash(page: Page, site: Site) -> None:
    """`/` goes to the search, typing narrows accounts and roles, Escape shows all again."""
    sign_in(page, site.url, MANY_ROLES, cast.password_of(MANY_ROLES))
    every = page.locator("article.role").count()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("payments")
    expect(page.locator("#found")).to_contain_text(f"of {every} roles")
    shown = page.locator("article.role:visible")
    assert 0 < shown.count() < every
    for words in shown.evaluate_all("rows => rows.map((row) => row.parentElement.textContent.toLowerCase())"):
        assert "payments" in words
    page.keyboard.press("Escape")
    expect(page.locator("article.role:visible")).to_have_count(every)


def test_search_without_scripts(new_context: NewContext, site: Site) -> None:
    """The server narrows the list where no script does."""
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, site.url, MANY_ROLES, cast.password_of(MANY_ROLES))
    every = page.locator("article.role").count()
    page.fill("#search", "payments")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=payments")
    assert 0 < page.locator("article.role").count() < every
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("article.role")).to_have_count(every)


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_can_be_read(new_context: NewContext, site: Site, width: int, scheme: str) -> None:
    """No page scrolls sideways, and every text has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3 and 1.4.10)."""
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    page.goto(f"{site.url}/sign-in/?signed-out=")
    assert page.evaluate(CONTRAST) == []
    sign_in(page, site.url)
    for path in PATHS:
        page.goto(f"{site.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CONTRAST) == [], path


def test_who_has_no_role_is_told_what_to_do(page: Page, site: Site) -> None:
    """A person in no group sees a sentence, not an empty page."""
    nobody = next(one.uid for one in cast.PEOPLE if not cast.expected_roles(one.uid) and not one.disabled)
    sign_in(page, site.url, nobody, cast.password_of(nobody))
    expect(page.get_by_role("heading", name="There is no AWS role for you yet")).to_be_visible()


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """A page of somebody else that frames ours and posts to it."""
    body = (
        f"<!DOCTYPE html><iframe src='{site.url}/sign-in/'></iframe>"
        f"<form method=post action='{site.url}/roles/{ACCOUNT}/{ROLE}/console'><button>win</button></form>"
    ).encode()

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join(5)


@pytest.mark.attack("WB-05")
@pytest.mark.attack("RQ-09")
def test_a_page_of_somebody_else_neither_frames_nor_posts(
    new_context: NewContext, complaints: Complaints, site: Site, elsewhere: str
) -> None:
    """A frame of ours stays empty elsewhere, and a foreign form opens no console though the person is signed in."""
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site.url)
    page.goto(elsewhere)
    assert page.frames[1].locator("#password").count() == 0
    assert any("frame-ancestors" in complaint for complaint in complaints.heard), complaints.heard
    complaints.heard.clear()
    page.get_by_role("button", name="win").click()
    page.wait_for_load_state()
    assert page.locator("input[name=SAMLResponse]").count() == 0
    expect(page.locator("#code")).to_have_text("not-from-our-page")
    page.goto(f"{site.url}/sign-in/")
    expect(page.locator("article.role").first).to_be_visible()


def test_the_admin_works_under_its_policy(page: Page, site: Site) -> None:
    """Lists, a rule with its search for groups and roles, a record: nothing in the admin violates the policy."""
    password = "chromium horse battery staple 3"
    for verb in ("create", "reset"):
        site.manage("break_glass", verb, "chromium", stdin=f"{password}\n", check=False)
    page.goto(f"{site.url}/admin/")
    page.fill("#username", "chromium")
    page.fill("#password", password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Rules", exact=True)).to_be_visible()
    for name in ("rule", "role", "account", "user", "accesssession", "auditrecord"):
        page.goto(f"{site.url}/admin/idp/{name}/")
        expect(page.locator("#changelist")).to_be_visible()
    page.goto(f"{site.url}/admin/idp/rule/add/")
    page.locator(".field-role .select2-selection").click()
    page.locator(".select2-search__field").fill("ReadOnly")
    expect(page.locator(".select2-results__option").first).to_contain_text("ReadOnly")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Today").first.click()
    page.goto(f"{site.url}/admin/idp/auditrecord/")
    page.locator("#result_list tbody th a").first.click()
    expect(page.locator(".field-event")).to_be_visible()
