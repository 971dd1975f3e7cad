"""critical-certificate: a critical system is certified before it goes into operation."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_in_operation, not_stated


@check("critical-certificate", title="System is certified for operation", about=SubjectKind.SYSTEM)
def critical_certificate(declared: Declared) -> Verdict:
    """A system critical to national security goes into operation with a certificate of the authority.

    Remediation: apply for the certificate, then declare it: ``readiness_certificate: {number: …, date: …}``.
    """
    if verdict := not_in_operation(declared):
        return verdict
    certificate = declared.readiness_certificate
    if certificate == "none":
        return failed("declared as in operation without a certificate", facts="readiness_certificate")
    if certificate is None or not certificate.number:
        return not_stated("the certificate is not stated", "readiness_certificate")
    return passed("certified by {number}", number=certificate.number, facts="readiness_certificate")
