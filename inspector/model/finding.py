"""A finding: one requirement, one subject, one outcome, and everything needed to dispute it."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from inspector.model.base import Cause, Instant, Model, Value
from inspector.model.verdict import Message, Outcome


class Force(StrEnum):
    """How strongly a requirement binds. REGULATION: binding law, evidence towards a clause, international baseline."""

    BINDING = "binding"
    CLAUSE_EVIDENCE = "clause-evidence"
    BASELINE = "baseline"
    INFO = "info"


class Obligation(StrEnum):
    """Whether the requirement must or should be met; *must* needs force binding or clause-evidence."""

    MUST = "must"
    SHOULD = "should"


class Severity(StrEnum):
    """How grave a failure is, from info to critical."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (info) to 4 (critical)."""
        return list(Severity).index(self)


class ClauseRef(Model):
    """A pointer to a clause, as resolved from the regime: document, number, own-words title, confidence H, M or L."""

    id: str
    document: str
    number: str
    title_vi: str
    title_en: str
    confidence: str
    source: str


class EvidenceRef(Model):
    """Evidence that a finding rests on: digest of the evidence file, digests of its raw bytes, look number."""

    evidence: str
    raw: tuple[str, ...] = ()
    scan: int = 1


class StatementNote(Model):
    """What a statement says beside an unchanged verdict (see ``inspector.declare.statement``)."""

    kind: str
    decision: str
    author: str
    reason: str
    until: Instant | None = None
    document: str | None = None


class Finding(Model):
    """One requirement judged on one subject.

    ``id`` is the same for ministry, enterprise and CI: a hash of requirement and subject, without system, declarer,
    address or version. ``subject`` is the normalised URI; ``endpoint`` the declared URI it comes from, if any.
    ``confirmed`` is True when a confirmation scan agreed; False when it could not, or when nobody looked again because
    the row's force is info; None when no confirmation scan applies.
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
    """Stable id of a finding: the first 32 hexadecimal digits of SHA-256 over requirement id and subject."""
    return hashlib.sha256(f"{requirement}\n{subject}".encode()).hexdigest()[:32]
