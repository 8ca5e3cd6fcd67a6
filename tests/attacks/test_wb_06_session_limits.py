"""WB-06: 30 minutes idle and 12 hours at most, by the server's clock; other sessions can be seen and ended."""

import hashlib

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.postgres import Postgres
from tests.servers.site import Site

pytestmark = pytest.mark.attack("WB-06")

PERSON, PASSWORD, *_ = cast.BENCH_PERSON
DATABASE = "shared_site"


def signed_in(site: Site) -> HttpBrowser:
    """A browser in which the person is signed in."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    return browser


def age(postgres: Postgres, browser: HttpBrowser, **moments: str) -> None:
    """The session's moments lie so far in the past."""
    key = hashlib.sha256(browser.cookies["drawbridge-session"].encode()).hexdigest()
    changes = ", ".join(f"{name} = now() - interval '{span}'" for name, span in moments.items())
    postgres.query(f"UPDATE idp_sitesession SET {changes} WHERE key_hash = '{key}'", DATABASE)  # noqa: S608 - our own test's values


@pytest.mark.parametrize(
    ("moments", "status"),
    [
        ({"seen_at": "29 minutes 50 seconds"}, 200),
        ({"seen_at": "30 minutes 1 second"}, 302),
        ({"signed_in_at": "11 hours 59 minutes 50 seconds"}, 200),
        ({"signed_in_at": "12 hours 1 second"}, 302),
        (
            {"signed_in_at": "12 hours 1 second", "created_at": "12 hours 1 second", "seen_at": "1 second"},
            302,
        ),
    ],
    ids=str,
)
def test_a_session_ends_by_the_server_s_clock(
    site: Site, postgres: Postgres, moments: dict[str, str], status: int
) -> None:
    """Just within a limit the session holds, just past it is over, however lively it was."""
    browser = signed_in(site)
    age(postgres, browser, **moments)
    browser.ask("GET", "/sessions/", expect=status)


def test_use_keeps_a_session_alive_and_never_past_the_absolute_limit(site: Site, postgres: Postgres) -> None:
    """A request renews the idle limit; none renews the absolute one."""
    browser = signed_in(site)
    age(postgres, browser, seen_at="20 minutes")
    browser.ask("GET", "/sessions/")
    age(postgres, browser, signed_in_at="12 hours 1 second")
    browser.ask("GET", "/sessions/", expect=302)


def test_other_sessions_are_seen_and_ended(site: Site) -> None:
    """The page shows every browser; ending the others leaves this one and no other."""
    first, second = signed_in(site), signed_in(site)
    page = second.ask("GET", "/sessions/")
    assert page.count('<tr class="sign-in">') >= 2
    assert page.count("this one") == 1
    second.post("/sessions/end-others", expect=302)
    first.ask("GET", "/sessions/", expect=302)
    assert second.ask("GET", "/sessions/").count('<tr class="sign-in">') == 1


def test_a_form_of_a_session_that_has_ended_is_refused(site: Site) -> None:
    """The form of a superseded session leads to the sign-in and does nothing; a live one's form is taken."""
    first, second = signed_in(site), signed_in(site)
    first.ask("GET", "/")
    second.ask("GET", "/sessions/")
    second.post("/sessions/end-others", expect=302)
    assert first.open_console("111122223333", "ReadOnly", expect=302) == ""
    assert first.headers["location"].startswith("/sign-in/?next=%2Fgo%2F")
    second.ask("GET", "/")
    assert Page.read(second.text).forms
    assert second.open_console("111122223333", "ReadOnly")
