"""RQ-08: where one may be led, by us and by AWS, is on a list; nothing breaks out of the page that says so."""

from urllib.parse import quote

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.integration.idp.web.test_redirects import HOSTILE
from tests.pages import Page
from tests.servers.site import Site

pytestmark = pytest.mark.attack("RQ-08")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
CONSOLE = f"/roles/{ACCOUNT}/{ROLE}/console"


@pytest.fixture(scope="module")
def browser(site: Site) -> HttpBrowser:
    signed_in = HttpBrowser(site.url)
    signed_in.sign_in(PERSON, PASSWORD)
    return signed_in


def test_a_hostile_next_leads_home(browser: HttpBrowser) -> None:
    """Over HTTP too: whatever is asked, the answer leads to a page of ours; an honest one is gone to."""
    for hostile in HOSTILE:
        browser.ask("GET", f"/sign-in/?next={quote(hostile, safe='')}"[:4_000], expect=302)
        assert browser.headers["location"] == "/", hostile
    browser.ask("GET", "/sign-in/?next=/sessions/", expect=302)
    assert browser.headers["location"] == "/sessions/"


@pytest.mark.parametrize("asked", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_a_hostile_next_in_the_form_leads_home(site: Site, asked: str) -> None:
    """The field of the form is checked again when it comes back."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/sign-in/")
    fields = {"username": PERSON, "password": PASSWORD}
    browser.post("/sign-in/", {**fields, "next": asked}, expect=302)
    assert browser.headers["location"] == "/"
    browser.ask("GET", "/sign-in/", expect=302)
    browser.ask("GET", "/sessions/")
    browser.post("/sign-in/", {**fields, "next": "/sessions/"}, expect=302)
    assert browser.headers["location"] == "/sessions/"


def hostile_destinations(console: str) -> list[str]:
    """Addresses that are no page of the console of AWS."""
    return [
        "javascript:alert(1)",
        "//evil.test/",
        "/\\evil.test/",
        "https:evil.test",
        "https://evil.test/console/",
        f"{console.rstrip('/')}@evil.test/",
        console.replace("http://", "http://evil.test@"),
        console.replace("http://", "hTTp://"),
        f"{console}\r\nSet-Cookie: x=y",
        f"{console}\tx",
        f" {console}",
        f"{console}../saml",
        f"{console}%2e%2e/saml",
        f"{console}\\..\\saml",
        "https://console.aws.amazon.com.evil.test/",
        console + "a" * 2_048,
    ]


def test_a_hostile_destination_opens_nothing(browser: HttpBrowser, site: Site) -> None:
    """A destination that is not on AWS's console is refused before anything is signed, shown or clicked."""
    console = f"{site.env['DRAWBRIDGE_AWS_SIGNIN_URL']}/console/"
    for hostile in hostile_destinations(console):
        browser.ask("GET", f"/go/{ACCOUNT}/{ROLE}?to={quote(hostile, safe='')}", expect=400)
        browser.ask("GET", "/")
        page = browser.post(CONSOLE, {"to": hostile}, expect=400)
        assert "SAMLResponse" not in page, hostile
        assert Page.read(page).ids["code"] == "malformed-destination"


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "s3/home?region=eu-west-1#x",
        "?q=\"'<>&",
        '"><script>alert(1)</script>',
        "'onmouseover='alert(1)",
        "&amp;lt;",
    ],
)
def test_a_destination_on_the_console_is_echoed_byte_for_byte(
    browser: HttpBrowser, site: Site, tail: str
) -> None:
    """It stands in one field as it was asked for, breaks out of nothing, and both pages hold it alike."""
    wanted = f"{site.env['DRAWBRIDGE_AWS_SIGNIN_URL']}/console/{tail}"
    shown = Page.read(browser.ask("GET", f"/go/{ACCOUNT}/{ROLE}?to={quote(wanted, safe='')}"))
    assert shown.form(CONSOLE).values("to") == [wanted]
    assert shown.inline == []
    page = Page.read(browser.post(CONSOLE, {"to": wanted}))
    [form] = page.forms
    assert form.values("RelayState") == [wanted]
    assert len(form.values("SAMLResponse")) == 1
    assert page.inline == []


def test_the_longest_destination_is_kept_whole(browser: HttpBrowser, site: Site) -> None:
    """2,048 bytes are echoed, one more is refused."""
    console = f"{site.env['DRAWBRIDGE_AWS_SIGNIN_URL']}/console/"
    longest = console + "a" * (2_048 - len(console))
    browser.ask("GET", "/")
    [form] = Page.read(browser.post(CONSOLE, {"to": longest})).forms
    assert form.values("RelayState") == [longest]
    browser.ask("GET", "/")
    browser.post(CONSOLE, {"to": f"{longest}a"}, expect=400)


@pytest.mark.parametrize(
    "region", ["evil.test", "us-east-1.evil.test/", "cn-north-1", "us-east-1/../x", "US-EAST-1"]
)
def test_a_region_is_one_of_the_partition(browser: HttpBrowser, region: str) -> None:
    """A region cannot lead the statement to another host."""
    browser.ask("GET", f"/go/{ACCOUNT}/{ROLE}?region={quote(region, safe='')}", expect=400)
    browser.ask("GET", "/")
    browser.post(CONSOLE, {"region": region}, expect=400)
    browser.ask("GET", f"/go/{ACCOUNT}/{ROLE}?region=eu-west-1")
    browser.post(CONSOLE, {"region": "eu-west-1"})


def test_two_destinations_are_none(browser: HttpBrowser, site: Site) -> None:
    """One thing asked twice is refused: readers on the way might take the other one."""
    console = quote(f"{site.env['DRAWBRIDGE_AWS_SIGNIN_URL']}/console/", safe="")
    browser.ask("GET", f"/go/{ACCOUNT}/{ROLE}?to={console}&to={console}", expect=400)
    browser.ask("GET", f"/go/{ACCOUNT}/{ROLE}?to={console}")
