"""Log lines of a worker process, which its parent logs: sent as frames, bounded, and without code."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping

from inspector.model.log_format import FIELDS

#: The most characters of each text of a line.
_MOST = 4000


class Sender(logging.Handler):
    """Gives each line to ``send``: logger, level, message, and the fields that it has."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line; a traceback is a part of its message."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)[-_MOST // 2 :]
        known = {name: record.__dict__[name] for name in FIELDS if record.__dict__.get(name) is not None}
        fields = {name: value if isinstance(value, int | float) else _text(value) for name, value in known.items()}
        line = {"logger": record.name, "level": record.levelno, "message": _text(message), "fields": fields}
        self._send(json.dumps(line).encode())


def _text(value: object) -> str:
    """The text as far as JSON can hold it."""
    return str(value)[:_MOST].encode("utf-8", "backslashreplace").decode()


def log(data: bytes, fields: Mapping[str, object]) -> None:
    """Log a line of a worker, with these fields of its job. Raises KeyError, TypeError or ValueError for nonsense."""
    line = json.loads(data)
    name, level = str(line["logger"]), int(line["level"])
    if name.partition(".")[0] != "inspector":
        raise ValueError(f"a line of {name!r}")
    sent = {name: value for name, value in dict(line["fields"]).items() if name in FIELDS}
    if (logger := logging.getLogger(name)).isEnabledFor(level):
        logger.log(level, "%s", str(line["message"]), extra={**sent, **fields})
