"""One worker process and two: clicks per second, per CPU second, and the memory that they take."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from deploy.demo.company import password_of
from tests.bench.clicks import CLICK_LIMIT
from tests.bench.services import check_answered, known_service, starting
from tests.bench.stage import ACCOUNT, ROLE, Stage
from tests.bench.table import Row
from tests.bench.unit import (
    bare_signature,
    children_of,
    cpu_seconds_of_processes,
    proportional_megabytes,
    resident_megabytes,
)
from tests.http_browser import HttpBrowser
from tests.servers.site import Process

# All of them may take the role that is clicked.
PEOPLE = ("jane", "helen", "lena", "raj")
CLIENTS = 8
CLICKS = 100
MORE_CLICKS = 600


def figures(stage: Stage) -> Iterator[Row]:
    """Eight browsers click at the same time, on a role and on a service."""
    service = known_service(stage)
    for workers in (1, 2):
        web = stage.web(workers=workers)
        told = f"{workers} worker process{'es' if workers > 1 else ''}"
        browsers = [stage.browser((name, password_of(name))) for name in PEOPLE * (CLIENTS // len(PEOPLE))]
        services = [starting(browser, service) for browser in browsers]
        check_answered(services[0](), stage)
        yield together(stage, web, f"console clicks, {told}", [console(browser) for browser in browsers])
        yield memory(web, f"memory, {told}, after these clicks")
        yield together(stage, web, f"clicks on a service, {told}", services)
        many([console(browser) for browser in browsers], stage.effort.times(MORE_CLICKS))
        yield memory(web, f"memory, {told}, {stage.effort.times(MORE_CLICKS) * CLIENTS:,} clicks later")
    yield from worker_and_timetable(stage)


def console(browser: HttpBrowser) -> Callable[[], object]:
    """A click on the role in this browser."""
    return lambda: browser.open_console(ACCOUNT, ROLE)


def many(clicks: Sequence[Callable[[], object]], times: int) -> None:
    """Every browser has clicked so often, all at the same time."""

    def one(click: Callable[[], object]) -> None:
        for _ in range(times):
            click()

    with ThreadPoolExecutor(len(clicks)) as pool:
        list(pool.map(one, clicks))


def together(stage: Stage, web: Process, name: str, clicks: Sequence[Callable[[], object]]) -> Row:
    """The CPU time of all workers for one click, and how many clicks there were in a second."""
    pids = children_of(web.pid)
    times, cpus, units, rates = stage.effort.times(CLICKS), [], [], []
    many(clicks, max(1, times // 4))
    for _ in range(stage.effort.turns):
        unit = bare_signature(times=stage.effort.times(300))
        before, began = cpu_seconds_of_processes(pids), time.monotonic()
        many(clicks, times)
        number = times * len(clicks)
        rates.append(number / (time.monotonic() - began))
        cpus.append((cpu_seconds_of_processes(pids) - before) / number)
        units.append(cpus[-1] * 2 / (unit + bare_signature(times=stage.effort.times(300))))
    cpu = median(cpus)
    remark = f"{median(rates):,.0f} clicks/s, {1 / cpu:,.0f} per CPU second; {len(clicks)} browsers"
    return Row(name, cpu, median(units), CLICK_LIMIT, remark)


def memory(process: Process, name: str) -> Row:
    """What the processes of this program hold."""
    pids = [process.pid, *children_of(process.pid)]
    resident = [f"{resident_megabytes(pid):.0f}" for pid in pids]
    shares = [proportional_megabytes(pid) for pid in pids]
    known = [share for share in shares if share is not None]
    told = f"{sum(known):.0f} MB in all (PSS)" if len(known) == len(shares) else "PSS not to be read here"
    return Row(name, remark=f"{told}; RSS {resident[0]} MB + workers {' + '.join(resident[1:]) or 'none'}")


def worker_and_timetable(stage: Stage) -> Iterator[Row]:
    """What runs beside the web server, idle."""
    for process in (stage.site.start_worker(), stage.site.start_timetable()):
        wait_until_it_rests(process)
        yield memory(process, f"memory, Celery {process.name}")
    for process in stage.site.processes[-2:]:
        process.kill()
        stage.site.processes.remove(process)


def wait_until_it_rests(process: Process) -> None:
    """The program has started and does next to nothing now."""
    used = 0.0
    for _ in range(60):
        time.sleep(0.5)
        now = cpu_seconds_of_processes([process.pid, *children_of(process.pid)])
        if used and now - used < 0.02:
            return
        used = now
