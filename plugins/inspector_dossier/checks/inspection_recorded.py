"""inspection-recorded: the system was inspected, within the interval where one is fixed."""

from __future__ import annotations

from datetime import date

from inspector import (
    Declared,
    InspectionKind,
    Quantity,
    SubjectKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
)
from inspector_dossier.stated import not_in_operation, not_stated


def _months_after(day: date, months: int) -> date:
    """The same day so many months later, at most the 28th."""
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, min(day.day, 28))


@check("inspection-recorded", title="Periodic inspection is recorded", about=SubjectKind.SYSTEM)
def inspection_recorded(declared: Declared, *, as_of: date, months: int | None = None) -> Verdict:
    """A system in operation is inspected periodically, by its level and its risks.

    Only the declaration is assessed. ``months`` is the longest interval, where the regime fixes one.

    Remediation: have the system inspected, then declare it:
    ``inspections: [{kind: periodic, date: 2026-10-01, by: …, licence: …}]``.
    """
    if verdict := not_in_operation(declared):
        return verdict
    if declared.inspections is None:
        return not_stated("the inspections of the system are not stated", "inspections")
    days = [each.date for each in declared.inspections if each.kind is not InspectionKind.BEFORE_OPERATION]
    last = max((day for day in days if day <= as_of), default=None)
    if months is None:
        if last is None:
            return not_stated("no inspection is recorded, and the regime fixes no interval", "inspections")
        return passed("last inspected on {measured}", measured=str(last), facts="inspections")
    limit = Quantity(value=months, unit="month")
    since = last or declared.in_operation_from
    if since is None:
        return not_stated("no inspection is recorded, and the start of operation is not stated", "inspections")
    if as_of > _months_after(since, months):
        message = "last inspected on {measured}; the longest interval is {threshold}"
        if last is None:
            message = "in operation since {measured} without an inspection; the longest interval is {threshold}"
        return failed(message, measured=str(since), threshold=limit, facts="inspections")
    if last is None:
        return not_applicable(
            "in operation since {measured}; an inspection is due within {threshold}",
            measured=str(since),
            threshold=limit,
            facts="in_operation_from",
        )
    return passed("last inspected on {measured}", measured=str(last), threshold=limit, facts="inspections")
