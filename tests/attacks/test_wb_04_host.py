"""WB-04: the one public address is configured; no header replaces it."""

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.servers.site import Site

pytestmark = pytest.mark.attack("WB-04")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
PATHS = ["/", "/sign-in/", "/go/111122223333/ReadOnly", "/admin/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.test", "localhost.evil.test", "localhost@evil.test", "evil.test:8000"]
)
def test_another_host_is_refused(site: Site, host: str, path: str) -> None:
    """A Host that is not ours gets 400 and is not echoed; our own is served."""
    browser = HttpBrowser(site.url)
    browser.ask("GET", path, headers={"Host": host}, expect=400)
    assert "evil" not in browser.text
    browser.ask("GET", path, expect=None)
    assert browser.status in {200, 302}


FORWARDED = {
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "Forwarded": "host=evil.test;proto=https",
    "X-Original-Url": "https://evil.test/",
}


@pytest.mark.parametrize("header", FORWARDED)
def test_forwarded_headers_change_no_address(site: Site, header: str) -> None:
    """Metadata, ways to the sign-in and statements are the same with and without the header."""
    headers = {header: FORWARDED[header]}
    browser = HttpBrowser(site.url)
    plain = browser.ask("GET", "/saml/metadata")
    assert browser.ask("GET", "/saml/metadata", headers=headers) == plain
    assert site.url in plain
    browser.ask("GET", "/sessions/", headers=headers, expect=302)
    assert browser.headers["location"] == "/sign-in/?next=%2Fsessions%2F"
    browser.sign_in(PERSON, PASSWORD)
    page = browser.post(f"/roles/{ACCOUNT}/{ROLE}/console", None, expect=200, **headers)
    assert "evil" not in page
    assert f'action="{site.env["DRAWBRIDGE_AWS_SIGNIN_URL"]}/saml"' in page
