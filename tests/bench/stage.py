"""What figures are taken on: real servers and the site as it is deployed, started when first needed."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Self

from deploy.demo import company
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd, free_port
from tests.bench.effort import Effort
from tests.bench.measuring import StatementCounter, in_turns
from tests.bench.table import Row
from tests.bench.unit import children_of, cpu_seconds_of_processes
from tests.http_browser import HttpBrowser
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import Postgres
from tests.servers.samba import SambaDc, laid_out_template
from tests.servers.site import MAPPING, Process, Site, local_aws_of, own_database

PERSON, PASSWORD, ACCOUNT, ROLE = company.BENCH_PERSON
DATABASE = "bench"
REUSE = 10


class Stage:
    """One site for all sections; no worker runs beside it, so that nothing but what is asked is measured."""

    def __init__(self, folder: Path, effort: Effort, *, domain: SambaDc | None = None) -> None:
        """Nothing runs yet; `domain` is a Samba template that is there already."""
        self.folder, self.effort, self._domain = folder, effort, domain
        self._ends = ExitStack()
        self._web: tuple[tuple[int, int], Process] | None = None

    @cached_property
    def server(self) -> Postgres:
        """A database server that writes to the disk, and counts statements."""
        return self._ends.enter_context(
            Postgres(durable=True, options=("shared_preload_libraries=pg_stat_statements",))
        )

    @cached_property
    def domain(self) -> SambaDc:
        """A domain of Active Directory to make copies of."""
        return self._domain or laid_out_template(self.folder / "domain")

    @cached_property
    def site(self) -> Site:
        """The demo's company and rules; its web server is for `web` to start."""
        slapd = self._ends.enter_context(
            Slapd(self.folder / "slapd", ldif=company.ldif("dc=example,dc=test"))
        )
        redis = self._ends.enter_context(RedisServer(self.folder / "redis"))
        site = self._ends.enter_context(
            Site(
                self.folder / "site",
                slapd=slapd,
                redis=redis,
                database_url=own_database(self.server, DATABASE),
                local_aws_url=f"http://127.0.0.1:{free_port()}",
            )
        )
        site.prepare(mapping=MAPPING)
        return site

    @cached_property
    def local_aws(self) -> LocalAws:
        """A local AWS that trusts the site."""
        return self._ends.enter_context(local_aws_of(self.site))

    def web(self, *, workers: int = 1, reuse_seconds: int = REUSE) -> Process:
        """The production server runs with so many worker processes, and reuses the directory's answers so long."""
        wanted = (workers, reuse_seconds)
        if self._web is None or self._web[0] != wanted:
            if self._web is not None:
                self._web[1].kill()
                self.site.processes.remove(self._web[1])
            self.site.env["DRAWBRIDGE_DIRECTORY_REUSE_SECONDS"] = str(reuse_seconds)
            assert self.local_aws.url, "the site's settings name it, so it runs too"
            self._web = (wanted, self.site.start_web(workers=workers))
        return self._web[1]

    def browser(self, who: tuple[str, str] = (PERSON, PASSWORD)) -> HttpBrowser:
        """Somebody's browser, signed in at the running site."""
        browser = HttpBrowser(self.site.url)
        browser.sign_in(*who)
        return browser

    def query(self, sql: str) -> str:
        """What the site's database answers."""
        return self.server.query(sql, DATABASE)

    def measure(
        self, name: str, operation: Callable[[], object], *, times: int, limit: str = "", remark: str = ""
    ) -> Row:
        """CPU time of the site's workers for one operation; statements and rows beside it."""
        assert self._web is not None
        pids = children_of(self._web[1].pid)
        each = max(1, self.effort.times(times) // self.effort.turns)
        for _ in range(max(self.effort.turns, each // 4)):
            operation()
        counter = StatementCounter(self.server, DATABASE)

        def turn() -> float:
            before = cpu_seconds_of_processes(pids)
            for _ in range(each):
                operation()
            return (cpu_seconds_of_processes(pids) - before) / each

        cpu, units = in_turns(turn, self.effort)
        counted = counter.told(each * self.effort.turns)
        return Row(name, cpu, units, limit, f"{counted}; {remark}" if remark else counted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()
