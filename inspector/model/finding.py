"""A finding: the outcome of one requirement on one subject, with everything needed to dispute it."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from inspector.model.base import Cause, Instant, Model, Value
from inspector.model.verdict import Message, Outcome


class Force(StrEnum):
    """How strongly a requirement binds: law, evidence for a clause, international baseline, information."""

    BINDING = "binding"
    CLAUSE_EVIDENCE = "clause-evidence"
    BASELINE = "baseline"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 (binding) to 3 (info)."""
        return _PLACES[self]


_PLACES = {each: place for place, each in enumerate(Force)}


class Obligation(StrEnum):
    """Whether the requirement must or should be met; *must* needs force binding or clause-evidence."""

    MUST = "must"
    SHOULD = "should"


class Severity(StrEnum):
    """The severity of a failure, from info to critical."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (info) to 4 (critical)."""
        return _RANKS[self]


_RANKS = {each: rank for rank, each in enumerate(Severity)}


class ClauseRef(Model):
    """A clause as resolved from the regime: document, number, title in our own words, confidence H, M or L."""

    id: str
    document: str
    number: str
    title_vi: str
    title_en: str
    confidence: str
    source: str


class EvidenceRef(Model):
    """The evidence behind a finding: digest of the evidence file, digests of its raw bytes, number of the scan."""

    evidence: str
    raw: tuple[str, ...] = ()
    scan: int = 1


class CommonCause(Model):
    """The cause that several findings follow from: nothing, or not all, was seen of one service at one address.

    Findings with equal values share the cause. ``subject`` is the URI of the service or of the page, ``probes`` those
    whose scans saw nothing, ``finding`` the id of the failing finding that reports the cause, if there is one.
    """

    subject: str
    address: str | None = None
    cause: Cause
    probes: tuple[str, ...] = ()
    finding: str | None = None


class StatementNote(Model):
    """A statement about a finding, shown with the unchanged verdict (see ``inspector.declare.statement``)."""

    kind: str
    decision: str
    author: str
    reason: str
    until: Instant | None = None
    document: str | None = None


class Finding(Model):
    """One requirement assessed on one subject.

    ``id`` is a hash of requirement and subject, without system, declarer, address or version: the same for ministry,
    enterprise and CI. ``subject`` is the normalised URI; ``endpoint`` the declared URI it comes from, if any.
    ``confirmed`` is True when a confirmation scan agreed; False when it could not run, or was not done because the
    row's force is info; None when no confirmation scan applies. ``follows_from`` is the common cause for which the
    finding could not be decided; None when it stands on its own.
    """

    id: str
    system: str
    subject: str
    endpoint: str | None = None
    address: str | None = None
    requirement: str
    check: str
    outcome: Outcome
    cause: Cause | None = None
    follows_from: CommonCause | None = None
    obligation: Obligation
    force: Force
    severity: Severity
    clauses: tuple[ClauseRef, ...] = ()
    message: Message
    measured: Value | None = None
    threshold: Value | None = None
    facts: tuple[str, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()
    seen_at: Instant | None = None
    confirmed: bool | None = None
    not_yet_due: bool = False
    attributed_to: str | None = None
    declared_status: str | None = None
    statements: tuple[StatementNote, ...] = ()
    excused: bool = False


def finding_id(requirement: str, subject: str) -> str:
    """The stable id of a finding: the first 32 hexadecimal digits of SHA-256 over requirement id and subject."""
    return hashlib.sha256(f"{requirement}\n{subject}".encode()).hexdigest()[:32]
