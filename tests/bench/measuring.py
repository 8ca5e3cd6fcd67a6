"""How a figure is taken: the unit and the operation take turns, and the medians count."""

from collections.abc import Callable
from statistics import median

from tests.bench.effort import Effort
from tests.bench.unit import bare_signature, cpu_seconds_of
from tests.servers.postgres import Postgres

SIGNATURES = 300
# The counter's own reading: two statements, of which the second stands before the later first.
OWN_STATEMENTS = 2


def in_turns(cpu: Callable[[], float], effort: Effort) -> tuple[float, float]:
    """CPU seconds of one operation, and the same in units."""
    cpus, units = [], []
    for _ in range(effort.turns):
        before = bare_signature(times=effort.times(SIGNATURES))
        cpus.append(cpu())
        units.append(cpus[-1] * 2 / (before + bare_signature(times=effort.times(SIGNATURES))))
    return median(cpus), median(units)


def here(operation: Callable[[], object], *, times: int, effort: Effort) -> tuple[float, float]:
    """The same for an operation of this process."""
    each = max(1, effort.times(times) // effort.turns)
    return in_turns(lambda: cpu_seconds_of(operation, times=each), effort)


class StatementCounter:
    """How many statements one database has run, those around transactions apart, and rows written."""

    def __init__(self, server: Postgres, database: str) -> None:
        """Begin to count."""
        self.server, self.database = server, database
        server.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", database)
        self.began = self._read()

    def told(self, operations: int) -> str:
        """What one operation asked and wrote since the counting began."""
        asked, around, written = (
            (now - before) / operations for now, before in zip(self._read(), self.began, strict=True)
        )
        asked -= OWN_STATEMENTS / operations
        return f"{asked:.1f} st. + {around:.1f} tx., {written:.1f} rows written"

    def _read(self) -> tuple[int, int, int]:
        control = "s.query ~* '^(begin|commit|rollback|savepoint|release)'"
        asked, around = self.server.query(
            f"SELECT coalesce(sum(calls) FILTER (WHERE NOT {control}), 0)::bigint,"  # noqa: S608 - our own words
            f" coalesce(sum(calls) FILTER (WHERE {control}), 0)::bigint FROM pg_stat_statements s"
            " JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()",
            self.database,
        ).split("|")
        rows = self.server.query(
            "SELECT (SELECT count(*) FROM idp_accesssession) + (SELECT count(*) FROM idp_auditrecord)"
            " + (SELECT count(*) FROM idp_servicesession)",
            self.database,
        )
        return int(asked), int(around), int(rows)
