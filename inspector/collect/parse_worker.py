"""Heavy readings: what goes to the worker process that runs them, and what comes back."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from typing import Any

from inspector.model.base import Cause, Model, canonical
from inspector.model.errors import ScanFailure
from inspector.model.observation import ScanOutput
from inspector.model.subject import Subject
from inspector.plugin.probe import Parse, ParseContext, Probe


class _Material(Model):
    """What all readings of an inspection have in common."""

    declared_roots: bytes
    public_roots: bytes
    dnssec_anchors: tuple[str, ...]


class _HeavyRead(Model):
    module: str
    function: str | None
    probe: str
    output: ScanOutput
    subject: Subject
    seen_at: datetime


@lru_cache(maxsize=1)
def _context(declared_roots: bytes, public_roots: bytes, dnssec_anchors: tuple[str, ...]) -> bytes:
    return _Material(
        declared_roots=declared_roots, public_roots=public_roots, dnssec_anchors=dnssec_anchors
    ).canonical()


#: The material of a context, the same object for every job of a worker.
_material = lru_cache(maxsize=1)(_Material.parse)


def parse_in_worker(payload: bytes, context: bytes) -> bytes:
    """Run one probe's ``parse`` in a process of its own, which imports no more than that needs.

    JSON of a ``_HeavyRead`` and of a ``_Material`` in, JSON of the facts, or of the trouble, out.
    """
    work, material = _HeavyRead.parse(payload), _material(context)
    parse_context = ParseContext(
        subject=work.subject,
        seen_at=work.seen_at,
        declared_roots=material.declared_roots,
        public_roots=material.public_roots,
        dnssec_anchors=material.dnssec_anchors,
    )
    try:
        return b"+" + _function(work)(work.output, parse_context).canonical()
    except ScanFailure as failure:
        return b"-" + canonical({"cause": failure.cause.value, "detail": failure.message})


def _function(work: _HeavyRead) -> Parse:
    """The ``parse`` to run; one that has no name of its own is found by its probe."""
    found: Any = import_module(work.module)
    if work.function is None:
        return next(each.parse for each in vars(found).values() if isinstance(each, Probe) and each.name == work.probe)
    for name in work.function.split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]  # whatever stands under the name of a Read


def pack(probe: Probe, output: ScanOutput, parse_context: ParseContext) -> tuple[bytes, bytes]:
    """Payload and context for ``parse_in_worker``."""
    name = getattr(probe.parse, "__qualname__", "<>")
    work = _HeavyRead(
        module=probe.module if "<" in name else probe.parse.__module__,
        function=None if "<" in name else name,
        probe=probe.name,
        output=output,
        subject=parse_context.subject,
        seen_at=parse_context.seen_at,
    )
    return work.canonical(), _context(
        parse_context.declared_roots, parse_context.public_roots, parse_context.dnssec_anchors
    )


def unpack(answer: bytes) -> dict[str, object]:
    """The facts in the answer of ``parse_in_worker``. Raises ScanFailure."""
    told = json.loads(answer[1:])
    if answer[:1] == b"-":
        raise ScanFailure(Cause(told["cause"]), told["detail"])
    return dict(told)
