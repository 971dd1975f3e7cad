"""operators-certified: the security staff hold the certificates that the law asks for."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_stated


@check("operators-certified", title="Security staff are certified", about=SubjectKind.SYSTEM)
def operators_certified(declared: Declared) -> Verdict:
    """Who is responsible for the security of state systems holds a certificate.

    Remediation: have the staff trained and certified, then declare ``operators_certified: true``.
    """
    certified = declared.operators_certified
    if certified is None:
        return not_stated("whether the staff are certified is not stated", "operators_certified")
    if certified:
        return passed("the declaration says that the staff are certified", facts="operators_certified")
    return failed("the declaration says that the staff are not yet certified", facts="operators_certified")
