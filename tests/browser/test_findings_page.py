"""The page of role findings, in Chromium: none, and sixty of them with the longest names that AWS allows."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_key_page import NewContext, fits
from tests.servers.site import Site

NAME, PASSWORD = "root.findings", "a long password for the page of findings"
SHOTS = os.environ.get("SHOTS")
NONE = "from idp.models import RoleFinding; RoleFinding.objects.all().delete()"
SIXTY = """
from datetime import UTC, datetime
from idp.services.role_findings import FindingRow, store_findings
from sts_bridge.domain.drift import Drift
kinds, now = list(Drift), datetime.now(UTC)
for account in ("111122223333", "222233334444", "444455556666"):
    store_findings(account, [
        FindingRow(
            kinds[number % len(kinds)].value,
            account,
            f"arn:aws:iam::{account}:role/{'division/' * (number % 8)}{'VeryLongRoleNameOfATeam' * 2}-{number:02}",
            "sign-in fails at https://eu-central-1.signin.aws.amazon.com/saml, https://signin.aws.amazon.com/saml:"
            " saml:aud does not hold it",
        )
        for number in range(20)
    ], now=now)
"""


@pytest.fixture(scope="module")
def known(site: Site) -> Iterator[Site]:
    """The shared site with an administrator of this file, and nothing found."""
    site.manage("break_glass", "create", NAME, stdin=f"{PASSWORD}\n")
    shell(site, NONE)
    yield site
    shell(site, NONE)


def shell(site: Site, command: str) -> None:
    site.manage("shell", "--no-imports", "--command", command)


def look(page: Page, name: str, width: int) -> None:
    fits(page, width)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/findings-{name}.png", full_page=True)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_findings_are_read_found_and_opened(
    new_context: NewContext, known: Site, width: int, scheme: str
) -> None:
    """None is told as none; sixty fit on both kinds of screen, are filtered by kind, searched, and opened."""
    shell(known, NONE)
    page = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    page.goto(f"{known.url}/admin/idp/rolefinding/")
    page.fill("#username", NAME)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/rolefinding/")
    expect(page.locator("#changelist")).to_contain_text("0 role findings")
    look(page, f"none-{width}-{scheme}", width)
    shell(known, SIXTY)
    page.reload()
    expect(page.locator("#result_list tbody tr")).to_have_count(50)
    expect(page.locator(".paginator")).to_contain_text("60 role findings")
    look(page, f"sixty-{width}-{scheme}", width)
    page.goto(f"{known.url}/admin/idp/rolefinding/?kind=audience-missing&q=444455556666")
    rows = page.locator("#result_list tbody tr")
    assert 0 < rows.count() < 20
    for row in rows.all():
        expect(row).to_contain_text("audience-missing")
        expect(row).to_contain_text("444455556666")
    rows.first.get_by_role("link").first.click()
    expect(page.locator("#content")).to_contain_text("saml:aud does not hold it")
    look(page, f"one-{width}-{scheme}", width)
