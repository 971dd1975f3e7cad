"""Log lines: their forms, and where they go."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from inspector.cli import log
from inspector.cli.app import call
from inspector.model.log_format import JsonFormatter, LogFormat, LogLevel, TextFormatter

HOSTILE = "a\x1b[2J\u202eb\nERROR inspector: forged"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The logger as it was."""
    before = logging.getLogger("inspector").level
    yield
    log.use(None, None)
    logging.getLogger("inspector").setLevel(before)


def record(message: str, *values: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("inspector.test").makeRecord(
        "inspector.test", logging.INFO, "", 0, message, values, None, extra=extra
    )


def test_a_text_line_is_one_line_whatever_a_value_holds() -> None:
    """Control characters, line breaks and changes of direction are escaped, in the message and in the fields."""
    line = TextFormatter().format(record("saw %s", HOSTILE, system=HOSTILE, count=3))
    escaped = "a\\x1b[2J\\u202eb\\nERROR inspector: forged"
    assert line == f"INFO inspector.test: saw {escaped} system={escaped} count=3"


def test_a_json_line_has_its_fields_and_nothing_unescaped() -> None:
    """One object per line; only known fields are written, so that nothing secret slips in."""
    line = JsonFormatter().format(record("scan ended", probe="tls", seconds=1.5, address=None, password="hunter2"))
    output = json.loads(line)
    assert output.pop("time").endswith("+00:00")
    assert output == {
        "level": "info", "logger": "inspector.test", "message": "scan ended", "probe": "tls", "seconds": 1.5,
    }  # fmt: skip
    hostile = JsonFormatter().format(record("saw %s", HOSTILE, detail=HOSTILE))
    assert hostile.isprintable()


def test_a_traceback_is_escaped_too() -> None:
    """An exception may quote a server."""
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    assert "\x1b" not in TextFormatter().format(made)
    assert JsonFormatter().format(made).isprintable()


def test_flags_come_before_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings are written by default; a flag of the command line wins over the settings."""
    logger = logging.getLogger("inspector.test")
    log.use(None, None)
    logger.info("hidden")
    log.configure(LogLevel.INFO, LogFormat.JSON)
    logger.info("as the settings say")
    log.use(LogLevel.DEBUG, LogFormat.TEXT)
    log.configure(LogLevel.ERROR, LogFormat.JSON)
    logger.debug("as the flags say")
    first, second = capsys.readouterr().err.splitlines()
    assert json.loads(first)["message"] == "as the settings say"
    assert second == "DEBUG inspector.test: as the flags say"


def test_libraries_do_not_log_here(capsys: pytest.CaptureFixture[str]) -> None:
    """What httpx or sslyze log may hold headers and secrets."""
    log.use(LogLevel.DEBUG, None)
    logging.getLogger("httpx").info("GET https://a.example/?token=1")
    logging.getLogger("inspector.test").info("ours")
    assert capsys.readouterr().err == "INFO inspector.test: ours\n"


@pytest.mark.parametrize("flag", ["--log-level", "--log-format"])
def test_an_unknown_level_or_format_is_misuse(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The known ones are named."""
    assert call(["list", "formats", flag, "loud"]) == 2
    assert f"Invalid value for '{flag}': 'loud' is not one of" in capsys.readouterr().err
