"""licensed-inspector: the last inspection was by a licensed or designated body."""

from __future__ import annotations

from inspector import Declared, InspectionKind, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_in_operation, not_stated


@check("licensed-inspector", title="Inspection is by a licensed or designated body", about=SubjectKind.SYSTEM)
def licensed_inspector(declared: Declared) -> Verdict:
    """At this level a licensed, competent or designated body inspects the system; a self-assessment is not enough.

    Remediation: have a licensed or designated body inspect the system, then declare its licence:
    ``inspections: [{kind: periodic, date: 2026-10-01, by: …, licence: …}]``.
    """
    if verdict := not_in_operation(declared):
        return verdict
    periodic = [each for each in declared.inspections or () if each.kind is not InspectionKind.SELF]
    if not periodic:
        return not_stated("no inspection by others is stated", "inspections")
    last = max(periodic, key=lambda each: each.date)
    if last.licence is None:
        return not_stated("the licence or designation of the inspecting body is not stated", "inspections")
    if last.licence == "none":
        return failed(
            "inspected on {measured} by a body without licence or designation",
            measured=str(last.date),
            facts="inspections",
        )
    return passed("inspected on {measured} under {licence}", measured=str(last.date), licence=last.licence)
