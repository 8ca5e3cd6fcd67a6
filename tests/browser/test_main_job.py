"""From the company password to the console and to credentials, as a person does it."""

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from deploy.demo import company as cast
from tests.browser.walk import ACCOUNT, ARN, PERSON, ROLE, button, sign_in
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import Postgres
from tests.servers.site import Site

NewContext = Callable[..., BrowserContext]
ISSUED = "SELECT count(*) FROM idp_auditrecord WHERE event = 'person:assertion:issued'"
ZONE = "Asia/Kathmandu"


def issued(postgres: Postgres) -> int:
    """How many statements are on record."""
    return int(postgres.query(ISSUED, "shared_site"))


def test_one_click_opens_the_console(page: Page, site: Site, site_aws: LocalAws) -> None:
    """Sign in, press Console: the console of AWS says who one is there."""
    sign_in(page, site.url)
    button(page, "Console")
    page.wait_for_url(f"{site_aws.url}/console/**")
    expect(page.locator("#account")).to_contain_text(ACCOUNT)
    expect(page.locator("#role")).to_contain_text(ROLE)
    expect(page.locator("#session")).to_contain_text(PERSON)


def test_a_bookmark_signs_in_and_lands_where_it_says(page: Page, site: Site, site_aws: LocalAws) -> None:
    """`/go/…?to=…` asks for the password if need be, shows what will open, and opens it with one click."""
    wanted = f"{site_aws.url}/console/s3/home?region=eu-west-1"
    page.goto(f"{site.url}/go/{ACCOUNT}/{ROLE}?to={wanted.replace('&', '%26')}")
    page.fill("#username", PERSON)
    page.fill("#password", cast.password_of(PERSON))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#destination")).to_have_text(wanted)
    page.get_by_role("button", name="Open the console").click()
    page.wait_for_url(f"{site_aws.url}/console/**")
    expect(page.locator("#destination")).to_contain_text(wanted)


@pytest.mark.attack("RQ-10")
def test_without_scripts_the_button_does_it(new_context: NewContext, site: Site, site_aws: LocalAws) -> None:
    """With scripts off the page waits with a visible button, and that posts the same statement."""
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, site.url)
    button(page, "Console")
    waiting = page.get_by_role("button", name="Continue to AWS")
    expect(waiting).to_be_visible()
    waiting.click()
    page.wait_for_url(f"{site_aws.url}/console/**")
    expect(page.locator("#account")).to_contain_text(ACCOUNT)


@pytest.mark.attack("RQ-10")
def test_the_back_button_issues_nothing(
    page: Page, site: Site, site_aws: LocalAws, postgres: Postgres
) -> None:
    """Back from the console, and forward again, makes no second statement; a new click does."""
    sign_in(page, site.url)
    before = issued(postgres)
    button(page, "Console")
    page.wait_for_url(f"{site_aws.url}/console/**")
    assert issued(postgres) == before + 1
    page.go_back()
    page.wait_for_load_state()
    page.go_forward()
    page.wait_for_load_state()
    assert issued(postgres) == before + 1
    page.goto(f"{site.url}/")
    button(page, "Console")
    page.wait_for_url(f"{site_aws.url}/console/**")
    assert issued(postgres) == before + 2


def test_credentials_are_shown_once_and_not_kept(page: Page, site: Site) -> None:
    """The page shows keys and lines to copy; leaving it and coming back shows them no more."""
    sign_in(page, site.url)
    button(page, "Credentials")
    key = page.locator("#access-key-id").inner_text()
    assert re.fullmatch(r"ASIA[A-Z0-9]{16}", key)
    expect(page.locator("#bash")).to_contain_text(f"AWS_ACCESS_KEY_ID='{key}'")
    page.goto(f"{site.url}/sessions/")
    assert key not in page.content()
    # Chromium would have to post again, and asks the person first: it has kept nothing.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    expect(page.locator("body")).not_to_contain_text(key)
    expect(page.locator("#access-key-id")).to_have_count(0)


def test_the_sessions_page_counts_down_in_the_reader_s_own_zone(new_context: NewContext, site: Site) -> None:
    """Ends are shown in the browser's time zone, with the time left; without scripts in UTC, and it says so."""
    page = new_context(timezone_id=ZONE).new_page()
    sign_in(page, site.url)
    button(page, "Credentials")
    page.goto(f"{site.url}/sessions/")
    row = page.locator(f'tr.access[data-arn="{ARN}"][data-state="active"]').last
    time = row.locator("time[data-countdown]")
    ends_at = datetime.fromisoformat(time.get_attribute("datetime") or "").astimezone(ZoneInfo(ZONE))
    assert re.fullmatch(rf"(.*, )?{ends_at:%H:%M} \(in (59 min|1 h)\)", time.inner_text()), time.inner_text()
    plain = new_context(java_script_enabled=False).new_page()
    sign_in(plain, site.url)
    plain.goto(f"{site.url}/sessions/")
    expect(plain.locator(f'tr.access[data-arn="{ARN}"][data-state="active"] time').last).to_contain_text(
        " UTC (in "
    )


def test_signing_out_ends_it(page: Page, site: Site) -> None:
    """After signing out the pages ask for the password again, and it is said that AWS's sessions go on."""
    sign_in(page, site.url)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("stay valid until they end")
    page.goto(f"{site.url}/sessions/")
    expect(page.locator("#password")).to_be_visible()


def test_a_wrong_password_is_told_and_the_name_kept(page: Page, site: Site) -> None:
    """The form says what to do, keeps the name and never the password."""
    page.goto(f"{site.url}/sign-in/")
    page.fill("#username", "sofia")
    page.fill("#password", "not it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    expect(page.locator("#username")).to_have_value("sofia")
    expect(page.locator("#password")).to_have_value("")
