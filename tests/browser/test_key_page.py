"""The page of the signing key, in Chromium: it fits, can be read, and its steps are taken by keyboard and mouse."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_use import CONTRAST
from tests.servers.site import Site

NewContext = Callable[..., BrowserContext]
NAME, PASSWORD = "root.keys", "a long password for the page of keys"


def sign_in_as_administrator(page: Page, site: Site) -> None:
    """A local administrator is signed in, and the page of the key is open."""
    page.goto(f"{site.url}/admin/idp/keyconfirmation/")
    page.fill("#username", NAME)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/keyconfirmation/")


@pytest.fixture(scope="module")
def administered(site: Site) -> Site:
    """The shared site, with an administrator of this file."""
    site.manage("break_glass", "create", NAME, stdin=f"{PASSWORD}\n")
    return site


def fits(page: Page, width: int) -> None:
    """Nothing scrolls sideways, and every text of ours can be read (WCAG 2.2, 1.4.3 and 1.4.10)."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    ours = page.evaluate(CONTRAST.replace('"body *"', '"#content-main *"'))
    assert ours == [], page.url


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_keys_fits_and_can_be_read(
    new_context: NewContext, administered: Site, width: int, scheme: str
) -> None:
    """Before, with a published key, on the page of a step and after taking it back; on both kinds of screen."""
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in_as_administrator(page, administered)
    fits(page, width)
    page.get_by_role("link", name="Publish…").click()
    fits(page, width)
    page.get_by_role("button", name="Make the key and publish it").click()
    expect(page.get_by_text("its certificate stands in our metadata (SHA-256")).to_be_visible()
    fits(page, width)
    page.get_by_role("link", name="Switch…").click()
    expect(page.get_by_label("Type “switch without")).to_be_visible()
    fits(page, width)
    page.get_by_role("link", name="Leave it as it is").click()
    page.get_by_role("link", name="Take back…").click()
    fits(page, width)
    page.get_by_role("button", name="Take it back now").click()
    expect(page.get_by_text("There is nothing to take back")).to_be_visible()
    fits(page, width)
