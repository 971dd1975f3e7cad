from __future__ import annotations

from inspector import EndOfSupport, Outcome, TableAt, Verdict, check, inconclusive, support_verdict
from inspector_services.observations import Banners
from inspector_services.products import named_products


@check(
    "services-supported",
    title="Software of open ports is still supported",
    references=("NIST SP 800-53 SA-22", "CIS Controls v8 2.2"),
)
def services_supported(banners: Banners, table: TableAt[EndOfSupport]) -> Verdict:
    """Nobody publishes fixes for software that is out of support: every vulnerability found from then on stays.

    The version is what the server says of itself. A distribution may fix a version for years without changing it; where
    that cannot be excluded, only the list of installed packages tells.

    Remediation: upgrade to a supported release, or use the packages of a supported distribution and install its
    updates; close what nobody needs from outside.
    """
    verdict = support_verdict(named_products(banners), table, ("/ports",))
    if verdict.outcome is Outcome.PASS and banners.unreachable_cause is not None:
        return inconclusive("not every banner was seen", cause=banners.unreachable_cause)
    return verdict
