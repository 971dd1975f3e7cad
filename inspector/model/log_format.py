"""Log lines: levels, and the two forms in which they are written."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from inspector.model.escaping import escape_commands, escape_control


class LogLevel(StrEnum):
    """From which level on log lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """The form of log lines: text for people, or one JSON object per line."""

    TEXT = "text"
    JSON = "json"


#: What log lines say beside the message, where it is known: ``extra`` of a log call.
FIELDS = (
    *("run", "system", "inspection", "regime", "probe", "subject", "address", "authorisation"),
    *("scan", "count", "connections", "seconds", "cause", "detail", "path"),
)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The structured fields of a log record; texts of servers and documents are escaped."""
    found = {name: record.__dict__[name] for name in FIELDS if record.__dict__.get(name) is not None}
    return {name: value if isinstance(value, int | float) else _escaped(value) for name, value in found.items()}


def _escaped(value: object) -> str:
    return escape_commands(escape_control(str(value), keep=""))


class TextFormatter(logging.Formatter):
    """``LEVEL logger: message name=value …`` on one line; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        line = f"{record.levelname} {record.name}: {_escaped(record.getMessage())}{fields}"
        if record.exc_info:
            line += "\n" + escape_commands(escape_control(self.formatException(record.exc_info)))
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message``, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _escaped(record.getMessage()),
            **fields_of(record),
        }
        if record.exc_info:
            line["traceback"] = _escaped(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


FORMATTERS = {LogFormat.TEXT: TextFormatter, LogFormat.JSON: JsonFormatter}
