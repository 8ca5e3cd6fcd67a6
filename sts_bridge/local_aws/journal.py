"""The log of the local AWS: one JSON line on standard error for each thing accepted or refused.

What the web server has to say comes in the same form.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

_LONGEST_VALUE = 256


def write_line(event: str, **fields: str | int | None) -> None:
    """Write one line; long values are cut, and line ends in them cannot start a new line."""
    line: dict[str, str | int] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
    for name, value in fields.items():
        if value is not None:
            line[name] = value[:_LONGEST_VALUE] if isinstance(value, str) else value
    # Only ASCII leaves, so a terminal cannot be steered by what somebody posted.
    sys.stderr.write(json.dumps(line, ensure_ascii=True) + "\n")
    sys.stderr.flush()


class ServerLines(logging.Handler):
    """Writes what the web server's own loggers say as lines of this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; of a fault its kind and place, because its text may hold what somebody posted."""
        fault = record.exc_info[1] if record.exc_info else None
        where = None
        if fault is not None and fault.__traceback__ is not None:
            frame = traceback.extract_tb(fault.__traceback__)[-1]
            where = f"{frame.filename}:{frame.lineno}"
        write_line(
            "server",
            level=record.levelname,
            message=type(fault).__name__ if fault else record.getMessage(),
            where=where,
        )
