"""Chromium, one launch a module, and pages on which a violated policy or a script's error fails the test."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--no-default-browser-check",
]  # fmt: skip
NOWHERE = "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
REPORT_VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation', (event) =>"
    " console.error(`violated ${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`));"
)
# Chromium notes every answer of 400 and above; the pages that tests refuse on purpose are among them.
EXPECTED = "Failed to load resource: the server responded with a status of 4"

NewContext = Callable[..., BrowserContext]


class Complaints:
    """What the browser complained of: policies violated, scripts that failed."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.heard: list[str] = []

    def listen(self, page: Page) -> None:
        """Complaints on this page are heard from here on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            self.heard.append(f"{message.location['url']}: {message.text}")


@pytest.fixture(scope="module")
def resolver_rules() -> str:
    """Which names lead where; all others lead nowhere."""
    return NOWHERE


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory, resolver_rules: str) -> Iterator[Browser]:
    """One launch a module: a running Playwright keeps Django's tables shut for the tests that follow."""
    home = str(tmp_path_factory.mktemp("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--host-resolver-rules={resolver_rules}"],
            env={**os.environ, "HOME": home},
        )
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def new_context(chromium: Browser, complaints: Complaints) -> Iterator[NewContext]:
    """Browsers of different people; each complaint of any of them fails the test."""
    contexts: list[BrowserContext] = []

    def make(**wishes: Any) -> BrowserContext:
        context = chromium.new_context(**wishes)
        context.set_default_timeout(10_000)
        if wishes.get("java_script_enabled", True):
            context.add_init_script(REPORT_VIOLATIONS)
        context.on("page", complaints.listen)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert complaints.heard == []


@pytest.fixture
def page(new_context: NewContext) -> Page:
    """One page of a person with scripts on."""
    return new_context().new_page()
