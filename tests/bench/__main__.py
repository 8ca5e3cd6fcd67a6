"""Print the table of figures: `make bench`."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit

from deploy.demo import company
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.bench.directories import directory_figures
from tests.bench.in_process import entitlement_figures, signing_figures
from tests.bench.local_aws import figures as local_aws_figures
from tests.bench.services import service_figures
from tests.bench.unit import (
    bare_signature,
    children_of,
    cpu_seconds_of_processes,
    resident_megabytes,
)
from tests.http_browser import HttpBrowser
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import Postgres
from tests.servers.site import ROOT, Site, own_database, running_site

CLICKS = 1_000
SIGN_INS = 300
REDEMPTIONS = 300
# A shared machine is fast one second and slow the next: unit and operation take turns, and the median counts.
BATCHES = 5
MEMORY_AT = (2_000, 20_000)
PERSON, PASSWORD, ACCOUNT, ROLE = company.BENCH_PERSON


@dataclass(frozen=True)
class Row:
    """One line of the table; `cpu` in seconds an operation, `units` beside the unit measured at the same time."""

    name: str
    cpu: float
    remark: str = ""
    units: float | None = None


class StatementCounter:
    """How many statements the database has run for this database, and how many rows stand in two tables."""

    def __init__(self, server: Postgres, database: str) -> None:
        """Begin to count."""
        self.server, self.database = server, database
        server.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", database)

    def read(self) -> tuple[int, int]:
        """Statements and rows so far."""
        statements = self.server.query(
            "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s"
            " JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()",
            self.database,
        )
        rows = self.server.query(
            "SELECT (SELECT count(*) FROM idp_accesssession) + (SELECT count(*) FROM idp_auditrecord)",
            self.database,
        )
        return int(statements), int(rows)


def measure(
    name: str,
    operation: Callable[[], object],
    *,
    times: int,
    pids: list[int],
    counter: StatementCounter,
    remark: str,
) -> Row:
    """CPU time of the server's processes for one operation, with statements and rows beside it."""
    for _ in range(max(5, times // 20)):
        operation()
    statements, rows = counter.read()
    cpus, units = [], []
    for _ in range(BATCHES):
        unit = bare_signature(times=300)
        before = cpu_seconds_of_processes(pids)
        for _ in range(times // BATCHES):
            operation()
        cpus.append((cpu_seconds_of_processes(pids) - before) / (times // BATCHES))
        units.append(cpus[-1] / ((unit + bare_signature(times=300)) / 2))
    later_statements, later_rows = counter.read()
    # The counter's own two statements and its reading stand in between.
    asked = (later_statements - statements - 2) / times
    written = (later_rows - rows) / times
    counted = f"{asked:.1f} statements, {written:.1f} rows"
    told = ", ".join(part for part in (remark, counted) if part)
    return Row(name, median(cpus), told, median(units))


def site_figures(
    server: Postgres, slapd: Slapd, redis: RedisServer, folder: Path, *, memory: bool
) -> list[Row]:
    """Everything that is measured over HTTP on the production server, one worker process."""
    rows = []
    for reuse in (10, 0):
        database = f"bench_{reuse}"
        with running_site(
            folder / database,
            slapd=slapd,
            redis=redis,
            database_url=own_database(server, database),
            DRAWBRIDGE_DIRECTORY_REUSE_SECONDS=str(reuse),
        ) as (site, local_aws):
            web = next(process for process in site.processes if process.name == "web")
            workers = children_of(web.pid)
            browser = HttpBrowser(site.url)
            browser.sign_in(PERSON, PASSWORD)
            counter = StatementCounter(server, database)
            rows.append(console_click(browser, workers, counter, "reused" if reuse else "asked"))
            if reuse:
                rows.append(full_sign_in(browser, workers, counter))
                rows.append(redeem(browser, local_aws))
                rows += services(site, server, database, workers, counter)
                rows.append(redeem_through_the_bridge(browser, workers, counter))
                if memory:
                    print_memory(browser, workers[0])
    return rows


def services(
    site: Site, server: Postgres, database: str, workers: list[int], counter: StatementCounter
) -> list[Row]:
    """The road to a service that is not AWS."""

    def row(name: str, operation: Callable[[], object], times: int) -> Row:
        return measure(name, operation, times=times, pids=workers, counter=counter, remark="")

    return list(service_figures(site, server, database, row))


def redeem_through_the_bridge(browser: HttpBrowser, workers: list[int], counter: StatementCounter) -> Row:
    """A click on credentials: decided, signed, redeemed at the local AWS, recorded; the site's part is measured."""
    browser.ask("GET", "/")
    return measure(
        "credentials click (statement, STS, both records)",
        lambda: browser.post(f"/roles/{ACCOUNT}/{ROLE}/credentials", Accept="application/json"),
        times=REDEMPTIONS,
        pids=workers,
        counter=counter,
        remark="without the local AWS's own time",
    )


def redeem(browser: HttpBrowser, local_aws: LocalAws) -> Row:
    """One statement of ours redeemed at the local AWS, whose process is measured."""
    form = urlencode(
        {
            "Action": "AssumeRoleWithSAML",
            "Version": "2011-06-15",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
            "PrincipalArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/drawbridge",
            "SAMLAssertion": browser.open_console(ACCOUNT, ROLE),
        }
    )
    connection = HTTPConnection(urlsplit(local_aws.url).netloc, timeout=30)

    def once() -> None:
        connection.request("POST", "/", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"the local AWS answered {answer.status}: {text[:2_000]}")

    for _ in range(20):
        once()
    before = local_aws.cpu_seconds()
    for _ in range(REDEMPTIONS):
        once()
    cpu = (local_aws.cpu_seconds() - before) / REDEMPTIONS
    return Row("redeem on the local AWS (AssumeRoleWithSAML)", cpu, "2 signatures verified")


def console_click(browser: HttpBrowser, workers: list[int], counter: StatementCounter, asked: str) -> Row:
    """Session in place, from the request to the finished page."""
    signatures = browser.document(ACCOUNT, ROLE).count("SignatureValue>") // 2
    return measure(
        f"console click, directory's answer {asked}",
        lambda: browser.document(ACCOUNT, ROLE),
        times=CLICKS,
        pids=workers,
        counter=counter,
        remark=f"{signatures} signatures",
    )


def full_sign_in(browser: HttpBrowser, workers: list[int], counter: StatementCounter) -> Row:
    """Form, post, directory, roles page."""
    return measure(
        "full sign-in (form, post, directory, roles page)",
        lambda: browser.sign_in(PERSON, PASSWORD),
        times=SIGN_INS,
        pids=workers,
        counter=counter,
        remark="",
    )


def print_memory(browser: HttpBrowser, pid: int) -> None:
    """Resident memory of the web process after so many requests."""
    done, first = 0, 0.0
    for goal in MEMORY_AT:
        while done < goal:
            browser.document(ACCOUNT, ROLE)
            done += 1
        megabytes = resident_megabytes(pid)
        first = first or megabytes
        ratio = megabytes / first
        print(
            f"web process after {goal:>6,} further requests: {megabytes:6.1f} MB ({ratio:.3f} of the first)"
        )


def main() -> None:
    """Start everything, measure, print."""
    began = time.monotonic()
    unit = bare_signature()
    rows = [Row("bare RSA-3072 signature", bare_signature(3072, times=500))]
    rows += [Row(*figure) for figure in signing_figures()]
    rows += [Row(*figure) for figure in entitlement_figures(now=datetime.now(UTC))]
    rows += [Row(*figure) for figure in local_aws_figures()]
    with tempfile.TemporaryDirectory(prefix="drawbridge-bench-") as name:
        folder = Path(name)
        rows += [Row(*figure) for figure in directory_figures(folder)]
        with (
            Postgres(durable=True, options=("shared_preload_libraries=pg_stat_statements",)) as server,
            Slapd(folder / "slapd", ldif=company.ldif("dc=example,dc=test")) as slapd,
            RedisServer(folder / "redis") as redis,
        ):
            rows += site_figures(server, slapd, redis, folder, memory="--no-memory" not in sys.argv)
    unit = (unit + bare_signature()) / 2
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"\nunit: {unit * 1e3:.3f} ms CPU, one bare RSA-2048 signature; revision {revision}")
    print(f"{'operation':<72} {'ms CPU':>8} {'x unit':>7}  remark")
    for row in rows:
        units = row.units or row.cpu / unit
        print(f"{row.name:<72} {row.cpu * 1e3:>8.3f} {units:>7.2f}  {row.remark}")
    # A tenth of what is promised; `python -m tests.bench.sessions` alone takes all of it, and some minutes.
    subprocess.run(
        [sys.executable, "-m", "tests.bench.sessions", "--live", "100000", "--ended", "1000000"],
        cwd=ROOT,
        check=True,
    )
    print(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
