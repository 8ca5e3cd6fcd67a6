"""The whole site while its directory is gone, or tells a part only: who is signed in goes on, nobody new comes in."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import company as cast
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.e2e.test_leavers import ACCOUNT, rules_below
from tests.http_browser import HttpBrowser
from tests.servers.either_directory import OnSamba
from tests.servers.faulty_slapd import LIMITED, FaultySlapd
from tests.servers.postgres import Postgres
from tests.servers.samba import AdPeople, SambaDc, controller
from tests.servers.site import MAPPING, Site, own_database
from tests.servers.timetable import wait_for

DEADLINE_SECONDS = 18
ROLE = "ReadOnly"
KEEPER, KEEPERS_PASSWORD = "keeper", "keeps-the-envelope-sealed"


@pytest.fixture
def own_domain(samba_template: SambaDc, tmp_path: Path) -> Iterator[tuple[SambaDc, OnSamba]]:
    """A domain controller that the test may stop, with two people who may take a role."""
    with controller(samba_template, tmp_path / "samba") as dc:
        made = AdPeople(dc)
        made.group(f"AWS-{ACCOUNT}-{ROLE}", made.person("jane"), made.person("omar"))
        made.link.unbind_s()
        yield dc, OnSamba(made)


@pytest.mark.fault(1)
def test_without_the_domain_controller_until_the_deadline_and_back(
    tmp_path: Path,
    company: Slapd,
    postgres: Postgres,
    redis: RedisServer,
    own_domain: tuple[SambaDc, OnSamba],
) -> None:
    """Signed in: clicks until the deadline, over a restart, then 503; back again: the next click, without signing in.

    New sign-ins hear within five seconds that the directory is not available, which counts against nobody;
    break-glass administrators get in; readiness says what is missing.
    """
    dc, verbs = own_domain
    with Site(
        tmp_path / "site",
        slapd=company,
        database_url=own_database(postgres, "without_a_domain"),
        redis=redis,
        local_aws_url="http://127.0.0.1:9",
        port=None,
        **verbs.environment(),
        DRAWBRIDGE_DIRECTORY_REUSE_SECONDS="0",
        DRAWBRIDGE_RECHECK_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
    ) as site:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(rules_below(verbs.group_base))
        site.prepare(mapping=mapping)
        site.manage("break_glass", "create", KEEPER, stdin=f"{KEEPERS_PASSWORD}\n")
        web = site.start_web()
        browser = HttpBrowser(site.url)
        browser.sign_in("jane", verbs.password)
        answered_at = time.monotonic()
        assert browser.open_console(ACCOUNT, ROLE)

        dc.stop()
        assert browser.open_console(ACCOUNT, ROLE)
        web.kill()
        browser.connection.close()
        site.start_web()
        browser.ask("GET", "/")
        assert browser.open_console(ACCOUNT, ROLE)
        assert time.monotonic() - answered_at < DEADLINE_SECONDS, "too slow a machine for this deadline"

        for _ in range(8):
            stranger = HttpBrowser(site.url)
            began = time.monotonic()
            stranger.try_sign_in("omar", verbs.password, expect=503)
            assert time.monotonic() - began < 5
        keeper = HttpBrowser(site.url)
        keeper.ask("GET", "/admin/login/")
        keeper.post("/admin/login/", {"username": KEEPER, "password": KEEPERS_PASSWORD}, expect=302)
        keeper.ask("GET", "/admin/")
        assert unwell(site) == {"directory"}

        time.sleep(max(0.0, answered_at + DEADLINE_SECONDS + 1 - time.monotonic()))
        browser.connection.close()
        browser.ask("GET", "/sessions/")
        browser.ask("GET", "/", expect=503)
        assert browser.open_console(ACCOUNT, ROLE, expect=503) == ""

        dc.start()
        wait_for(lambda: browser.open_console(ACCOUNT, ROLE, expect=None), seconds=10)
        other = HttpBrowser(site.url)
        wait_for(lambda: signs_in(other, "omar", verbs.password), seconds=10)
        wait_for(lambda: not unwell(site), seconds=10)


@pytest.mark.fault(3)
def test_while_the_directory_tells_a_part_only(
    tmp_path: Path, faulty_company: FaultySlapd, postgres: Postgres
) -> None:
    """At a size limit whoever is inside keeps the roles they had, and nobody is let in; mended, all is well."""
    person, password, account, role = cast.BENCH_PERSON
    with Site(
        tmp_path,
        slapd=faulty_company,
        database_url=own_database(postgres, "a_part_only"),
        local_aws_url="http://127.0.0.1:9",
        port=None,
        DRAWBRIDGE_DIRECTORY_REUSE_SECONDS="0",
    ) as site:
        site.prepare(mapping=MAPPING)
        site.start_web()
        browser, stranger = HttpBrowser(site.url), HttpBrowser(site.url)
        browser.sign_in(person, password)
        before = browser.ask("GET", "/").count('class="role"')
        faulty_company.suffer(LIMITED.format(1))
        assert browser.ask("GET", "/").count('class="role"') == before > 0
        assert browser.open_console(account, role)
        stranger.try_sign_in("lena", cast.password_of("lena"), expect=503)
        faulty_company.suffer()
        wait_for(lambda: signs_in(stranger, "lena", cast.password_of("lena")), seconds=10)
        assert browser.open_console(account, role)


def signs_in(browser: HttpBrowser, name: str, password: str) -> bool:
    """Whether this person is let in: nothing of the outage counts against them."""
    browser.try_sign_in(name, password, expect=None)
    return browser.status == 302


def unwell(site: Site) -> set[str]:
    """The parts that readiness complains of."""
    _, answer = site.ready()
    parts: dict[str, dict[str, object]] = answer["parts"]  # type: ignore[assignment] # as the answer is made
    return {name for name, part in parts.items() if not part["ok"]}
