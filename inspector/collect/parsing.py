"""From raw bytes to facts: light readings here, heavy ones in a worker process."""

from __future__ import annotations

import asyncio

from inspector.collect.parse_worker import pack, parse_in_worker, unpack
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.observation import FailureNote, ScanOutput
from inspector.network import run_isolated
from inspector.plugin.probe import ParseContext, Probe
from inspector.plugin.time_limits import bounded

#: Seconds that a light ``parse`` may take, and a heavy one in its own process.
READ_SECONDS = 20.0
HEAVY_READ_SECONDS = 60.0


async def read(probe: Probe, output: ScanOutput, parse_context: ParseContext) -> dict[str, object]:
    """The facts that ``probe`` reads from raw bytes, in their JSON form. Raises ScanFailure."""
    if probe.parse_in_worker:
        work, context = pack(probe, output, parse_context)
        return unpack(await run_isolated(parse_in_worker, work, timeout=HEAVY_READ_SECONDS, context=context))
    await asyncio.sleep(0)  # others get their turn between the end of a scan, its reading, and what is made of that
    what = f"reading what {probe.name!r} saw"
    with bounded(READ_SECONDS, what):
        facts = probe.parse(output, parse_context)
    await asyncio.sleep(0)
    with bounded(READ_SECONDS, what):
        return facts.model_dump(mode="json")


def failure_of(error: BaseException, probe: Probe) -> FailureNote:
    """What to write down when a scan or a reading ends with an exception."""
    if isinstance(error, ScanFailure):
        return FailureNote(cause=error.cause, detail=error.message[:2000])
    if isinstance(error, TimeoutError):
        return FailureNote(cause=Cause.TIMEOUT, detail="the scan did not end in time")
    where = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return FailureNote(cause=Cause.BUG, detail=f"{probe.module} raised {where}: {str(error)[:500]}")


async def facts_of(
    probe: Probe, output: ScanOutput, parse_context: ParseContext
) -> tuple[dict[str, object] | None, FailureNote | None]:
    """The facts that ``probe`` reads from raw bytes, or why there are none."""
    try:
        return await read(probe, output, parse_context), None
    except ScanFailure as failure:
        return None, FailureNote(cause=failure.cause, detail=failure.message[:2000])
    except ValueError as error:
        detail = f"what was received cannot be read: {str(error)[:500]}"
        return None, FailureNote(cause=Cause.PROTOCOL_ERROR, detail=detail)
    except Exception as error:  # noqa: BLE001  (whatever a plugin raises becomes evidence)
        return None, failure_of(error, probe)
