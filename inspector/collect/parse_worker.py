"""Parse jobs: what is sent to a worker process, and the function that runs there; it imports no event loop."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pkgutil import resolve_name

from inspector.model.base import Cause, Model
from inspector.model.errors import ScanFailure
from inspector.model.escaping import text_of
from inspector.model.observation import ScanOutput
from inspector.model.subject import Subject
from inspector.plugin.probe import Parse, ParseContext, Probe


class _TrustMaterial(Model):
    """What all jobs of an inspection have in common."""

    declared_roots: bytes
    public_roots: bytes
    dnssec_anchors: tuple[str, ...]


class _ParseJob(Model):
    module: str
    function: str | None
    probe: str
    output: ScanOutput
    subject: Subject
    seen_at: datetime


@lru_cache(maxsize=1)
def _context(declared_roots: bytes, public_roots: bytes, dnssec_anchors: tuple[str, ...]) -> bytes:
    return _TrustMaterial(
        declared_roots=declared_roots, public_roots=public_roots, dnssec_anchors=dnssec_anchors
    ).canonical()


#: The material of a context, the same object for every job of a worker.
_material = lru_cache(maxsize=1)(_TrustMaterial.parse)


def run_job(payload: bytes, context: bytes) -> bytes:
    """The facts of one scan as JSON, from the JSON of a ``_ParseJob`` and of a ``_TrustMaterial``.

    Runs in the worker process, and imports no more there than the parser needs. Raises ScanFailure.
    """
    job, material = _ParseJob.parse(payload), _material(context)
    parse_context = ParseContext(
        subject=job.subject,
        seen_at=job.seen_at,
        declared_roots=material.declared_roots,
        public_roots=material.public_roots,
        dnssec_anchors=material.dnssec_anchors,
    )
    parse = _parser(job)
    try:
        return parse(job.output, parse_context).canonical()
    except ValueError as error:
        raise unreadable(error) from error


def unreadable(error: ValueError) -> ScanFailure:
    """Why there are no facts when a parser raises ``ValueError``: what was received makes no sense."""
    return ScanFailure(Cause.PROTOCOL_ERROR, f"what was received cannot be read: {text_of(error, 500)}")


def _parser(job: _ParseJob) -> Parse:
    """The parser; one that cannot be imported by name is found by the name of its probe."""
    if job.function is not None:
        return resolve_name(f"{job.module}:{job.function}")  # type: ignore[no-any-return]  # pack() named a Read
    found = vars(resolve_name(job.module)).values()
    return next(each.parse for each in found if isinstance(each, Probe) and each.name == job.probe)


def pack(probe: Probe, output: ScanOutput, parse_context: ParseContext) -> tuple[bytes, bytes]:
    """Payload and context for ``run_job``."""
    name = getattr(probe.parse, "__qualname__", "<>")
    job = _ParseJob(
        module=probe.module if "<" in name else probe.parse.__module__,
        function=None if "<" in name else name,
        probe=probe.name,
        output=output,
        subject=parse_context.subject,
        seen_at=parse_context.seen_at,
    )
    return job.canonical(), _context(
        parse_context.declared_roots, parse_context.public_roots, parse_context.dnssec_anchors
    )
