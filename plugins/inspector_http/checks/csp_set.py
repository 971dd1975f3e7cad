from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.applicability import serves_html
from inspector_http.csp import ENFORCED, REPORT_ONLY, parse_meta_policies, parse_policies
from inspector_http.observations import Http


@check(
    "csp-set",
    title="Content-Security-Policy is set and enforced",
    references=("CSP Level 3 §3.1", "OWASP Content Security Policy Cheat Sheet"),
    applies=serves_html,
    needs=(),
)
def csp_set(http: Http) -> Verdict:
    """With a Content Security Policy (CSP) browsers run only the scripts that the site meant to send, so that text
    which an attacker brought into a page (cross-site scripting) does nothing.

    A policy under Content-Security-Policy-Report-Only, or under one of its old names, prevents nothing. A policy may
    also stand in the head of the page itself (``meta``).

    Remediation: send ``Content-Security-Policy`` with every page, at first as Content-Security-Policy-Report-Only until
    no more violations of the site's own pages are reported.
    """
    if parse_policies(http.field(ENFORCED)):
        return passed("sends a Content-Security-Policy", facts=("/headers",))
    if parse_meta_policies(http.meta_policies.value):
        return passed("has a Content-Security-Policy in the page itself", facts=("/meta_policies",))
    if parse_policies(http.field(REPORT_ONLY)):
        return failed("only reports violations, by Content-Security-Policy-Report-Only", facts=("/headers",))
    if http.field(ENFORCED):
        return failed("sends a Content-Security-Policy without any directive", facts=("/headers",))
    return failed("sends no Content-Security-Policy", facts=("/headers",))
