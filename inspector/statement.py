"""Statements: what either side says about findings. They never change what was seen.

``apply`` is the one place where their effect is computed.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from inspector.finding import Finding, StatementNote
from inspector.model import Instant, Model


class StatementKind(StrEnum):
    """What is said."""

    EQUIVALENT_MEASURE = "equivalent-measure"
    ACCEPTED_RISK = "accepted-risk"
    REMEDIATION_PLANNED = "remediation-planned"
    INHERITED = "inherited"
    DISPUTED = "disputed"


class Decision(StrEnum):
    """What the inspecting side made of it."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Statement(Model):
    """One statement, about a finding id, or about a requirement and a subject."""

    kind: StatementKind
    finding: str | None = None
    requirement: str | None = None
    subject: str | None = None
    reason: str
    author: str
    until: Instant | None = None
    document: str | None = None
    decision: Decision = Decision.CLAIMED
    decided_by: str | None = None

    @model_validator(mode="after")
    def _aimed_and_decided(self) -> Self:
        if (self.finding is None) == (self.requirement is None):
            raise ValueError("name either finding, or requirement with subject")
        if self.requirement is not None and self.subject is None:
            raise ValueError("a requirement needs its subject")
        if self.decision is not Decision.CLAIMED and not self.decided_by:
            raise ValueError("a decision needs decided_by, someone of the inspecting side")
        return self

    def about(self, finding: Finding) -> bool:
        """Whether this statement speaks of that finding."""
        if self.finding is not None:
            return self.finding == finding.id
        return self.requirement == finding.requirement and self.subject == finding.subject


class Statements(Model):
    """The statements paper."""

    statements: tuple[Statement, ...] = ()


#: Kinds that, once accepted and not past their date, keep a failure out of the exit code.
EXCUSING = frozenset({StatementKind.EQUIVALENT_MEASURE, StatementKind.ACCEPTED_RISK, StatementKind.INHERITED})


def apply(finding: Finding, statements: tuple[Statement, ...], as_of: datetime) -> Finding:
    """The finding with the statements about it beside its unchanged outcome.

    ``excused`` is set only by an accepted statement of an excusing kind that is not past its date.
    """
    about = [statement for statement in statements if statement.about(finding)]
    live = [each for each in about if each.until is None or each.until >= as_of]
    return finding.model_copy(
        update={
            "statements": tuple(
                StatementNote(
                    kind=each.kind.value,
                    decision=each.decision.value,
                    author=each.author,
                    reason=each.reason,
                    until=each.until,
                    document=each.document,
                )
                for each in about
            ),
            "excused": any(each.decision is Decision.ACCEPTED and each.kind in EXCUSING for each in live),
        }
    )
