"""A reset password, from the refused sign-in to the roles: no scripts, by keyboard, on any screen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_use import CONTRAST
from tests.servers.site import Site
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

NewContext = Callable[..., BrowserContext]
NEW_PASSWORD = "Entirely-New-42"


@pytest.fixture
def ada(newcomers: Newcomers) -> str:
    """Somebody whose password has been reset, under a policy that wants ten characters."""
    policy = f"cn=must-change,ou=policies,{newcomers.slapd.base}"
    newcomers.add(
        policy, objectClass=["person", "pwdPolicy"], cn="must-change", sn="policy", pwdAttribute="userPassword",
        pwdMustChange="TRUE", pwdAllowUserChange="TRUE", pwdMinLength="10", pwdCheckQuality="2",
    )  # fmt: skip
    dn = newcomers.person("ada")
    newcomers.change(dn, f"add: pwdPolicySubentry\npwdPolicySubentry: {policy}")
    newcomers.change(dn, "replace: pwdReset\npwdReset: TRUE")
    return "ada"


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """The sign-in form is sent with the keyboard."""
    page.goto(f"{url}/sign-in/")
    expect(page.locator("#username")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def change(page: Page, new: str) -> None:
    """The form is filled in from where the cursor stands, and sent."""
    expect(page.locator("#password")).to_be_focused()
    for typed in (RIGHT_PASSWORD, new, new):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def test_the_whole_way_without_scripts_by_keyboard(new_context: NewContext, site: Site, ada: str) -> None:
    """Told, refused with the policy's reason, changed, signed in; and the new password is the one that opens."""
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, site.url, ada, RIGHT_PASSWORD)
    expect(page.locator("#code")).to_have_text("password-change-needed")
    expect(page.locator("#username")).to_have_value("ada")
    change(page, "short-1")
    expect(page.locator("#sentence")).to_contain_text("at least 10 characters")
    assert page.locator("input[type=password]").evaluate_all("all => all.map(one => one.value)") == [
        "",
        "",
        "",
    ]
    change(page, NEW_PASSWORD)
    page.wait_for_url(f"{site.url}/")
    fresh = new_context().new_page()
    sign_in(fresh, site.url, ada, NEW_PASSWORD)
    fresh.wait_for_url(f"{site.url}/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_can_be_read(new_context: NewContext, site: Site, ada: str, scheme: str, width: int) -> None:
    """Nothing sticks out and everything has contrast, with the reason for being there above the form."""
    page = new_context(color_scheme=scheme, viewport={"width": width, "height": 800}).new_page()
    sign_in(page, site.url, ada, RIGHT_PASSWORD)
    expect(page.locator("#new_password")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) == []
