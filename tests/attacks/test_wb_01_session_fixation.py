"""WB-01: the session's key changes at sign-in; what was there before is worth nothing after."""

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.servers.site import Site

pytestmark = pytest.mark.attack("WB-01")

PERSON, PASSWORD, *_ = cast.BENCH_PERSON
COOKIE = "drawbridge-session"
PLANTED = "planted-by-an-attacker-0123456789-0123456789"


def sign_in_with(browser: HttpBrowser, *, expect: int = 302) -> None:
    """Form and post, with whatever cookies there are."""
    browser.ask("GET", "/sign-in/", expect=None)
    if not browser.csrf:
        browser.ask("GET", "/", expect=None)
    browser.post("/sign-in/", {"username": PERSON, "password": PASSWORD}, expect=expect)


def with_cookie(site: Site, key: str) -> HttpBrowser:
    """A browser that holds this session cookie and nothing else."""
    browser = HttpBrowser(site.url)
    browser.cookies[COOKIE] = key
    return browser


def test_a_planted_key_is_not_the_key_after_sign_in(site: Site) -> None:
    """The victim signs in with a key that the attacker chose: the attacker's browser is not signed in."""
    victim = with_cookie(site, PLANTED)
    sign_in_with(victim)
    assert victim.cookies[COOKIE] != PLANTED
    victim.ask("GET", "/sessions/")
    with_cookie(site, PLANTED).ask("GET", "/sessions/", expect=302)


def test_signing_in_again_ends_the_key_of_before(site: Site) -> None:
    """A key that was good is worth nothing once the same browser has signed in anew; the new one is good."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    before = browser.cookies[COOKIE]
    with_cookie(site, before).ask("GET", "/sessions/")
    sign_in_with(browser)
    with_cookie(site, before).ask("GET", "/sessions/", expect=302)
    with_cookie(site, browser.cookies[COOKIE]).ask("GET", "/sessions/")


def test_signing_out_ends_the_key_everywhere(site: Site) -> None:
    """A copy of the cookie opens nothing after its owner has signed out."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    copy = with_cookie(site, browser.cookies[COOKIE])
    copy.ask("GET", "/sessions/")
    browser.post("/sign-out/", expect=302)
    copy.ask("GET", "/sessions/", expect=302)


def test_a_form_of_before_sign_in_is_worth_nothing_after(site: Site) -> None:
    """The CSRF token changes with the sign-in: one that was read before it is refused, the new one is not."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/sign-in/")
    before = browser.csrf
    browser.post("/sign-in/", {"username": PERSON, "password": PASSWORD}, expect=302)
    browser.csrf = before
    browser.post("/sessions/end-others", expect=403)
    browser.ask("GET", "/sessions/")
    browser.post("/sessions/end-others", expect=302)


def test_a_page_asked_for_in_one_browser_signs_nobody_in_elsewhere(site: Site) -> None:
    """The address that leads back after sign-in carries no sign-in: another browser must sign in itself."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/sessions/", expect=302)
    resume = browser.headers["location"]
    browser.sign_in(PERSON, PASSWORD)
    browser.ask("GET", resume, expect=302)
    assert browser.headers["location"] == "/sessions/"
    stranger = HttpBrowser(site.url)
    stranger.ask("GET", resume)
    stranger.ask("GET", "/sessions/", expect=302)
