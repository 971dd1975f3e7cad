"""Where log lines go: stderr, from a level on, as text or JSON.

Flags come before settings (``[logging]`` in inspector.toml, ``INSPECTOR_LOGGING__LEVEL``); without either, warnings and
errors are written as text.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

from inspector.cli import terminal
from inspector.model.log_format import FORMATTERS, LogFormat, LogLevel

#: The logger above all of the core's; what other libraries log may hold secrets and is not written.
ROOT = logging.getLogger("inspector")


@dataclass(slots=True)
class _Flags:
    level: LogLevel | None = None
    format: LogFormat | None = None


_flags = _Flags()


def use(level: LogLevel | None, form: LogFormat | None) -> None:
    """Log as the flags say."""
    _flags.level, _flags.format = level, form
    configure(LogLevel.WARNING, LogFormat.TEXT)


def configure(level: LogLevel, form: LogFormat) -> None:
    """Log as the settings say, where no flag says otherwise."""
    everything = logging.getLogger()
    if not everything.handlers:
        everything.addHandler(logging.NullHandler())  # without any, Python writes the warnings of libraries to stderr
    for handler in list(ROOT.handlers):
        if isinstance(handler, _Stderr):
            ROOT.removeHandler(handler)
    handler = _Stderr(sys.stderr)
    handler.setFormatter(FORMATTERS[_flags.format or form]())
    ROOT.addHandler(handler)
    ROOT.setLevel((_flags.level or level).value.upper())


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]  # not generic at run time
    """The handler of the command line; a stderr that takes no more ends nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  (logging's name)
        """Note that stderr takes no more."""
        error = sys.exception()
        if isinstance(error, OSError):
            terminal.lose("stderr", error)
