"""The whole site without its directory: who is signed in goes on until the deadline, and afterwards as before."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.demo import company as cast
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.e2e.test_leavers import ACCOUNT, rules_below
from tests.http_browser import HttpBrowser
from tests.servers.either_directory import OnSamba, environment
from tests.servers.postgres import Postgres
from tests.servers.samba import AdPeople, SambaDc, controller
from tests.servers.site import MAPPING, Site, own_database
from tests.servers.slapd import directory_settings
from tests.servers.timetable import wait_for

DEADLINE_SECONDS = 18
KEEPER, KEEPERS_PASSWORD = "keeper", "keeps-the-envelope-sealed"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A directory that the test may stop, and whom it holds."""

    stop: Callable[[], None]
    start: Callable[[], object]
    environment: dict[str, str]
    person: str
    password: str
    other: str
    others_password: str
    account: str
    role: str
    mapping: str


@pytest.fixture(params=["openldap", "active-directory"])
def somewhere(request: pytest.FixtureRequest, tmp_path: Path, samba_template: SambaDc) -> Iterator[Stopped]:
    """Each kind of directory, running, and nobody else's."""
    if request.param == "openldap":
        person, password, account, role = cast.BENCH_PERSON
        with Slapd(tmp_path / "slapd", ldif=cast.ldif("dc=example,dc=test")) as slapd:
            yield Stopped(
                slapd.stop, slapd.start, environment(directory_settings(slapd)),
                person, password, "omar", cast.password_of("omar"), account, role, MAPPING.read_text(),
            )  # fmt: skip
        return
    with controller(samba_template, tmp_path / "samba") as dc:
        made = AdPeople(dc)
        verbs = OnSamba(made)
        made.group(f"AWS-{ACCOUNT}-ReadOnly", made.person("jane"), made.person("omar"))
        made.link.unbind_s()
        yield Stopped(
            dc.stop, dc.start, verbs.environment(),
            "jane", verbs.password, "omar", verbs.password, ACCOUNT, "ReadOnly", rules_below(verbs.group_base),
        )  # fmt: skip


@pytest.mark.fault(1)
def test_while_the_directory_is_gone(
    tmp_path: Path,
    company: Slapd,
    postgres: Postgres,
    redis: RedisServer,
    somewhere: Stopped,
    request: pytest.FixtureRequest,
) -> None:
    """Signed in: clicks until the deadline, over a restart, then 503; back again: the next click, without signing in.

    New sign-ins hear within five seconds that the directory is not available, which counts against nobody;
    break-glass administrators get in; readiness says what is missing.
    """
    name = f"gone_{request.node.callspec.id.replace('-', '_')}"
    with Site(
        tmp_path / "site",
        slapd=company,
        database_url=own_database(postgres, name),
        redis=redis,
        local_aws_url="http://127.0.0.1:9",
        port=None,
        **somewhere.environment,
        DRAWBRIDGE_DIRECTORY_REUSE_SECONDS="0",
        DRAWBRIDGE_RECHECK_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
    ) as site:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(somewhere.mapping)
        site.prepare(mapping=mapping)
        site.manage("break_glass", "create", KEEPER, stdin=f"{KEEPERS_PASSWORD}\n")
        web = site.start_web()
        browser = HttpBrowser(site.url)
        browser.sign_in(somewhere.person, somewhere.password)
        assert browser.open_console(somewhere.account, somewhere.role)
        answered_at = time.monotonic()

        somewhere.stop()
        assert browser.open_console(somewhere.account, somewhere.role)
        web.kill()
        browser.connection.close()
        site.start_web()
        browser.ask("GET", "/")
        assert browser.open_console(somewhere.account, somewhere.role)
        assert time.monotonic() - answered_at < DEADLINE_SECONDS, "too slow a machine for this deadline"

        for _ in range(8):
            stranger = HttpBrowser(site.url)
            began = time.monotonic()
            stranger.try_sign_in(somewhere.other, somewhere.others_password, expect=503)
            assert time.monotonic() - began < 5
            assert "directory" in stranger.text
            assert int(stranger.headers["retry-after"]) > 0
        keeper = HttpBrowser(site.url)
        keeper.ask("GET", "/admin/login/")
        keeper.post("/admin/login/", {"username": KEEPER, "password": KEEPERS_PASSWORD}, expect=302)
        keeper.ask("GET", "/admin/")
        assert unwell(site) == {"directory"}

        time.sleep(max(0.0, answered_at + DEADLINE_SECONDS + 1 - time.monotonic()))
        browser.connection.close()
        browser.ask("GET", "/sessions/")
        browser.ask("GET", "/", expect=503)
        assert browser.open_console(somewhere.account, somewhere.role, expect=503) == ""

        somewhere.start()
        returned = time.monotonic()
        wait_for(lambda: browser.open_console(somewhere.account, somewhere.role, expect=None), seconds=10)
        assert time.monotonic() - returned < 10
        other = HttpBrowser(site.url)
        wait_for(lambda: signs_in(other, somewhere), seconds=10)
        wait_for(lambda: not unwell(site), seconds=10)


def signs_in(browser: HttpBrowser, somewhere: Stopped) -> bool:
    """Whether the other person is let in: nothing of the outage counts against them."""
    browser.try_sign_in(somewhere.other, somewhere.others_password, expect=None)
    return browser.status == 302


def unwell(site: Site) -> set[str]:
    """The parts that readiness complains of."""
    _, answer = site.ready()
    parts: dict[str, dict[str, object]] = answer["parts"]  # type: ignore[assignment] # as the answer is made
    return {name for name, part in parts.items() if not part["ok"]}
