"""From the click to the signed response no program is started and no file is opened."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.bench.unit import children_of
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import ROOT, Site, own_database

THREADS = 4
PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
OPENS_OR_STARTS = "open,openat,openat2,creat,execve,execveat,fork,vfork,clone,clone3"
started_program = re.compile(r"\b(execve|execveat|fork|vfork)\(|\bclone3?\((?!.*CLONE_THREAD)")
opened_file = re.compile(r"\b(?:open|openat|openat2|creat)\(")


@pytest.fixture
def traced_site(tmp_path: Path, company: Slapd, postgres: Postgres) -> Iterator[Site]:
    url = own_database(postgres, "traced")
    with Site(tmp_path, slapd=company, database_url=url, local_aws_url="http://127.0.0.1:9") as site:
        site.prepare(mapping=ROOT / "deploy/demo/mapping.yaml")
        site.start_web(workers=1, threads=THREADS)
        yield site


def clicks_of(browser: HttpBrowser, _number: int) -> None:
    """The same person clicks in a tab of its own."""
    tab = HttpBrowser(browser.url)
    tab.cookies, tab.csrf = browser.cookies, browser.csrf
    for _ in range(10):
        tab.open_console(ACCOUNT, ROLE)


@contextmanager
def system_calls(pid: int, log: Path) -> Iterator[None]:
    """What the process and its threads ask of the kernel meanwhile stands in the log afterwards."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-q", "-e", f"trace={OPENS_OR_STARTS},sendto,write", "-o", log, "-p", str(pid)],
    )
    time.sleep(1)
    assert tracer.poll() is None, "strace could not watch the server"
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)


def test_a_click_opens_no_file_and_starts_no_program(traced_site: Site, tmp_path: Path) -> None:
    """A trace of the server process over twenty clicks shows traffic, and neither an open nor a new process."""
    browser = HttpBrowser(traced_site.url)
    browser.sign_in(PERSON, PASSWORD)
    with ThreadPoolExecutor(THREADS) as pool:
        # Every thread of the server has its own connection to the database afterwards.
        for _ in pool.map(partial(clicks_of, browser), range(THREADS * 2)):
            pass
    [worker] = children_of(traced_site.processes[0].pid)
    log = tmp_path / "calls"
    with system_calls(worker, log):
        for _ in range(20):
            browser.open_console(ACCOUNT, ROLE)
    calls = log.read_text().splitlines()
    assert sum("sendto(" in call for call in calls) >= 20, "the trace saw none of the traffic"
    assert [call for call in calls if started_program.search(call)] == []
    assert [call for call in calls if opened_file.search(call)] == []
