"""licensed-inspection-after-events: a licensed body inspected after the last serious incident or major change."""

from __future__ import annotations

from inspector import (
    Cause,
    Declared,
    InspectionKind,
    SubjectKind,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)
from inspector_dossier.stated import not_in_operation, not_stated


@check(
    "licensed-inspection-after-events",
    title="Licensed inspection follows serious incidents and major changes",
    about=SubjectKind.SYSTEM,
)
def licensed_inspection_after_events(declared: Declared) -> Verdict:
    """After a serious incident or a major change a licensed or designated body inspects the system, at every level.

    Only the declaration is assessed. No text says what is serious or major, nor within which term: the owner states the
    events, a change that alters the level is a major one, and an inspection that is not stated yet is no failure.

    Remediation: have a licensed or designated body inspect the system, then declare it:
    ``inspections: [{kind: ad-hoc, date: 2026-10-01, by: …, licence: …}]``.
    """
    if verdict := not_in_operation(declared):
        return verdict
    major = [each.date for each in declared.changes or () if each.major or each.alters_level]
    last = max([*major, *(declared.serious_incidents or ())], default=None)
    if last is None:
        return _without_event(declared)
    if declared.inspections is None:
        return not_stated("the inspections of the system are not stated", "inspections")
    later = [each for each in declared.inspections if each.date >= last and each.kind is not InspectionKind.SELF]
    for each in later:
        if each.licence is not None and each.licence != "none":
            return passed(
                "inspected on {measured} under {licence}, after the event of {event}",
                measured=str(each.date),
                licence=each.licence,
                event=str(last),
                facts="inspections",
            )
    if not later:
        return inconclusive(
            "no inspection by others since the event of {measured} is stated; no term is fixed",
            measured=str(last),
            cause=Cause.NOT_STATED,
            facts="inspections",
        )
    if any(each.licence is None for each in later):
        return not_stated("the licence or designation of the inspecting body is not stated", "inspections")
    return failed(
        "after the event of {event} inspected on {measured} by a body without licence or designation",
        measured=[str(each.date) for each in later],
        event=str(last),
        facts="inspections",
    )


def _without_event(declared: Declared) -> Verdict:
    """The verdict where no serious incident and no major change is declared."""
    if declared.changes is None or declared.serious_incidents is None:
        return not_stated("the declaration does not state both serious incidents and changes", "serious_incidents")
    unknown = [str(each.date) for each in declared.changes if each.major is None]
    if unknown:
        return inconclusive(
            "not stated whether the changes of {measured} are major",
            measured=unknown,
            cause=Cause.NOT_STATED,
            facts="changes",
        )
    return not_applicable("no serious incident and no major change is declared", facts="serious_incidents")
