from __future__ import annotations

from inspector import EndOfSupport, Outcome, TableAt, Verdict, check, support_verdict
from inspector_http.applicability import answers
from inspector_http.observations import Http
from inspector_http.products import named_products


@check(
    "web-products-supported",
    title="Web server software is still supported",
    references=("NIST SP 800-53 SA-22", "CIS Controls v8 2.2"),
    needs=(),
)
def products_supported(http: Http, table: TableAt[EndOfSupport]) -> Verdict:
    """Nobody publishes fixes for software that is out of support: every vulnerability found from then on stays.

    The version is what the server says of itself. A distribution may fix a version for years without changing it; where
    that cannot be excluded, only the list of installed packages tells.

    Remediation: upgrade to a supported release, or use the packages of a supported distribution and install its
    updates.
    """
    closed = answers(http)
    if closed is not None:
        return closed
    verdict = support_verdict(named_products(http), table, (http.headers_fact,))
    if verdict.outcome is not Outcome.FAIL:
        http.require_page()
    return verdict
