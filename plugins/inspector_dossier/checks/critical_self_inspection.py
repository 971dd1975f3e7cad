"""critical-self-inspection: a critical system inspected itself this year, in time."""

from __future__ import annotations

from datetime import date

from inspector import Declared, InspectionKind, SubjectKind, Verdict, check, failed, not_applicable, passed
from inspector_dossier.stated import due_year, not_in_operation, not_stated


@check("critical-self-inspection", title="Yearly self-inspection is done in time", about=SubjectKind.SYSTEM)
def critical_self_inspection(
    declared: Declared, *, as_of: date, last_day: str = "09-30", first_year: int = 2026
) -> Verdict:
    """The owner of a critical system inspects it each year and gives notice of the result in time.

    Only the declared days are assessed, not the notice. ``last_day`` is a month and a day.

    Remediation: carry out the self-inspection, send the result, and declare it:
    ``inspections: [{kind: self, date: 2026-09-10}]``.
    """
    if verdict := not_in_operation(declared):
        return verdict
    year = due_year(as_of, last_day, first_year, declared.in_operation_from)
    if year is None:
        return not_applicable("no self-inspection is due yet", facts="inspections")
    if declared.inspections is None:
        return not_stated("the inspections of the system are not stated", "inspections")
    last = date.fromisoformat(f"{year}-{last_day}")
    own = [each.date for each in declared.inspections if each.kind is InspectionKind.SELF and each.date.year == year]
    first = min(own, default=None)
    if first is None:
        return failed("no self-inspection in {year}; it was due by {threshold}", year=str(year), threshold=str(last))
    days = {"measured": str(first), "threshold": str(last)}
    if first > last:
        return failed("inspected itself on {measured}, after {threshold}", **days, facts="inspections")
    return passed("inspected itself on {measured}", **days, facts="inspections")
