"""What several checks ask of a declaration: is the system in operation, is its level approved, what fell due when."""

from __future__ import annotations

from datetime import date

from inspector import Approval, ApprovalStatus, Cause, Declared, Stage, Verdict, inconclusive, not_applicable


def not_in_operation(declared: Declared) -> Verdict | None:
    """*not-applicable* for a system that is not in operation, else None."""
    if declared.stage in (Stage.OPERATING, Stage.UPGRADE):
        return None
    return not_applicable("the system is not in operation: {stage}", stage=declared.stage, facts="stage")


def approval_of(declared: Declared) -> Approval | Verdict:
    """The approval of the level; *inconclusive* where nothing is stated, *not-applicable* where there is none yet."""
    approval = declared.approval
    if approval is None:
        return not_stated("the approval is not declared", "approval")
    if approval.status is not ApprovalStatus.APPROVED:
        return not_applicable("the level is not approved: {status}", status=approval.status, facts="approval")
    return approval


def not_stated(message: str, fact: str) -> Verdict:
    """*inconclusive*, because the declaration is silent."""
    return inconclusive(message, cause=Cause.NOT_STATED, facts=fact)


def due_year(as_of: date, last_day: str, first_year: int, begun: date | None) -> int | None:
    """The newest year whose last day (``MM-DD``) is over on ``as_of``; None before the first one.

    ``begun`` is the day on which the system went into operation: a year before it is not due.
    """
    over = as_of > date.fromisoformat(f"{as_of.year}-{last_day}")
    year = as_of.year if over else as_of.year - 1
    if year < first_year or (begun is not None and begun > date.fromisoformat(f"{year}-{last_day}")):
        return None
    return year
