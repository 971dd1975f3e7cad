"""The file layout of a bundle, without the limits of its sizes (``inspector.record.limits``).

::

    <archive>/shared/<sha256>.zst             what many bundles share (trust roots, regimes, requirements), by the
                                              SHA-256 of the file
    <archive>/chains/<system>-<digest>.jsonl  the seals of a system, in their order (``inspector.seal.chain``)
    <archive>/<run>/requests.jsonl.zst        what was asked for when the run began, to go on with it
    <archive>/<run>/index.jsonl               every attempt of the run; this and the requests alone name several systems
    <archive>/<run>/index.dsse.json           signature over its lines up to the last sealed bundle or assessment
    <archive>/<run>/<system>/<inspection>/
      capture/                                sealed once
        pack.zst                              every part of the capture, one frame each (``inspector.seal.pack``)
        manifest.dsse.json
      assessments/<as_of>-<regime>/
        pack.zst                              assessment.json, findings.json, tables.json
        reports/<name>                        reports that are kept
        manifest.dsse.json
      shared/<sha256>.zst                     in a bundle that was exported, instead of the archive's
      ledger.jsonl  incidents.jsonl           while collecting; then parts of the capture
      lock  salt  partial/                    while something is being written; not part of the bundle
      unfinished/<scan>/                      what a long scan has seen so far, until it is recorded

The parts of a capture: ``inspection.json``, ``documents/``, ``settings.json``, ``plan.json``, ``regime.json``,
``next-regime.json``, ``plugins.json``, ``tables.json``, ``trust/<name>``, ``shared.json`` (SHA-256 of what is shared,
by part); ``documents/further-authorisations/`` where it was resumed under others; for each scan
``evidence/<number>-<probe>`` (``inspector.seal.scan_parts``); ``ledger.jsonl``, and ``incidents.jsonl`` where something
was lost. A part that is shared is listed in the manifest as ``shared/<part>``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

CAPTURE = "capture"
ASSESSMENTS = "assessments"
LOCK = "lock"
SALT = "salt"
PARTIAL = "partial"
UNFINISHED = "unfinished"

MANIFEST = "manifest.dsse.json"
PACK = "pack.zst"
SHARED = "shared"
SHARED_TABLE = "shared.json"
CHAINS = "chains"
EVIDENCE = "evidence"
FURTHER = "documents/further-authorisations"
TRUST = "trust"
REPORTS = "reports"
LEDGER = "ledger.jsonl"
INCIDENTS = "incidents.jsonl"
INDEX = "index.jsonl"
REQUESTS = "requests.jsonl.zst"
INDEX_MANIFEST = "index.dsse.json"

#: The most path components from a bundle's folder to a file of it.
DEPTH = 6

_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_step(name: str) -> bool:
    """Whether ``name`` may be one path component: no separator, no leading dot, printable ASCII."""
    return _STEP.fullmatch(name) is not None


def is_path(name: str) -> bool:
    """Whether ``name`` is a relative path of such components, at most ``DEPTH``."""
    steps = name.split("/")
    return len(steps) <= DEPTH and all(is_step(step) for step in steps)


def is_sha256(text: str) -> bool:
    """Whether ``text`` is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def assessment_name(as_of: datetime, regime: str) -> str:
    """The folder of an assessment of this date and regime; further ones of the same two get ``-2``, ``-3`` …"""
    return f"{as_of.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}-{regime}"


def shared_name(sha256: str) -> str:
    """The file of what is shared and has this SHA-256, relative to the archive."""
    return f"{SHARED}/{sha256}.zst"


def is_shared(part: str) -> bool:
    """Whether a manifest's entry is about something shared."""
    return part.startswith(f"{SHARED}/")


def is_file(part: str) -> bool:
    """Whether a manifest's entry is a file of its own, and not a frame of the pack or something shared."""
    return part == PACK or part.startswith(f"{REPORTS}/")
