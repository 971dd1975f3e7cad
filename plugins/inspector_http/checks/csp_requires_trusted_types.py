from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_html
from inspector_http.csp import ENFORCED, parse_meta_policies, parse_policies, requires_trusted_types
from inspector_http.observations import Http

FACTS = ("/headers", "/meta_policies")


@check(
    "csp-requires-trusted-types",
    title="Content-Security-Policy requires Trusted Types",
    references=("Trusted Types §4.2.1",),
    applies=serves_html,
    needs=(),
)
def csp_requires_trusted_types(http: Http) -> Verdict:
    """With Trusted Types the scripts of a page cannot turn unchecked text into code (DOM-based cross-site scripting).

    Remediation: add ``require-trusted-types-for 'script'`` after the scripts of the site were adapted.
    """
    policies = parse_policies(http.field(ENFORCED)) + parse_meta_policies(http.meta_policies.value)
    if not policies:
        return not_applicable("has no Content-Security-Policy that is enforced", facts=FACTS)
    if requires_trusted_types(policies):
        return passed("requires Trusted Types", facts=FACTS)
    return failed("does not require Trusted Types", facts=FACTS)
