"""RQ-09: a statement needs a signed-in person's click on a page of ours; nothing else makes one."""

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import Site

pytestmark = pytest.mark.attack("RQ-09")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
CONSOLE = f"/roles/{ACCOUNT}/{ROLE}/console"
CREDENTIALS = f"/roles/{ACCOUNT}/{ROLE}/credentials"
ISSUED = "SELECT count(*) FROM idp_auditrecord WHERE event = 'person:assertion:issued'"


@pytest.fixture
def browser(site: Site) -> HttpBrowser:
    signed_in = HttpBrowser(site.url)
    signed_in.sign_in(PERSON, PASSWORD)
    return signed_in


def issued(postgres: Postgres) -> int:
    """How many statements are on record."""
    return int(postgres.query(ISSUED, "shared_site"))


@pytest.mark.parametrize("path", [CONSOLE, CREDENTIALS, f"/go/{ACCOUNT}/{ROLE}", "/"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch"},
        {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site", "Referer": "https://evil.test/"},
    ],
    ids=["link", "prefetch", "image"],
)
def test_reading_issues_nothing(
    browser: HttpBrowser, postgres: Postgres, path: str, headers: dict[str, str]
) -> None:
    """Links, prefetches and images of the addresses yield no statement; the click on our page yields one."""
    before = issued(postgres)
    browser.ask("GET", path, headers=headers, expect=None)
    assert browser.status in {200, 302}
    assert "SAMLResponse" not in browser.text
    assert issued(postgres) == before
    browser.ask("GET", "/")
    assert browser.open_console(ACCOUNT, ROLE)
    assert issued(postgres) == before + 1


@pytest.mark.parametrize("path", [CONSOLE, CREDENTIALS])
def test_a_post_from_another_site_issues_nothing(browser: HttpBrowser, postgres: Postgres, path: str) -> None:
    """Neither with the session and a foreign origin, nor with our token and no session; our own page's click does."""
    before = issued(postgres)
    browser.ask("POST", path, {}, headers={"Origin": "https://evil.test"}, expect=403)
    browser.post(path, expect=403, Origin="https://evil.test")
    stranger = HttpBrowser(browser.url)
    stranger.ask("GET", "/sign-in/")
    stranger.post(path, expect=302)
    assert stranger.headers["location"] == f"/sign-in/?next=%2Fgo%2F{ACCOUNT}%2F{ROLE}"
    assert issued(postgres) == before
    browser.ask("GET", "/")
    browser.post(path)
    assert issued(postgres) == before + 1


def test_the_cookies_do_not_travel_with_a_foreign_page_s_post(site: Site) -> None:
    """Both cookies say SameSite=Lax and HttpOnly when they are set."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/sign-in/")
    browser.connection.request("GET", "/sign-in/", headers={"Host": browser.host})
    answer = browser.connection.getresponse()
    answer.read()
    [csrf] = answer.headers.get_all("Set-Cookie") or []
    assert "SameSite=Lax" in csrf
    assert "HttpOnly" in csrf
    browser.post("/sign-in/", {"username": PERSON, "password": PASSWORD}, expect=302)
    session = browser.headers["set-cookie"]
    assert "SameSite=Lax" in session
    assert "HttpOnly" in session


@pytest.mark.attack("MP-06")
def test_a_role_that_was_not_granted_cannot_be_chosen(browser: HttpBrowser, postgres: Postgres) -> None:
    """Other roles, accounts and spellings in the address get 403 and one audit row; the granted one is given."""
    before = issued(postgres)
    for account, role in (
        (ACCOUNT, "NoSuchRole"), ("999999999999", ROLE), (ACCOUNT, ROLE.lower()), (ACCOUNT, f"{ROLE}%20"),
        ("arn:aws:iam::111122223333:role", ROLE), (ACCOUNT, "..;"),
    ):  # fmt: skip
        browser.ask("GET", "/")
        browser.post(f"/roles/{account}/{role}/console", expect=403)
        browser.ask("GET", "/")
        browser.post(f"/roles/{account}/{role}/credentials", expect=403)
        browser.ask("GET", f"/go/{account}/{role}", expect=403)
    assert issued(postgres) == before
    browser.ask("GET", "/")
    assert browser.open_console(ACCOUNT, ROLE)
