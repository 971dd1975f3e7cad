"""incident-contact-filed: the contact for incidents is filed with the authority."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_stated


@check("incident-contact-filed", title="Incident contact is filed", about=SubjectKind.SYSTEM)
def incident_contact_filed(declared: Declared) -> Verdict:
    """The authority knows whom to call when an incident is detected.

    Remediation: file the contact with the specialised cybersecurity force and keep it up to date; then declare the day
    in ``incident_contact_filed: 2026-09-15``.
    """
    filed = declared.incident_contact_filed
    if filed is None:
        return not_stated("whether the incident contact is filed is not stated", "incident_contact_filed")
    if filed == "never":
        return failed("the declaration says that the contact is not filed", facts="incident_contact_filed")
    return passed("the contact was filed on {measured}", measured=str(filed), facts="incident_contact_filed")
