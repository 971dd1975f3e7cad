"""level-redetermined: the level was determined again after a change that alters what it rests on."""

from __future__ import annotations

from datetime import date

from inspector import Cause, Change, Declared, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dossier.stated import approval_of, not_stated


def _is_later(change: Change, approved: date | None) -> bool:
    return approved is None or change.date > approved


def _is_redetermined(change: Change) -> bool:
    return change.redetermined is not None and change.redetermined >= change.date


@check("level-redetermined", title="Level is determined again after relevant changes", about=SubjectKind.SYSTEM)
def level_redetermined(declared: Declared) -> Verdict:
    """A change of users, data, scope or connections may call for a higher level, by the same procedure as the first.

    Only the declared changes are assessed.

    Remediation: determine the level again and have it approved, then declare the day in
    ``changes: [{date: …, alters_level: true, redetermined: …}]``.
    """
    approval = approval_of(declared)
    if isinstance(approval, Verdict):
        return approval
    if declared.changes is None:
        return not_stated("whether the system has changed since its approval is not stated", "changes")
    later = [each for each in declared.changes if _is_later(each, approval.date) and not _is_redetermined(each)]
    open_days = [str(each.date) for each in later if each.alters_level]
    if open_days:
        return failed("changed on {measured}, the level is not determined again", measured=open_days, facts="changes")
    unknown = [str(each.date) for each in later if each.alters_level is None]
    if unknown:
        return inconclusive(
            "not stated whether the changes of {measured} alter the level",
            measured=unknown,
            cause=Cause.AMBIGUOUS,
            facts="changes",
        )
    return passed("no declared change since the approval alters the level", facts="changes")
