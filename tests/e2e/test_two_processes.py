"""What one process changes holds for the next request of every other."""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import ROOT, Site, own_database

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
MAPPING = ROOT / "deploy/demo/mapping.yaml"
certificate_text = re.compile(r"<ds:X509Certificate>([^<]+)<")


@pytest.fixture
def two_sites(
    tmp_path: Path, company: Slapd, postgres: Postgres, request: pytest.FixtureRequest
) -> Iterator[tuple[Site, Site]]:
    """Two web processes over one database, one key folder and one directory."""
    name = f"two_{abs(hash(request.node.name)):x}"
    url = own_database(postgres, name)
    with Site(tmp_path / "one", slapd=company, database_url=url, local_aws_url="http://127.0.0.1:9") as one:
        one.prepare(mapping=MAPPING)
        one.start_web()
        with Site(
            tmp_path / "two", slapd=company, database_url=url, local_aws_url="http://127.0.0.1:9"
        ) as two:
            two.env |= {
                "SECRET_KEY": one.env["SECRET_KEY"],
                "DRAWBRIDGE_KEY_DIR": one.env["DRAWBRIDGE_KEY_DIR"],
                "STATIC_ROOT": one.env["STATIC_ROOT"],
            }
            two.start_web()
            yield one, two


def test_rules_changed_by_one_process_hold_for_the_next_request_of_the_others(
    two_sites: tuple[Site, Site], tmp_path: Path
) -> None:
    """A rule taken away by a command is gone for both web processes at once, and comes back at once."""
    browsers = [HttpBrowser(site.url) for site in two_sites]
    for browser in browsers:
        browser.sign_in(PERSON, PASSWORD)
        assert browser.open_console(ACCOUNT, ROLE)
    mapping = yaml.safe_load(MAPPING.read_text())
    mapping["rules"] = []
    without_rules = tmp_path / "without.yaml"
    without_rules.write_text(yaml.safe_dump(mapping))
    two_sites[0].manage("mapping", "import", str(without_rules))
    for browser in browsers:
        browser.open_console(ACCOUNT, ROLE, expect=403)
    two_sites[0].manage("mapping", "import", str(MAPPING))
    for browser in browsers:
        browser.ask("GET", "/")
        assert browser.open_console(ACCOUNT, ROLE)


def test_a_key_promoted_by_one_process_signs_the_next_statement_of_the_others(
    two_sites: tuple[Site, Site],
) -> None:
    """Soon after the promotion both web processes sign with the new key, and metadata shows both certificates."""
    browsers = [HttpBrowser(site.url) for site in two_sites]
    for browser in browsers:
        browser.sign_in(PERSON, PASSWORD)
    [before] = {signer_of(browser) for browser in browsers}
    two_sites[0].manage("make_signing_key")
    assert {signer_of(browser) for browser in browsers} == {before}
    for browser in browsers:
        soon(partial(shows, browser, 2))
    two_sites[0].manage("make_signing_key", "--promote")
    for browser in browsers:
        soon(partial(signs_by_another, browser, before))
    [after] = {signer_of(browser) for browser in browsers}
    for browser in browsers:
        published = certificate_text.findall(browser.ask("GET", "/saml/metadata"))
        assert {"".join(text.split()) for text in published} == {before, after}


def shows(browser: HttpBrowser, certificates: int) -> bool:
    """Whether the metadata has so many certificates."""
    return len(certificate_text.findall(browser.ask("GET", "/saml/metadata"))) == certificates


def signs_by_another(browser: HttpBrowser, certificate: str) -> bool:
    """Whether another key than that of this certificate signs."""
    browser.ask("GET", "/")
    return signer_of(browser) != certificate


def soon(holds: Callable[[], bool]) -> None:
    """What the keys of all processes promise: it holds within 30 seconds."""
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "not within 30 seconds"
        time.sleep(0.2)


def signer_of(browser: HttpBrowser) -> str:
    """The one certificate that a statement names."""
    [certificate] = {
        "".join(text.split()) for text in certificate_text.findall(browser.document(ACCOUNT, ROLE))
    }
    return certificate


def test_sign_in_on_one_process_holds_on_the_other(two_sites: tuple[Site, Site]) -> None:
    """Sessions live in the database: any process serves them, and signing out at one ends it at the other."""
    one, two = (HttpBrowser(site.url) for site in two_sites)
    one.sign_in(PERSON, PASSWORD)
    two.cookies = one.cookies
    two.ask("GET", "/sessions/")
    one.ask("GET", "/sessions/")
    one.post("/sign-out/", expect=302)
    two.ask("GET", "/sessions/", expect=302)
    assert two.headers["location"].startswith("/sign-in/")
