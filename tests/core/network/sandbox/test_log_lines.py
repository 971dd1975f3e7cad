"""What a worker process logs is logged by its parent, where it was asked for, with the fields of the job."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network import run_isolated
from inspector.network.sandbox import log_lines
from tests.core.network import worker_jobs as jobs


def told(payload: bytes = b"", *, asked: bool = True) -> None:
    fields = {"system": "a"} if asked else None
    asyncio.run(run_isolated(jobs.logs, payload, timeout=20.0, pool="test logs", log_fields=fields))


def test_lines_have_the_fields_of_the_job(caplog: pytest.LogCaptureFixture) -> None:
    """Level, logger, message and known fields are kept; the system is that of the job, whatever the line says."""
    with caplog.at_level(logging.INFO, "inspector"):
        told(b"finished \xe2\x80\xae\n")
    [line] = [each for each in caplog.records if each.name == "inspector.trial"]
    assert (line.levelno, line.getMessage()) == (logging.WARNING, "finished \u202e\n")
    assert {name: line.__dict__.get(name) for name in ("system", "count", "secret")} == {
        "system": "a",
        "count": 3,
        "secret": None,
    }


def test_only_what_is_shown_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    """A line below the level stays in the worker, a long one is cut, and none comes where none was asked for."""
    with caplog.at_level(logging.ERROR, "inspector"):
        told(b"quiet")
    with caplog.at_level(logging.INFO, "inspector"):
        told(b"x" * 10**6)
        told(b"unasked", asked=False)
    assert [len(each.getMessage()) for each in caplog.records if each.name == "inspector.trial"] == [4000]


def test_a_process_that_was_not_asked_to_log_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A parser of hostile bytes that sends a line all the same ends as one that sends nonsense."""
    with pytest.raises(ScanFailure, match="its process sent an invalid frame") as caught:
        asyncio.run(run_isolated(jobs.logs_unasked, b"", timeout=20.0))
    assert caught.value.cause is Cause.BUG
    assert caplog.records == []


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"{}",
        json.dumps({"logger": "root", "level": 30, "message": "m", "fields": {}}).encode(),
        json.dumps({"logger": "inspector", "level": "x", "message": "m", "fields": {}}).encode(),
        json.dumps({"logger": "inspector", "level": 30, "message": "m", "fields": 7}).encode(),
    ],
)
def test_nonsense_is_refused(line: bytes) -> None:
    """It raises what ends the job."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        log_lines.log(line, {})
