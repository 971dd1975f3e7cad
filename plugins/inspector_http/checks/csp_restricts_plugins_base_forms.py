from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_html
from inspector_http.csp import ENFORCED, other_weaknesses, parse_meta_policies, parse_policies
from inspector_http.headers import shorten
from inspector_http.observations import Http

FACTS = ("/headers", "/meta_policies")


@check(
    "csp-restricts-plugins-base-forms",
    title="Content-Security-Policy restricts plugins, base URL and form targets",
    references=("CSP Level 3 §6.1.9", "CSP Level 3 §6.3.1", "CSP Level 3 §6.4.1"),
    applies=serves_html,
    needs=(),
)
def csp_restricts_plugins_base_forms(http: Http) -> Verdict:
    """By an injected ``base`` element an attacker loads the scripts of a page from a host of his own, by an injected
    form he receives what the user types, by an injected ``object`` old browsers run its plugin.

    ``base-uri`` and ``form-action`` do not fall back to ``default-src``. Framing by other sites
    (``frame-ancestors``) is a check of its own.

    Remediation: add ``object-src 'none'; base-uri 'none'; form-action 'self'``.
    """
    policies = parse_policies(http.field(ENFORCED))
    if not other_weaknesses(policies):
        return passed("restricts object-src, base-uri and form-action", facts=("/headers",))
    policies += parse_meta_policies(http.meta_policies.value)
    if not policies:
        return not_applicable("has no Content-Security-Policy that is enforced", facts=FACTS)
    weaknesses = other_weaknesses(policies)
    if weaknesses:
        measured = [shorten(each, 120) for each in weaknesses]
        return failed("is missing, or allows any site: {measured}", measured=measured, facts=FACTS)
    return passed("restricts object-src, base-uri and form-action", facts=FACTS)
