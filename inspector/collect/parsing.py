"""Parses raw bytes to facts: in this process or in a worker process, always time-limited.

Outside the main thread light parsers run in a worker process, too: a parser that does not return, such as a regular
expression that backtracks, can be interrupted in the main thread only (``inspector.plugin.time_limits``).
"""

from __future__ import annotations

import asyncio
import json

from inspector.collect.parse_worker import pack, run_job, unreadable
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.escaping import text_of
from inspector.model.observation import FailureNote, ScanOutput
from inspector.network import run_isolated
from inspector.plugin.containment import contained, described
from inspector.plugin.probe import ParseContext, Probe
from inspector.plugin.time_limits import call_within, is_main_thread

#: Seconds that a parser may take in this process, and in a worker process.
READ_SECONDS = 20.0
WORKER_PARSE_SECONDS = 60.0


async def read(probe: Probe, output: ScanOutput, parse_context: ParseContext) -> dict[str, object]:
    """The facts that ``probe`` parses from raw bytes, in their JSON form. Raises ScanFailure or what the parser
    raises.
    """
    if probe.parse_in_worker:
        return await _read_in_worker(probe, output, parse_context, WORKER_PARSE_SECONDS)
    what = f"parsing what {probe.name!r} received"
    if not is_main_thread():
        return await _light_in_worker(probe, output, parse_context, what)
    await asyncio.sleep(0)  # other tasks run between the end of a scan, its parsing, and the use of the facts
    facts = call_within(READ_SECONDS, what, probe.parse, output, parse_context)
    await asyncio.sleep(0)
    return call_within(READ_SECONDS, what, facts.model_dump, mode="json")


async def _read_in_worker(
    probe: Probe, output: ScanOutput, parse_context: ParseContext, seconds: float
) -> dict[str, object]:
    payload, context = pack(probe, output, parse_context)
    facts: dict[str, object] = json.loads(await run_isolated(run_job, payload, timeout=seconds, context=context))
    return facts


async def _light_in_worker(
    probe: Probe, output: ScanOutput, parse_context: ParseContext, what: str
) -> dict[str, object]:
    """A light parser's facts; one that takes too long ends with the same cause as in the main thread."""
    try:
        return await _read_in_worker(probe, output, parse_context, READ_SECONDS)
    except ScanFailure as failure:
        if failure.cause is not Cause.TIMEOUT:
            raise
        raise ScanFailure(Cause.BUG, f"{what} took longer than {READ_SECONDS:g} s") from None


def failure_of(error: BaseException, probe: Probe) -> FailureNote:
    """What is recorded when a scan or a parser ends with an exception."""
    if isinstance(error, ScanFailure):
        return FailureNote(cause=error.cause, detail=text_of(error, 2000))
    if isinstance(error, TimeoutError):
        return FailureNote(cause=Cause.TIMEOUT, detail="the scan did not end in time")
    return FailureNote(cause=Cause.BUG, detail=f"{probe.module} raised {described(error)}")


async def facts_of(
    probe: Probe, output: ScanOutput, parse_context: ParseContext
) -> tuple[dict[str, object] | None, FailureNote | None]:
    """The facts that ``probe`` parses from raw bytes, or why there are none."""
    try:
        with contained():
            return await read(probe, output, parse_context), None
    except ValueError as error:
        return None, failure_of(unreadable(error), probe)
    except Exception as error:  # noqa: BLE001  (whatever a plugin raises becomes evidence)
        return None, failure_of(error, probe)
