"""The log of the local AWS: one JSON line on standard error for each thing accepted or refused."""

import json
import sys
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
