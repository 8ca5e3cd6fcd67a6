"""A rollover by the page of the running site: every step, both ways, while AWS believes what it was given."""

import base64
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import urlencode

import pytest

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.e2e.test_key_rollover import verified_by
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import MAPPING, Site, own_database

NAME, LONG_PASSWORD = "keykeeper", "a key that nobody else may turn 7"
PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
PAGE = "/admin/idp/keyconfirmation/"
AT_ONCE = 6
hidden_field = re.compile(r'type="hidden" name="(seen|waiting|certificate)" value="([0-9a-f:]*)"')
party_field = re.compile(r'name="party" value="([^"]+)"')
certificate_text = re.compile(r"<ds:X509Certificate>([^<]+)<")
STEPS = "SELECT count(*) FROM idp_auditrecord WHERE event = '{}'"


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory, company: Slapd, postgres: Postgres) -> Iterator[Site]:
    """A site of its own with two workers: its keys are changed."""
    folder, url = tmp_path_factory.mktemp("key-page"), own_database(postgres, "key_page")
    with Site(folder, slapd=company, database_url=url, local_aws_url="http://127.0.0.1:9") as site:
        site.prepare(mapping=MAPPING)
        site.manage("break_glass", "create", NAME, stdin=f"{LONG_PASSWORD}\n")
        site.start_web(workers=2)
        yield site


def an_administrator(site: Site) -> HttpBrowser:
    """A browser of its own, in which the administrator is signed in."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", "/admin/login/")
    browser.post("/admin/login/", {"username": NAME, "password": LONG_PASSWORD}, expect=302)
    return browser


def look(browser: HttpBrowser, verb: str) -> dict[str, str]:
    """What the form of this step sends when its button is pressed."""
    page = browser.ask("GET", f"{PAGE}step/{verb}/")
    found = dict(hidden_field.findall(page))
    assert found.keys() == {"seen", "waiting"}, page
    return found


def take(browser: HttpBrowser, verb: str, **more: str) -> str:
    """The step is looked at and taken; gives the page that it leads to."""
    browser.post(f"{PAGE}step/{verb}/", look(browser, verb) | more, expect=302)
    return unescape(browser.ask("GET", PAGE))


def published(site: Site, *, until: int) -> list[str]:
    """The certificates of our metadata, as soon as they are so many; within the seconds that are promised."""
    deadline = time.monotonic() + 30
    while True:
        text = HttpBrowser(site.url).ask("GET", "/saml/metadata")
        found = ["".join(one.split()) for one in certificate_text.findall(text)]
        if len(found) == until:
            return found
        assert time.monotonic() < deadline, f"{len(found)} certificates are published"
        time.sleep(0.2)


def wait_until_signed_by(person: HttpBrowser, certificate: str, known: list[str]) -> None:
    """Statements are signed by this key, within the seconds that are promised; each is believed meanwhile."""
    deadline = time.monotonic() + 30
    for _ in iter(
        lambda: verified_by(base64.b64decode(person.open_console(ACCOUNT, ROLE)), set(known)), certificate
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.fault(20)
@pytest.mark.attack("MD-06")
def test_the_whole_way_by_the_page(own_site: Site) -> None:
    """Publish, refuse, confirm, switch, back, switch, refuse, retire: every statement is believed throughout."""
    browser, person = an_administrator(own_site), HttpBrowser(own_site.url)
    person.sign_in(PERSON, PASSWORD)
    [old] = published(own_site, until=1)
    page = take(browser, "publish", bits="2048", days="400")
    [new] = set(published(own_site, until=2)) - {old}
    known = [old, new]
    waiting = party_field.findall(page)
    assert ACCOUNT in waiting
    assert "are not known to have the next certificate" in take(browser, "switch", phrase="please")
    shown = hidden_field.findall(browser.ask("GET", PAGE))
    body = urlencode([("csrfmiddlewaretoken", browser.csrf), *shown, *(("party", one) for one in waiting)])
    browser.connection.request(
        "POST",
        PAGE,
        body=body,
        headers={
            "Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": own_site.url,
        },
    )
    answer = browser.connection.getresponse()
    answer.read()
    assert answer.status == 302
    take(browser, "switch")
    wait_until_signed_by(person, new, known)
    take(browser, "take-back")
    wait_until_signed_by(person, old, known)
    take(browser, "switch")
    wait_until_signed_by(person, new, known)
    assert "for a day after the switch" in take(browser, "retire")
    page = take(browser, "retire", phrase="retire early")
    assert "no rollover under way" in page
    assert published(own_site, until=1) == [new]
    wait_until_signed_by(person, new, [new])


def test_those_who_press_at_once_take_one_step(own_site: Site, postgres: Postgres) -> None:
    """Of many who publish, and of many who take back what they saw, one does it; all others are refused on record."""
    browsers = [an_administrator(own_site) for _ in range(AT_ONCE)]
    made, refused, back = (
        STEPS.format(f"operator:signing-key:{what}") for what in ("made", "refused", "taken-back")
    )

    def count(query: str) -> int:
        return int(postgres.query(query, "key_page"))

    def press(verb: str, **more: str) -> None:
        forms = [look(browser, verb) | more for browser in browsers]
        together = threading.Barrier(AT_ONCE)

        def one(browser: HttpBrowser, form: dict[str, str]) -> None:
            together.wait(30)
            browser.post(f"{PAGE}step/{verb}/", form, expect=302)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, browsers, forms))

    before = count(made), count(refused), count(back)
    press("publish", bits="2048", days="400")
    assert (count(made), count(refused)) == (before[0] + 1, before[1] + AT_ONCE - 1)
    take(browsers[0], "switch", phrase=phrase_of(browsers[0]))
    # Were two steps taken, the next key would be withdrawn as well.
    press("take-back")
    assert count(back) == before[2] + 1
    assert count(refused) == before[1] + 2 * (AT_ONCE - 1)
    assert "waits to be known" in browsers[0].ask("GET", PAGE)
    assert "no rollover under way" in take(browsers[0], "take-back")


def phrase_of(browser: HttpBrowser) -> str:
    """The words that the page of the switch asks for."""
    found = re.search("Type “([^”]+)”", unescape(browser.ask("GET", f"{PAGE}step/switch/")))
    assert found
    return found[1]
