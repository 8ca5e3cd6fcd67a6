"""Log lines as JSON, one event a line: nothing that a person or a directory holds can begin a new line."""

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """A line of JSON with the moment, the level, the room, the event and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; a traceback is a field of it, escaped like everything else."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "room": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
