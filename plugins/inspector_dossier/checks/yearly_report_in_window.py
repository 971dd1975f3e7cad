"""yearly-report-in-window: the last yearly report that fell due was sent in time."""

from __future__ import annotations

from datetime import date

from inspector import Cause, Declared, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dossier.stated import due_year, not_in_operation, not_stated


@check("yearly-report-in-window", title="Yearly report is sent on time", about=SubjectKind.SYSTEM)
def yearly_report_in_window(
    declared: Declared, *, as_of: date, last_day: str = "12-24", first_year: int = 2026
) -> Verdict:
    """The owner reports each year on the systems, their levels, plans and inspections.

    Only the declared days are assessed. ``last_day`` (month and day) is the last one, ``first_year`` the first year
    for which a report is due under the regime.

    Remediation: send the report and declare it: ``yearly_reports: [{year: 2026, sent: 2026-12-22}]``.
    """
    if verdict := not_in_operation(declared):
        return verdict
    year = due_year(as_of, last_day, first_year, declared.in_operation_from)
    if year is None:
        return not_applicable("no yearly report is due yet", facts="yearly_reports")
    if declared.yearly_reports is None:
        return not_stated("the yearly reports are not stated", "yearly_reports")
    last = date.fromisoformat(f"{year}-{last_day}")
    sent = min((each.sent for each in declared.yearly_reports if each.year == year), default=None)
    days = {"year": str(year), "threshold": str(last)}
    if sent is None and declared.yearly_reports:
        return inconclusive(
            "the report of {year} is not stated; it was due by {threshold}",
            **days,
            cause=Cause.AMBIGUOUS,
            facts="yearly_reports",
        )
    if sent is None:
        return failed("declared as not sent; the report of {year} was due by {threshold}", **days)
    if sent > last:
        return failed(
            "the report of {year} was sent on {measured}, after {threshold}",
            **days,
            measured=str(sent),
            facts="yearly_reports",
        )
    return passed("the report of {year} was sent on {measured}", **days, measured=str(sent), facts="yearly_reports")
