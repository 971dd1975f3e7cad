"""security-unit-named: the owner has a unit, section or person for security."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_stated


@check("security-unit-named", title="Security unit is named", about=SubjectKind.SYSTEM)
def security_unit_named(declared: Declared) -> Verdict:
    """The head of the owner has a specialised unit for security, or names a section or persons for it.

    Remediation: name the unit by a decision, then declare its name in ``specialised_unit``.
    """
    unit = declared.specialised_unit
    if unit is None:
        return not_stated("the specialised unit is not stated", "specialised_unit")
    if unit == "none":
        return failed("the declaration says that there is no specialised unit", facts="specialised_unit")
    return passed("the specialised unit is {unit}", unit=unit, facts="specialised_unit")
