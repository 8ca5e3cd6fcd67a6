"""A narrower console in Chromium: what is told before the click, and what then opens by the federation endpoint."""

import os
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.test_key_page import NewContext, fits
from tests.browser.walk import ACCOUNT, ROLE, sign_in
from tests.servers.local_aws import LocalAws
from tests.servers.site import Site

SHOTS = os.environ.get("SHOTS")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_told_is_what_opens(
    new_context: NewContext, site: Site, site_aws: LocalAws, width: int, scheme: str
) -> None:
    """Half an hour, reading only, one region: told with what decides and the policy, then so in the console."""
    page = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    sign_in(page, site.url)
    page.goto(f"{site.url}/go/{ACCOUNT}/{ROLE}/narrow")
    expect(page.locator("#narrowed")).to_have_text("The whole role.")
    page.get_by_label("Time").select_option("30")
    page.get_by_label("Reading only").check()
    page.get_by_label("One region").fill("eu-central-1")
    page.get_by_role("button", name="Show what this gives").click()
    expect(page.locator("#narrowed")).to_have_text(
        "The role, reading only, in eu-central-1 only, 30 min at most."
    )
    for table in page.locator("table.limits").all():
        expect(table.locator("tr.wins")).to_contain_text("what you chose")
    told = page.locator("section", has_text="What this gives").last
    expect(told).to_contain_text("arn:aws:iam::aws:policy/ReadOnlyAccess")
    policy = told.locator("pre").inner_text()
    assert re.search(r"\b[1-9][0-9]? % of what AWS takes", told.inner_text())
    fits(page, width)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/narrow-{width}-{scheme}.png", full_page=True)
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url.partition("?")[0]))
    page.get_by_role("button", name="Open the console").click()
    page.wait_for_url(f"{site_aws.url}/console/**")
    expect(page.locator("#role")).to_have_text(ROLE)
    narrowed = page.locator("#narrowed-by").inner_text()
    assert narrowed.startswith("arn:aws:iam::aws:policy/ReadOnlyAccess {")
    assert "".join(policy.split()) in "".join(narrowed.split())
    ends_at = datetime.fromisoformat(page.locator("#ends-at").get_attribute("datetime") or "")
    assert timedelta() < ends_at - datetime.now(UTC) <= timedelta(minutes=30)
    assert f"{site_aws.url}/federation" in addresses
    assert f"{site_aws.url}/saml" not in addresses
    fits(page, width)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/narrowed-console-{width}-{scheme}.png", full_page=True)
    page.goto(f"{site.url}/sessions/")
    expect(page.locator("tr.access").first).to_contain_text(
        "reading only, in eu-central-1 only, 30 min at most"
    )


def test_the_whole_role_is_opened_with_nothing_that_narrows_it(
    new_context: NewContext, site: Site, site_aws: LocalAws
) -> None:
    """The twin: the console of the role's own button says nothing of a policy."""
    page = new_context().new_page()
    sign_in(page, site.url)
    page.goto(f"{site.url}/go/{ACCOUNT}/{ROLE}")
    page.get_by_role("button", name="Open the console").click()
    page.wait_for_url(f"{site_aws.url}/console/**")
    expect(page.locator("#role")).to_have_text(ROLE)
    expect(page.locator("#narrowed-by")).to_have_count(0)
