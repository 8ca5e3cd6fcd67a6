"""Who gets into the administration, by which door, and what can be changed there."""

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.postgres import Postgres
from tests.servers.site import Site

PERSON, PASSWORD, *_ = cast.BENCH_PERSON
ADMINISTRATOR, LONG_PASSWORD = "doorkeeper", "a door that nobody else may open 5"


@pytest.fixture(scope="module")
def administrator(site: Site) -> HttpBrowser:
    """A browser in which a break-glass administrator is signed in."""
    site.manage("break_glass", "create", ADMINISTRATOR, stdin=f"{LONG_PASSWORD}\n")
    browser = HttpBrowser(site.url)
    sign_in_as_administrator(browser, expect=302)
    return browser


def sign_in_as_administrator(browser: HttpBrowser, *, expect: int, door: str = "/admin/login/") -> None:
    """The local administrator's name and password are sent to this door."""
    browser.ask("GET", door)
    browser.post(door, {"username": ADMINISTRATOR, "password": LONG_PASSWORD}, expect=expect)


def test_a_person_without_the_right_stays_outside(site: Site, administrator: HttpBrowser) -> None:
    """Whoever is signed in at the portal only is asked to sign in again, and refused like a wrong password."""
    browser = HttpBrowser(site.url)
    browser.sign_in(PERSON, PASSWORD)
    for path in ("/admin/", "/admin/idp/rule/", "/admin/idp/auditrecord/", "/admin/autocomplete/"):
        browser.ask("GET", path, expect=302)
        assert browser.headers["location"].startswith("/admin/login/?next=")
    browser.ask("GET", "/admin/login/")
    browser.post("/admin/login/", {"username": PERSON, "password": PASSWORD}, expect=403)
    right = Page.read(browser.text).ids["sentence"]
    browser.post("/admin/login/", {"username": "nobody-at-all", "password": "x"}, expect=403)
    assert Page.read(browser.text).ids["sentence"] == right
    administrator.ask("GET", "/admin/")


def test_a_local_administrator_enters_by_the_admin_s_door_only(
    site: Site, administrator: HttpBrowser
) -> None:
    """The portal's door refuses the same name and password, and no role is theirs."""
    browser = HttpBrowser(site.url)
    sign_in_as_administrator(browser, expect=403, door="/sign-in/")
    sign_in_as_administrator(browser, expect=302)
    browser.ask("GET", "/", expect=302)
    assert browser.headers["location"] == "/admin/"
    browser.ask("GET", "/sessions/")
    assert browser.open_console("111122223333", "ReadOnly", expect=403) == ""
    administrator.ask("GET", "/admin/")


def test_records_can_be_read_and_not_changed(administrator: HttpBrowser, postgres: Postgres) -> None:
    """Audit, accesses and people open; adding, changing and removing are refused, and nothing has changed."""
    count = "SELECT count(*) FROM idp_auditrecord"
    newest = postgres.query("SELECT max(id) FROM idp_auditrecord", "shared_site")
    before = int(postgres.query(count, "shared_site"))
    for name in ("auditrecord", "accesssession", "user"):
        administrator.ask("GET", f"/admin/idp/{name}/")
        administrator.ask("GET", f"/admin/idp/{name}/add/", expect=403)
    page = f"/admin/idp/auditrecord/{newest}"
    administrator.ask("GET", f"{page}/change/")
    administrator.post(f"{page}/change/", {"person": "somebody else"}, expect=403)
    administrator.ask("GET", f"{page}/delete/", expect=403)
    administrator.ask("GET", "/admin/idp/auditrecord/")
    administrator.post(f"{page}/delete/", {"post": "yes"}, expect=403)
    assert int(postgres.query(count, "shared_site")) >= before
    administrator.ask("GET", f"{page}/change/")


def test_no_password_can_be_seen_or_changed(administrator: HttpBrowser, postgres: Postgres) -> None:
    """The page of a person shows no hash, and Django's own pages for passwords answer nothing."""
    number = postgres.query(
        f"SELECT id FROM idp_user WHERE username = '{ADMINISTRATOR}'",  # noqa: S608 - our own test's name
        "shared_site",
    )
    assert "argon2" not in administrator.ask("GET", f"/admin/idp/user/{number}/change/")
    administrator.ask("GET", "/admin/password_change/", expect=404)
    administrator.ask("GET", "/admin/password_change/done/", expect=404)


def test_an_export_holds_what_the_list_shows(administrator: HttpBrowser) -> None:
    """The chosen records leave as a file with a heading, to be kept and not shown."""
    administrator.ask("GET", "/admin/idp/auditrecord/")
    chosen = [
        value for form in Page.read(administrator.text).forms for value in form.values("_selected_action")
    ][:1]
    file = administrator.post(
        "/admin/idp/auditrecord/", {"action": "export_csv", "_selected_action": chosen[0]}
    )
    assert administrator.headers["content-disposition"] == 'attachment; filename="auditrecord.csv"'
    heading, line = file.splitlines()
    assert heading.startswith('"id","at","event"')
    assert line.startswith(f'"{chosen[0]}",')


def test_signing_out_of_the_admin_ends_the_session(site: Site, administrator: HttpBrowser) -> None:
    """There is one session: after signing out here nothing of it is left."""
    browser = HttpBrowser(site.url)
    sign_in_as_administrator(browser, expect=302)
    browser.ask("GET", "/admin/")
    browser.post("/admin/logout/", expect=302)
    browser.ask("GET", "/admin/", expect=302)
    administrator.ask("GET", "/admin/")
