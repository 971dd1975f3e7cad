"""The file layout of a bundle, without the limits of its sizes (``inspector.record.limits``).

::

    <root>/<run>/requests.jsonl.zst           what was asked for when the run began, to go on with it
    <root>/<run>/index.jsonl                  every attempt of the run; this and the requests alone name several systems
    <root>/<run>/index.dsse.json              signature over its lines up to the last sealed bundle or assessment
    <root>/<run>/<system>/<inspection>/
      capture/                                sealed once
        inspection.json  documents/  settings.json  plan.json  regime.json  next-regime.json  plugins.json
        documents/further-authorisations/     those that were given when it was resumed, if any
        trust/<name>                          trust roots, anchors and tables
        observations/<digest>.json            one Evidence each, named by its own SHA-256
        raw/<2>/<sha256>.zst                  raw bytes, named by the SHA-256 of the uncompressed data
        journal.jsonl  ledger.jsonl
        incidents.jsonl                       what was lost, if anything was
        manifest.dsse.json
      assessments/<as_of>-<regime>/
        requirements.json  findings.json  assessment.json  reports/<name>
        manifest.dsse.json
      lock  salt  partial/                    while something is being written; not part of the bundle
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

CAPTURE = "capture"
ASSESSMENTS = "assessments"
LOCK = "lock"
SALT = "salt"
PARTIAL = "partial"

MANIFEST = "manifest.dsse.json"
OBSERVATIONS = "observations"
RAW = "raw"
FURTHER = "documents/further-authorisations"
TRUST = "trust"
REPORTS = "reports"
JOURNAL = "journal.jsonl"
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


def observation_name(digest: str) -> str:
    """The file of the evidence with this digest, relative to the capture."""
    return f"{OBSERVATIONS}/{digest}.json"


def raw_name(sha256: str) -> str:
    """The file of the raw bytes with this SHA-256, relative to the capture."""
    return f"{RAW}/{sha256[:2]}/{sha256}.zst"
