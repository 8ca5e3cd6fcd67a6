"""One table for all figures: what an operation costs, in milliseconds and in units, and what is promised of it."""

from dataclasses import dataclass

NAME, NUMBER, LIMIT = 66, 9, 11


@dataclass(frozen=True)
class Row:
    """One line: `cpu` in seconds an operation, `units` beside the unit that was measured between its turns."""

    name: str
    cpu: float | None = None
    units: float | None = None
    limit: str = ""
    remark: str = ""

    def __str__(self) -> str:
        milliseconds = "-" if self.cpu is None else f"{self.cpu * 1e3:.3f}"
        units = "-" if self.units is None else f"{self.units:.2f}"
        return columns(self.name, milliseconds, units, self.limit or "-", self.remark)


def columns(name: str, milliseconds: str, units: str, limit: str, remark: str) -> str:
    """One line of the table."""
    return f"{name:<{NAME}} {milliseconds:>{NUMBER}} {units:>{NUMBER}} {limit:>{LIMIT}}  {remark}".rstrip()


HEADING = columns("operation", "ms CPU", "x unit", "limit", "beside it")


def introduction(*, unit: float, large: float, processor: str, cores: int, revision: str) -> str:
    """What a stranger must know to read the table."""
    return f"""\
Drawbridge {revision} on {processor}, {cores} cores

  unit      {unit * 1e3:.3f} ms of CPU: one bare RSA-2048 signature here, {1 / unit:,.0f} in a second of one core
            (RSA-3072: {large * 1e3:.3f} ms). It is measured again between the turns of every row.
  ms CPU    CPU time, user and system, of the process that is measured, for one operation: the web site's workers
            unless the row names another. Directory, database and the client that asks are not in it.
  x unit    the same in units: this is what can be compared between machines, and with a busy one.
  limit     what is promised; nothing here passes or fails. "x" are units, "st." statements at the database.
  st.       statements at the database for one operation; + tx.: BEGIN and COMMIT around them.
"""
