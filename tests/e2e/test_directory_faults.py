"""The whole site while its directory is down, or silent, and when it comes back."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from deploy.demo import company as cast
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import MAPPING, Site, own_database

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
# Far more than anybody may get wrong: were they counted, the person could not sign in afterwards.
MANY_TRIES = 40
THREADS = 4


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("directory"), ldif=cast.ldif("dc=example,dc=test")) as slapd:
        yield slapd


@pytest.fixture(scope="module")
def lonely_site(
    tmp_path_factory: pytest.TempPathFactory, directory: Slapd, postgres: Postgres, redis: RedisServer
) -> Iterator[Site]:
    """A site that was started while no directory answered; it answers now."""
    with Site(
        tmp_path_factory.mktemp("lonely"),
        slapd=directory,
        database_url=own_database(postgres, "lonely_site"),
        redis=redis,
        local_aws_url="http://127.0.0.1:9",
        # Every click asks again.
        DRAWBRIDGE_DIRECTORY_REUSE_SECONDS="0",
    ) as site:
        site.prepare(mapping=MAPPING)
        directory.stop()
        site.start_web(threads=THREADS)
        status, answer = site.ready()
        assert (status, cause_of(answer)) == (503, "no server answers (directory)")
        directory.start()
        yield site


def cause_of(ready: dict[str, object]) -> object:
    """What readiness says of the directory."""
    parts = ready["parts"]
    assert isinstance(parts, dict)
    return parts["directory"].get("cause", "")


def another_tab(browser: HttpBrowser) -> HttpBrowser:
    """The same person on a connection of its own: the server closes what has been idle for ten seconds."""
    tab = HttpBrowser(browser.url)
    tab.cookies, tab.csrf = browser.cookies, browser.csrf
    return tab


def sign_in_until_it_works(site: Site, within: float) -> HttpBrowser:
    """A browser that is signed in; the directory's return is noticed in time, without anybody's help."""
    browser = HttpBrowser(site.url)
    until = time.monotonic() + within
    while browser.try_sign_in(PERSON, PASSWORD, expect=None) or browser.status != 302:
        assert browser.status == 503, browser.text[:500]
        assert time.monotonic() < until
        time.sleep(0.2)
    browser.ask("GET", "/")
    return browser


@pytest.mark.fault(1)
def test_while_the_directory_is_down_those_inside_go_on_and_others_are_told(
    lonely_site: Site, directory: Slapd
) -> None:
    """A refused connection is a 503 within five seconds, counts as nobody's failure, and ends with the fault."""
    inside = sign_in_until_it_works(lonely_site, 10)
    inside.open_console(ACCOUNT, ROLE)
    directory.stop()
    outside = HttpBrowser(lonely_site.url)
    for _ in range(MANY_TRIES):
        began = time.monotonic()
        outside.try_sign_in(PERSON, PASSWORD, expect=503)
        assert time.monotonic() - began < 5
    assert "directory cannot be reached" in outside.text
    assert int(outside.headers["retry-after"]) > 0
    another_tab(inside).open_console(ACCOUNT, ROLE)
    status, answer = lonely_site.ready()
    assert (status, cause_of(answer)) == (503, "no server answers (directory)")
    assert directory.uri in str(answer)
    directory.start()
    sign_in_until_it_works(lonely_site, 10)
    assert lonely_site.ready()[0] == 200


@pytest.mark.fault(2)
def test_a_silent_directory_stalls_no_other_page(lonely_site: Site, directory: Slapd) -> None:
    """While sign-ins pour in, other pages answer as ever; each sign-in ends in eight seconds, later ones in one."""
    inside = sign_in_until_it_works(lonely_site, 10)
    inside.open_console(ACCOUNT, ROLE)
    assert directory.process is not None
    directory.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        ends = began + 9
        names = count()

        def pour(_number: int) -> list[tuple[float, float, int]]:
            browser, tries = HttpBrowser(lonely_site.url), []
            while (at := time.monotonic()) < ends:
                name = PERSON if next(names) % 2 else f"stranger-{next(names)}"
                browser.try_sign_in(name, PASSWORD, expect=None)
                tries.append((at - began, time.monotonic() - at, browser.status))
            return tries

        pages: list[float] = []
        looker = threading.Thread(target=look_around, args=(lonely_site, ends, pages))
        looker.start()
        with ThreadPoolExecutor(THREADS * 2) as crowd:
            tries = [one for many in crowd.map(pour, range(THREADS * 2)) for one in many]
        looker.join(30)
        # The person inside goes on with what the directory said last.
        another_tab(inside).open_console(ACCOUNT, ROLE)
        status, answer = lonely_site.ready()
        assert (status, cause_of(answer)) == (503, "no server answers (directory)")
    finally:
        directory.process.send_signal(signal.SIGCONT)
    assert {status for _, _, status in tries} <= {503, 429}
    assert len(tries) > THREADS * 2
    assert max(took for _, took, _ in tries) < 8.5
    later = [took for at, took, _ in tries if at > 4]
    assert later
    assert max(later) < 1.9
    pages.sort()
    assert len(pages) > 30
    # One page that has to wait for the directory would take three seconds.
    assert pages[int(len(pages) * 0.95)] < 0.5, pages[-10:]
    assert pages[-1] < 1.5, pages[-10:]
    sign_in_until_it_works(lonely_site, 10)


def look_around(site: Site, ends: float, pages: list[float]) -> None:
    """How long pages took that need no directory, one after the other until the end."""
    browser = HttpBrowser(site.url)
    while time.monotonic() < ends:
        for path in ("/sign-in/", "/saml/metadata", "/health/live"):
            began = time.monotonic()
            browser.ask("GET", path)
            pages.append(time.monotonic() - began)
        time.sleep(0.05)
