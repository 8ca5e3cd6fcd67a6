"""The page of AWS's regions, in Chromium: thirty of them, one that fails, some that somebody switched off."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.test_key_page import NewContext, fits
from tests.servers.site import Site

NAME, PASSWORD = "root.regions", "a long password for the page of regions"
THIRTY = """
from datetime import UTC, datetime
from idp.services.regions import Endpoint, note_probe, switch_region
now = datetime.now(UTC)
for number in range(30):
    for sign_in in (False, True):
        failed = "ReadTimeoutError: Read timeout on endpoint URL: https://sts.eu-north-7.amazonaws.com/ (read 5 s)"
        note_probe(f"eu-north-{number}", problem=failed if number == 7 else "", now=now, sign_in=sign_in)
switch_region("eu-north-3", off=True, by="corp:maria.long-name@example.test", now=now)
switch_region("eu-north-4", off=True, by="corp:maria", now=now, of=(Endpoint.STS,))
"""


@pytest.fixture(scope="module")
def thirty(site: Site) -> Iterator[Site]:
    """The shared site with thirty regions that it knows of, and an administrator of this file."""
    site.manage("break_glass", "create", NAME, stdin=f"{PASSWORD}\n")
    site.manage("shell", "--no-imports", "--command", THIRTY)
    yield site
    site.manage(
        "shell",
        "--no-imports",
        "--command",
        "from idp.models import RegionHealth; RegionHealth.objects.filter(region__startswith='eu-north-').delete()",
    )


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_thirty_regions_fit_and_are_switched(
    new_context: NewContext, thirty: Site, width: int, scheme: str
) -> None:
    """All can be read on both kinds of screen; one endpoint is switched off by hand, and on again."""
    page = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    page.goto(f"{thirty.url}/admin/idp/regionhealth/")
    page.fill("#username", NAME)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/regionhealth/")
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/regions-{width}-{scheme}.png", full_page=True)
    fits(page, width)
    row = page.get_by_role("row").filter(has_text="eu-north-11")
    expect(row).to_contain_text("answers")
    for action, told, after in (
        (
            "switch_off_sign_in",
            "Not used any more: sign-in of eu-north-11.",
            "switched off by local:root.regions",
        ),
        ("switch_on_sign_in", "Used again: sign-in of eu-north-11.", "answers"),
    ):
        row.get_by_role("checkbox").check()
        page.locator('select[name="action"]').select_option(action)
        page.get_by_role("button", name="Go").click()
        expect(page.get_by_text(told)).to_be_visible()
        expect(row).to_contain_text(after)
        fits(page, width)
    page.get_by_role("link", name="eu-north-7").click()
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/region-{width}-{scheme}.png", full_page=True)
    fits(page, width)
