"""Faults that an operator meets, and what was promised for each; servers of our own are stopped and started."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from deploy.demo import company as cast
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import ROOT, Site, own_database

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
MAPPING = ROOT / "deploy/demo/mapping.yaml"
ISSUED = "SELECT count(*) FROM idp_auditrecord WHERE event = 'person:assertion:issued'"


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that a test may kill: what it has confirmed it keeps."""
    with Postgres(durable=True) as server:
        yield server


@pytest.fixture
def faulty_site(tmp_path: Path, company: Slapd, own_postgres: Postgres, redis: RedisServer) -> Iterator[Site]:
    url = own_database(own_postgres, "faults")
    with Site(
        tmp_path, slapd=company, database_url=url, redis=redis, local_aws_url="http://127.0.0.1:9"
    ) as site:
        site.prepare(mapping=MAPPING)
        site.start_web()
        yield site


@pytest.mark.fault(8)
def test_without_the_database_nothing_is_issued_and_what_needs_none_is_served(
    faulty_site: Site, own_postgres: Postgres
) -> None:
    """Issuance and sign-in answer 503 with Retry-After within two seconds; metadata and health go on."""
    browser = HttpBrowser(faulty_site.url)
    browser.sign_in(PERSON, PASSWORD)
    browser.open_console(ACCOUNT, ROLE)
    own_postgres.halt()
    began = time.monotonic()
    assert browser.open_console(ACCOUNT, ROLE, expect=503) == ""
    assert time.monotonic() - began < 2
    assert int(browser.headers["retry-after"]) > 0
    stranger = HttpBrowser(faulty_site.url)
    began = time.monotonic()
    stranger.ask("GET", "/sign-in/")
    stranger.post("/sign-in/", {"username": PERSON, "password": PASSWORD}, expect=503)
    assert time.monotonic() - began < 2
    stranger.ask("GET", "/saml/metadata")
    stranger.ask("GET", "/health/live")
    status, answer = faulty_site.ready()
    assert status == 503
    assert "database" in str(answer)
    own_postgres.start_again()
    returned = time.monotonic()
    while browser.open_console(ACCOUNT, ROLE, expect=None) == "":
        assert time.monotonic() - returned < 5, browser.text[:500]
        time.sleep(0.1)
    assert faulty_site.ready()[0] == 200


@pytest.mark.fault(9)
def test_a_database_session_killed_mid_request_gives_a_whole_answer_or_a_clean_error(
    faulty_site: Site, own_postgres: Postgres
) -> None:
    """While sessions are killed at random, every statement received has its committed audit row."""
    browser = HttpBrowser(faulty_site.url)
    browser.sign_in(PERSON, PASSWORD)
    received, refused = 0, 0
    killer = psycopg2.connect(own_postgres.url("postgres"))
    killer.autocommit = True
    with killer.cursor() as cursor:
        for number in range(60):
            if number % 3 == 0:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'faults'"
                )
            if browser.open_console(ACCOUNT, ROLE, expect=None):
                received += 1
            else:
                assert browser.status == 503, browser.text[:500]
                assert "retry-after" in browser.headers
                refused += 1
    killer.close()
    assert received > 0
    assert received + refused == 60
    assert int(own_postgres.query(ISSUED, "faults")) >= received
    assert browser.open_console(ACCOUNT, ROLE)


@pytest.mark.fault(18)
def test_where_no_audit_row_can_be_written_nothing_is_issued(
    faulty_site: Site, own_postgres: Postgres
) -> None:
    """A database that takes no more rows (a full disk refuses them alike) leaves nothing issued; relief restores."""
    browser = HttpBrowser(faulty_site.url)
    browser.sign_in(PERSON, PASSWORD)
    browser.open_console(ACCOUNT, ROLE)
    before = own_postgres.query(ISSUED, "faults")
    full = (
        "CREATE FUNCTION disk_full() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'could not extend file: "
        "No space left on device' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql;"
        "CREATE TRIGGER disk_full BEFORE INSERT ON idp_auditrecord EXECUTE FUNCTION disk_full()"
    )
    own_postgres.query(full, "faults")
    assert browser.open_console(ACCOUNT, ROLE, expect=503) == ""
    assert own_postgres.query(ISSUED, "faults") == before
    assert "SAMLResponse" not in browser.text
    own_postgres.query("DROP TRIGGER disk_full ON idp_auditrecord", "faults")
    assert browser.open_console(ACCOUNT, ROLE)


@pytest.mark.fault(19)
def test_without_a_sound_signing_key_nothing_is_issued_and_ready_says_why(faulty_site: Site) -> None:
    """Key missing, open to others, or not the certificate's: 503 and the exact cause; mended, it works."""
    browser = HttpBrowser(faulty_site.url)
    browser.sign_in(PERSON, PASSWORD)
    browser.open_console(ACCOUNT, ROLE)
    keys = Path(faulty_site.env["DRAWBRIDGE_KEY_DIR"])
    key, aside = keys / "current.key.pem", keys / "aside"
    mode = key.stat().st_mode & 0o777

    key.rename(aside)
    refused_for(faulty_site, browser, "missing")
    aside.rename(key)
    soon(browser, 200)

    key.chmod(0o644)
    refused_for(faulty_site, browser, "read")
    key.chmod(mode)
    soon(browser, 200)

    other = keys.parent / "other"
    other.mkdir()
    faulty_site.env["DRAWBRIDGE_KEY_DIR"] = str(other)
    faulty_site.manage("make_signing_key")
    key.rename(aside)
    (other / "current.key.pem").rename(key)
    refused_for(faulty_site, browser, "certificate")
    os.replace(aside, key)  # noqa: PTH105 - the name says that the target may exist
    soon(browser, 200)


def soon(browser: HttpBrowser, status: int) -> None:
    """What a change of the keys promises: it holds within 30 seconds."""
    until = time.monotonic() + 30
    while True:
        browser.ask("GET", "/")
        browser.open_console(ACCOUNT, ROLE, expect=None)
        if browser.status == status:
            return
        assert time.monotonic() < until, f"still {browser.status}"
        time.sleep(0.2)


def refused_for(site: Site, browser: HttpBrowser, cause: str) -> None:
    """Nothing is issued, and readiness names the cause."""
    soon(browser, 503)
    assert browser.open_console(ACCOUNT, ROLE, expect=503) == ""
    status, answer = site.ready()
    assert status == 503
    assert cause in str(answer), answer
