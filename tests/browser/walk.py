"""The steps that several tests take through the pages."""

from playwright.sync_api import Page

from deploy.demo import company as cast

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"


def sign_in(page: Page, url: str, username: str = PERSON, password: str = PASSWORD) -> None:
    """The form is filled in and sent; the roles are shown."""
    page.goto(f"{url}/sign-in/")
    page.fill("#username", username)
    page.fill("#password", password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def button(page: Page, words: str, arn: str = ARN) -> None:
    """This button of this role is pressed."""
    page.locator(f'article.role[data-arn="{arn}"]').get_by_text(words, exact=True).click()
