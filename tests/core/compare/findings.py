"""Findings and judged systems for comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inspector.compare.difference import Judged, ScanKey, Side
from inspector.model.base import Cause
from inspector.model.finding import EvidenceRef, Finding, Force, Obligation, Severity, finding_id
from inspector.model.verdict import Message, Outcome

URL = "https://www.example.vn"
ADDRESSES = ("192.0.2.1", "192.0.2.2")


def made(outcome: Outcome, **more: Any) -> Finding:
    """A finding about a service at the first address, unless said otherwise."""
    given: dict[str, Any] = {"requirement": "r", "subject": URL, "address": ADDRESSES[0], "system": "s"} | more
    unseen = outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    return Finding(
        **{
            "id": finding_id(given["requirement"], given["subject"]),
            "check": "c",
            "outcome": outcome,
            "cause": Cause.TIMEOUT if unseen else None,
            "obligation": Obligation.SHOULD,
            "force": Force.BASELINE,
            "severity": Severity.HIGH,
            "message": Message(id="m"),
            **given,
        }
    )


def resting(finding: Finding, *digests: str) -> Finding:
    """The finding, with this evidence."""
    return finding.model_copy(update={"evidence": tuple(EvidenceRef(evidence=each) for each in digests)})


def sealed(
    *findings: Finding, scans: dict[str, ScanKey] | None = None, rows: Sequence[str] = ("r",), **more: Any
) -> Judged:
    """The findings of a bundle; every scan in it was seen unless ``seen`` says otherwise."""
    known = scans or {}
    given: dict[str, Any] = {"seen": frozenset(known.values()), "requirements": frozenset(rows), "scans": known} | more
    return Judged(Side(system="s"), findings, **given)


def listed(*findings: Finding) -> Judged:
    """The findings of a findings.json."""
    return Judged(Side(system="s"), findings)
