"""From raw bytes to facts: light readings here, heavy ones in a worker process, which imports no more than this."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from importlib import import_module

from inspector.deadline import bounded
from inspector.errors import Trouble
from inspector.model import Cause, Model, canonical
from inspector.network import isolate
from inspector.observation import Capture, TroubleNote
from inspector.probing import Probe, Reading
from inspector.subject import Subject

#: Seconds that a light ``read`` may take, and a heavy one in its own process.
READ_SECONDS = 20.0
HEAVY_READ_SECONDS = 60.0


class _Material(Model):
    """What all readings of an inspection have in common."""

    declared_roots: bytes
    public_roots: bytes
    dnssec_anchors: tuple[str, ...]


class _HeavyRead(Model):
    module: str
    probe: str
    capture: Capture
    subject: Subject
    seen_at: datetime


@lru_cache(maxsize=1)
def _context(declared_roots: bytes, public_roots: bytes, dnssec_anchors: tuple[str, ...]) -> bytes:
    return _Material(
        declared_roots=declared_roots, public_roots=public_roots, dnssec_anchors=dnssec_anchors
    ).canonical()


#: The material of a context, the same object for every job of a worker.
_material = lru_cache(maxsize=1)(_Material.parse)


def read_in_worker(payload: bytes, context: bytes) -> bytes:
    """Run one probe's ``read`` in a process of its own.

    JSON of a ``_HeavyRead`` and of a ``_Material`` in, JSON of the facts, or of the trouble, out.
    """
    work, material = _HeavyRead.parse(payload), _material(context)
    probe = next(
        value
        for value in vars(import_module(work.module)).values()
        if isinstance(value, Probe) and value.name == work.probe
    )
    reading = Reading(
        subject=work.subject,
        seen_at=work.seen_at,
        declared_roots=material.declared_roots,
        public_roots=material.public_roots,
        dnssec_anchors=material.dnssec_anchors,
    )
    try:
        return b"+" + probe.read(work.capture, reading).canonical()
    except Trouble as trouble:
        return b"-" + canonical({"cause": trouble.cause.value, "detail": trouble.message})


async def read(probe: Probe, capture: Capture, reading: Reading) -> dict[str, object]:
    """The facts that ``probe`` reads from raw bytes, in their JSON form. Raises Trouble."""
    if probe.heavy:
        work = _HeavyRead(
            module=probe.module,
            probe=probe.name,
            capture=capture,
            subject=reading.subject,
            seen_at=reading.seen_at,
        )
        context = _context(reading.declared_roots, reading.public_roots, reading.dnssec_anchors)
        answer = await isolate(read_in_worker, work.canonical(), timeout=HEAVY_READ_SECONDS, context=context)
        told = json.loads(answer[1:])
        if answer[:1] == b"-":
            raise Trouble(Cause(told["cause"]), told["detail"])
        return dict(told)
    with bounded(READ_SECONDS, f"reading what {probe.name!r} saw"):
        return probe.read(capture, reading).model_dump(mode="json")


def blame(error: BaseException, probe: Probe) -> TroubleNote:
    """What to write down when a look or a reading ends with an exception."""
    if isinstance(error, Trouble):
        return TroubleNote(cause=error.cause, detail=error.message[:2000])
    if isinstance(error, TimeoutError):
        return TroubleNote(cause=Cause.TIMEOUT, detail="the look did not end in time")
    where = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return TroubleNote(cause=Cause.BUG, detail=f"{probe.module} raised {where}: {str(error)[:500]}")


async def facts_of(
    probe: Probe, capture: Capture, reading: Reading
) -> tuple[dict[str, object] | None, TroubleNote | None]:
    """The facts that ``probe`` reads from raw bytes, or why there are none."""
    try:
        return await read(probe, capture, reading), None
    except Trouble as trouble:
        return None, TroubleNote(cause=trouble.cause, detail=trouble.message[:2000])
    except ValueError as error:
        detail = f"what was received cannot be read: {str(error)[:500]}"
        return None, TroubleNote(cause=Cause.PROTOCOL_ERROR, detail=detail)
    except Exception as error:  # noqa: BLE001  (whatever a plugin raises becomes evidence)
        return None, blame(error, probe)
