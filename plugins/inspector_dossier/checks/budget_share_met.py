"""budget-share-met: security has its share of the spending on information technology."""

from __future__ import annotations

from inspector import Declared, Quantity, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_stated


@check("budget-share-met", title="Security has its share of the budget", about=SubjectKind.SYSTEM)
def budget_share_met(declared: Declared, *, percent: int = 15) -> Verdict:
    """State bodies spend a minimum share of the budget for information technology on security.

    Remediation: plan the share in the budget, then declare it in ``security_budget_percent``.
    """
    share = declared.security_budget_percent
    if share is None:
        return not_stated("the share of security in the budget is not stated", "security_budget_percent")
    shares = {"measured": Quantity(value=share, unit="%"), "threshold": Quantity(value=percent, unit="%")}
    if share < percent:
        return failed(
            "{measured} of the budget are for security; the minimum is {threshold}",
            **shares,
            facts="security_budget_percent",
        )
    return passed("{measured} of the budget are for security", **shares, facts="security_budget_percent")
